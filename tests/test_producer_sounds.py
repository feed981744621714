"""Files, the synthetic room and the shipped recording, and the event times they are played with."""

import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from producer.errors import ProducerError, RefusedError
from producer.pace import Heard, now, play
from producer.sound_file import SoundFile
from producer.stop import Stop
from producer.synthetic import SyntheticRoom
from producer.volume import volume

RECORDING = Path(__file__).parents[1] / "producer/recordings/shout.flac"
QUIET = [(0, 15), (33.1, 45), (46.5, 60)]  # seconds, as producer/recordings/README.md has them
SPEECH, SHOUT = (15, 33.1), (45, 46.5)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 2), (44_100, 2), (48_000, 4)])
def test_file_is_heard_whole_in_blocks_of_its_own_rate(tmp_path, suffix, rate, channels):
    path = tmp_path / f"sound.{suffix}"
    samples = np.random.default_rng(3).uniform(-0.9, 0.9, size=(round(0.5 * rate), channels))
    soundfile.write(path, samples, rate)
    decoded, _ = soundfile.read(path, always_2d=True)
    heard = list(play(SoundFile(path), 0.04, None, "fast", Stop()))
    length = round(0.04 * rate)
    assert [len(block) for _, block in heard] == [length] * 12 + [len(samples) - 12 * length]
    for start, (_, block) in zip(range(0, len(samples), length), heard, strict=True):
        expected = np.linalg.norm(decoded[start : start + length]) * 15
        assert volume(block, 15) == pytest.approx(expected, rel=1e-9)


def write(path, content):
    path.write_bytes(content)
    return path


def test_what_is_no_sound_is_refused_in_one_sentence(tmp_path):
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros((0, 1)), 16_000)
    cases = [
        (tmp_path / "no.wav", "There is no sound file '{path}'."),
        (tmp_path, "There is no sound file '{path}'."),
        (write(tmp_path / "zero.wav", b""), "'{path}' is empty."),
        (silent, "'{path}' is empty: a sound file without samples."),
        (
            write(tmp_path / "a.wav", b"text"),
            "'{path}' cannot be read as a sound file: Format not recognised.",
        ),
        (write(tmp_path / "a.raw", b"text"), "'{path}' cannot be read as a sound file: headerless samples."),
    ]
    for path, text in cases:
        with pytest.raises(RefusedError) as error:
            SoundFile(path)
        assert str(error.value) == text.format(path=path)


def test_damaged_file_is_heard_up_to_the_damage(tmp_path):
    damaged = write(tmp_path / "damaged.flac", RECORDING.read_bytes()[:100_000])
    heard: list[Heard] = []
    with pytest.raises(ProducerError, match=r"^'damaged\.flac' is damaged: .*flac decoder lost sync\.$"):
        heard.extend(play(SoundFile(damaged), 0.04, None, "fast", Stop()))
    assert heard


def test_fast_pace_ends_the_sound_now():
    before = now()
    heard = list(play(SyntheticRoom(60, seed=0), 0.04, None, "fast", Stop()))
    times = [event_time for event_time, _ in heard]
    assert len(times) == 1500
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(seconds=0.04)}
    assert before <= times[-1] <= now()
    assert times[0].utcoffset() is not None


def test_real_pace_gives_no_block_before_it_has_been_heard():
    start, times = time.monotonic(), []
    for event_time, _ in play(SyntheticRoom(60, seed=0), 0.04, 0.5, "real", Stop()):
        assert event_time <= now()
        times.append(event_time)
    assert time.monotonic() - start >= 0.5
    assert len(times) == 13  # 12.5 blocks
    assert {later - earlier for earlier, later in pairwise(times[:-1])} == {timedelta(seconds=0.04)}


def test_block_shorter_than_a_sample_is_refused():
    with pytest.raises(RefusedError) as error:
        next(play(SyntheticRoom(1, seed=0), 1e-6, None, "fast", Stop()))
    assert str(error.value) == "block must be at least one sample (1/16000 s), got 1e-06"


def test_synthetic_room_depends_on_its_seed_only():
    room = np.concatenate(list(SyntheticRoom(12, seed=5).blocks(640)))
    assert np.array_equal(room, np.concatenate(list(SyntheticRoom(12, seed=5).blocks(1001))))
    assert not np.array_equal(room, np.concatenate(list(SyntheticRoom(12, seed=6).blocks(640))))


def test_synthetic_room_shouts_when_it_says():
    volumes = np.array([volume(block, 15) for block in SyntheticRoom(60, seed=0).blocks(640)])
    shouting = np.zeros(1500, dtype=bool)
    for second in (10, 25, 40, 55):
        shouting[second * 25 : (second + 1) * 25] = True
    assert volumes[shouting].min() > 70
    assert 0.6 < volumes[~shouting].min() < volumes[~shouting].max() < 2


@pytest.fixture(scope="module")
def recorded():
    return np.array([volume(block, 15) for block in SoundFile(RECORDING).blocks(640)])


def part(values, seconds):
    return values[round(seconds[0] / 0.04) : round(seconds[1] / 0.04)]


def test_recording_is_quiet_then_speech_then_one_shout(recorded):
    assert soundfile.info(RECORDING).frames == 60 * 16_000
    assert RECORDING.stat().st_size < 1_500_000
    for seconds in QUIET:
        low, middle, high = np.percentile(part(recorded, seconds), [1, 50, 99])
        assert 0.7 < low < middle < high < 1.8
        assert high / low > 1.5  # it varies from block to block, as a room does
    assert 3 < part(recorded, SPEECH).max() < 5
    assert part(recorded, SHOUT).max() > 10 * part(recorded, SPEECH).max()


@pytest.mark.parametrize("seed", range(6))
def test_forest_of_the_blog_post_finds_the_shout(recorded, seed):
    forest = pytest.importorskip("udf.rcf").RandomCutForest(
        dimensions=1, num_trees=100, sample_size=10, time_decay=100, seed=seed
    )
    scores = np.asarray(forest.score_and_learn(recorded[:, np.newaxis]))
    quiet = np.concatenate([part(scores, seconds) for seconds in QUIET])
    assert 0.6 < np.median(quiet) < 1.2
    assert part(scores, SHOUT).max() > 1.8
    assert part(scores, SHOUT).max() > 1.1 * max(quiet.max(), part(scores, SPEECH).max())
