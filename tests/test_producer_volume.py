"""The law of volume, and records as JSON."""

import doctest
import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from producer import counts, synthetic, volume
from producer.errors import ProducerError

REPOSITORY = Path(__file__).parents[1]
TOKYO = timezone(timedelta(hours=9))


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("gain", [1.0, 15.0])
def test_volume_is_the_norm_over_all_channels_times_gain(channels, gain):
    samples = np.random.default_rng(7).uniform(-1, 1, size=(640, channels))
    assert volume.volume(samples, gain) == pytest.approx(np.linalg.norm(samples) * gain, rel=1e-12)
    assert volume.volume(np.zeros((640, channels)), gain) == 0


def test_volume_of_float32_samples_is_computed_in_float64():
    samples = np.full((100_000, 1), 0.1, dtype=np.float32)
    assert volume.volume(samples, 1) == pytest.approx(float(np.float32(0.1)) * np.sqrt(100_000), rel=1e-12)


def test_record_reads_back_exactly():
    moment = datetime(2022, 10, 11, 16, 16, 4, 0, TOKYO)
    record = volume.encode(moment, 0.1 + 0.2)
    assert b"\n" not in record
    assert json.loads(record) == {"event_time": "2022-10-11T16:16:04.000000+09:00", "volume": 0.1 + 0.2}
    assert datetime.fromisoformat(json.loads(record)["event_time"]) == moment


@pytest.mark.parametrize("level", [float("nan"), float("inf")])
def test_record_refuses_what_json_cannot_hold(level):
    with pytest.raises(ProducerError) as error:
        volume.encode(datetime.now(TOKYO), level)
    assert str(error.value) == f"volume must be finite, got {level} (samples that are NaN, infinite or huge)"


@pytest.mark.parametrize("module", [counts, synthetic, volume])
def test_examples_in_docstrings_are_true(module):
    failed, attempted = doctest.testmod(module)
    assert attempted and not failed


def test_import_loads_no_sound_library_no_broker_client_and_nothing_of_the_job():
    banned = "{'sounddevice', 'soundfile', 'boto3', 'confluent_kafka', 'pyflink', 'job', 'udf'}"
    code = f"import producer.cli, sys; print({banned} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], check=False, cwd=REPOSITORY, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("set()\n", "")
