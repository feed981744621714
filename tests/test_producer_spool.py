"""The spool: files that appear whole, under names that keep their order."""

import re
import resource
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from producer.errors import RefusedError
from producer.output import open_output
from producer.spool import LARGEST, Spool
from producer.standard_output import StandardOutput

OUTPUTS = "file:DIR, kafka://HOST:PORT[,HOST:PORT…]/TOPIC, kinesis://REGION/STREAM or - (standard output)"
REPOSITORY = Path(__file__).parents[1]
FAST = [sys.executable, "-m", "producer", "--from", "synthetic", "--pace", "fast", "--quiet", "--to"]


def lines(directory):
    return [line for file in sorted(directory.glob("*.jsonl")) for line in file.read_bytes().splitlines()]


def test_reader_never_sees_part_of_a_file(tmp_path):
    record = b"x" * 50_000
    seen: dict[str, int] = {}
    torn: list[str] = []
    done = threading.Event()

    def poll():
        while not done.is_set():
            for file in [file for file in tmp_path.iterdir() if not file.name.startswith(".")]:
                size = len(file.read_bytes())
                if size % (len(record) + 1) or seen.setdefault(file.name, size) != size:
                    torn.append(file.name)

    reader = threading.Thread(target=poll)
    reader.start()
    spool = Spool(tmp_path)
    for _ in range(2000):
        spool.send(record, "room")
    spool.flush()
    done.set()
    reader.join()
    assert len(seen) > 3 and not torn
    assert len(lines(tmp_path)) == 2000
    assert not list(tmp_path.glob(".*"))


def test_file_is_written_after_the_interval_or_when_large(tmp_path):
    spool = Spool(tmp_path)
    spool.send(b"x" * (LARGEST - 2), "room")
    assert not lines(tmp_path)
    spool.send(b"x", "room")
    assert len(lines(tmp_path)) == 2
    spool.send(b"early", "room")
    time.sleep(0.25)
    assert len(lines(tmp_path)) == 2
    spool.send(b"late", "room")
    assert lines(tmp_path)[2:] == [b"early", b"late"]


def test_names_sort_in_order_over_restarts(tmp_path):
    subprocess.run([*FAST, f"file:{tmp_path}"], cwd=REPOSITORY, check=True)
    before = sorted(tmp_path.iterdir())
    subprocess.run([*FAST, f"file:{tmp_path}"], cwd=REPOSITORY, check=True)
    after = sorted(tmp_path.iterdir())
    assert after[: len(before)] == before
    assert len(after) > len(before)
    assert len(lines(tmp_path)) == 3000


def test_names_sort_in_order_when_the_clock_was_set_back(tmp_path):
    (tmp_path / "09999999999999999999.jsonl").write_text("from the future\n")
    (tmp_path / "notes.txt").write_text("not ours\n")
    spool = Spool(tmp_path)
    for record in (b"one", b"two"):
        spool.send(record, "room")
        spool.flush()
    assert lines(tmp_path) == [b"from the future", b"one", b"two"]


def test_empty_flush_writes_no_file(tmp_path):
    Spool(tmp_path).flush()
    assert not list(tmp_path.iterdir())


def test_full_disk_is_one_sentence_and_leaves_no_part(tmp_path):
    run = subprocess.run(
        [*FAST, f"file:{tmp_path}"],
        check=False,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert run.returncode == 1
    sent = re.fullmatch(
        rf"producer: The directory {re.escape(repr(str(tmp_path)))} cannot be written: File too large\.\n"
        r"(\d+) records sent, 0 acknowledged, 0 blocks dropped, 0 overflows\n",
        run.stderr,
    )
    assert sent and int(sent[1]) > 0
    assert not list(tmp_path.iterdir())


def test_directory_that_cannot_be_used_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for directory, text in [
        (file, f"{str(file)!r} is not a directory."),
        (file / "below", f"The directory {str(file / 'below')!r} cannot be used: Not a directory."),
    ]:
        with pytest.raises(RefusedError) as error:
            open_output(f"file:{directory}")
        assert str(error.value) == text


@pytest.mark.parametrize("form", ["file:{}", "file://{}"])
def test_uri_of_a_directory_makes_it(tmp_path, form):
    directory = tmp_path / "a b" / "c%20d"
    assert isinstance(open_output(form.format(directory)), Spool)
    assert directory.is_dir()
    assert isinstance(open_output("-"), StandardOutput)


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("kafka://broker/room", "kafka://HOST:PORT[,HOST:PORT…]/TOPIC, got 'kafka://broker/room'"),
        ("kinesis://room", "kinesis://REGION/STREAM, got 'kinesis://room'"),
        ("s3://room", f"{OUTPUTS}, got 's3://room'"),
        ("spool", f"{OUTPUTS}, got 'spool'"),
        ("file", f"{OUTPUTS}, got 'file'"),
        ("file:", "file:DIR, with a directory, got 'file:'"),
        ("file://spool", "file:DIR or file:///DIR (three slashes), got 'file://spool'"),
    ],
)
def test_other_uris_are_refused(uri, text):
    with pytest.raises(RefusedError) as error:
        open_output(uri)
    assert str(error.value) == f"to must be {text}"
