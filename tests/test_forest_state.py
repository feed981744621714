"""What Flink state keeps of the forests, and the forest that a key gets."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from udf.forest_state import forest_of, pack_entry, unpack_entries
from udf.rcf import RandomCutForest

ENTRIES = st.lists(
    st.tuples(
        st.text(max_size=10),
        arrays(np.float64, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=5)),
    ),
    max_size=5,
)
PARAMETERS: dict[str, Any] = {"dimensions": 1, "num_trees": 5, "sample_size": 10, "time_decay": 50, "seed": -7}
OF_VERSION_1 = bytes.fromhex("01020000000200000001000000733100000000000004400000000000001cc0")
"""Key s1, records 2.5 and -7. Saved bytes stay here for ever."""


@given(ENTRIES)
def test_entries_come_back_as_they_were_packed(entries: list[tuple[str, np.ndarray]]) -> None:
    log = b"".join(pack_entry(key, points) for key, points in entries)
    back = list(unpack_entries(log))
    assert [key for key, _ in back] == [key for key, _ in entries]
    for (_, found), (_, packed) in zip(back, entries, strict=True):
        assert found.shape == packed.shape
        assert found.tobytes() == packed.tobytes(), "bit for bit, NaNs too"


def test_saved_bytes_of_version_1_are_still_read() -> None:
    assert pack_entry("s1", np.array([[2.5], [-7.0]])) == OF_VERSION_1
    [(key, points)] = unpack_entries(OF_VERSION_1)
    assert (key, points.tolist()) == ("s1", [[2.5], [-7.0]])


@pytest.mark.parametrize("end", range(1, len(OF_VERSION_1)))
def test_a_log_that_ends_within_an_entry_is_refused(end: int) -> None:
    log = OF_VERSION_1 + OF_VERSION_1[:end]
    entries = unpack_entries(log)
    next(entries)
    with pytest.raises(ValueError, match=r"^forest log ends within an entry, at byte \d+ of \d+$") as refused:
        next(entries)
    within = len(OF_VERSION_1) + (0 if end < 13 else 15)
    assert str(refused.value) == f"forest log ends within an entry, at byte {within} of {len(log)}"


@pytest.mark.parametrize("version", [0, 2, 255])
def test_a_log_of_another_version_is_refused_by_both_versions(version: int) -> None:
    with pytest.raises(ValueError) as refused:
        list(unpack_entries(struct.pack("<B", version) + OF_VERSION_1[1:]))
    assert str(refused.value) == f"forest log must be of version 1, got {version}"


def test_the_forest_of_no_key_has_the_seed_itself() -> None:
    assert forest_of("", PARAMETERS).to_bytes() == RandomCutForest(**PARAMETERS).to_bytes()


def test_forests_of_keys_are_independent_of_each_other_and_always_the_same() -> None:
    points = np.random.default_rng(1).normal(size=(200, 1))
    keys = ["", "a", "b", "A", "a ", "é", "1", "01"]
    for seed in (0, -7, 2**63 - 1, -(2**63)):
        parameters = PARAMETERS | {"seed": seed}
        scores = {key: forest_of(key, parameters).score_and_learn(points).tobytes() for key in keys}
        assert len(set(scores.values())) == len(keys)
        assert scores == {key: forest_of(key, parameters).score_and_learn(points).tobytes() for key in reversed(keys)}
    assert forest_of("a", PARAMETERS).to_bytes() != forest_of("a", PARAMETERS | {"seed": 8}).to_bytes()
