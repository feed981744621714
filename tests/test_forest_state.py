"""What Flink state keeps of the forests, and the forest that a key gets."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from udf.forest_state import (
    ForestStateError,
    dated,
    forest_of,
    keys_of,
    last_learned,
    pack_row,
    pack_snapshot,
    snapshot_second,
    unpack_row,
    unpack_snapshot,
)
from udf.rcf import Calibration, RandomCutForest

ROWS = st.integers(1, 4).flatmap(
    lambda values: st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\x1e", exclude_categories=["Cs"]), max_size=10),
            st.integers(1, 5).flatmap(lambda records: arrays(np.float64, (records, values))),
        ),
        min_size=1,
        max_size=5,
    )
)
PARAMETERS: dict[str, Any] = {"dimensions": 1, "num_trees": 5, "sample_size": 10, "time_decay": 50, "seed": -7}
OF_VERSION_1 = bytes.fromhex("01020000000200000001000000733100000000000004400000000000001cc0")
"""Key s1, records 2.5 and -7. Saved bytes stay here for ever."""
OF_VERSION_2 = bytes.fromhex(
    "02000094750000000003000000010000000200000005000000020000000100008073"
    "311e733200000000000004400000000000001cc0000000000000f83fbd7217f5"
)
"""In second 1972633600: key s1, records 2.5 and -7; key s2, whose forest began anew, record 1.5."""


def of(rows: bytes) -> list[tuple[str, int | None, list[list[float]]]]:
    return [(some.key, some.second, some.points.tolist()) for some in unpack_row(rows)]


@given(ROWS, st.integers(-(2**63), 2**63 - 1))
def test_rows_come_back_as_they_were_packed(rows: list[tuple[str, np.ndarray]], second: int) -> None:
    keys, points = [key for key, _ in rows], [points for _, points in rows]
    back = list(unpack_row(pack_row(second, keys, np.array(list(map(len, points))), np.concatenate(points))))
    assert [(some.key, some.second) for some in back] == [(key, second) for key in keys]
    assert [some.points.tobytes() for some in back] == [some.tobytes() for some in points], "bit for bit, NaNs too"


LOGS = st.lists(
    st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(1, 3), st.booleans()), min_size=1),
    min_size=1,
    max_size=6,
)


@given(LOGS, st.lists(st.sampled_from("abcd"), unique=True, min_size=1))
def test_of_a_log_a_key_gets_what_its_forest_learned_since_it_began_anew(
    log: list[dict[str, tuple[int, bool]]], keys: list[str]
) -> None:
    rows, number = [], 0
    for second, row in enumerate(log):
        counts = np.array([count for count, _ in row.values()])
        points = np.arange(number, number + counts.sum()).reshape(-1, 1)
        rows.append(pack_row(second, list(row), counts, points, [key for key, (_, anew) in row.items() if anew]))
        number += counts.sum()
    assert [keys_of(row) for row in rows] == [list(row) for row in log]
    for key, learned in zip(keys, last_learned(rows, keys), strict=True):
        parts = [some for row in rows for some in unpack_row(row) if some.key == key]
        begin = max((i for i, some in enumerate(parts) if some.anew), default=0)
        assert learned.points[:, 0].tolist() == [x for some in parts[begin:] for x in some.points[:, 0]]
        if parts:
            assert (learned.key, learned.second, learned.anew) == (key, parts[-1].second, parts[begin].anew)


def test_saved_bytes_of_every_version_are_still_read() -> None:
    assert of(OF_VERSION_1) == [("s1", None, [[2.5], [-7.0]])]
    assert of(OF_VERSION_1 * 2) == [("s1", None, [[2.5], [-7.0]])] * 2
    assert [some.points.tolist() for some in last_learned([OF_VERSION_1, OF_VERSION_1], ["s1"])] == [
        [[2.5], [-7.0]] * 2
    ]
    assert of(OF_VERSION_2) == [("s1", 1972633600, [[2.5], [-7.0]]), ("s2", 1972633600, [[1.5]])]
    assert [some.anew for some in unpack_row(OF_VERSION_2)] == [False, True]
    assert [some.key for some in unpack_row(OF_VERSION_2, {"s2"})] == ["s2"]
    assert (
        pack_row(1972633600, ["s1", "s2"], np.array([2, 1]), np.array([[2.5], [-7.0], [1.5]]), {"s2"}) == OF_VERSION_2
    )


@pytest.mark.parametrize("row", [OF_VERSION_1, OF_VERSION_2])
def test_a_row_that_ends_early_is_refused(row: bytes) -> None:
    for end in range(1, len(row)):
        with pytest.raises(ForestStateError, match=r"^forest log (ends within an entry|must be undamaged)"):
            list(unpack_row(row[:end]))


def test_a_row_with_a_byte_changed_is_refused() -> None:
    for at in range(len(OF_VERSION_2)):
        for change in (0x01, 0x80, 0xFF):
            row = OF_VERSION_2[:at] + bytes([OF_VERSION_2[at] ^ change]) + OF_VERSION_2[at + 1 :]
            with pytest.raises(ForestStateError):
                list(unpack_row(row))


@pytest.mark.parametrize("version", [0, 3, 255])
def test_a_row_of_another_version_is_refused_by_both_versions(version: int) -> None:
    with pytest.raises(ForestStateError) as refused:
        list(unpack_row(struct.pack("<B", version) + OF_VERSION_2[1:]))
    assert str(refused.value) == f"forest log must be of version 1 to 2, got {version}"


def test_snapshots_keep_the_second_of_the_last_record() -> None:
    forest = forest_of("a", PARAMETERS)
    forest.learn([[1.0], [2.0]])
    for second in (None, 0, -5, 2**62):
        back, found, nothing = unpack_snapshot(pack_snapshot(forest, second), "a", PARAMETERS)
        assert (back.to_bytes(), found, nothing) == (forest.to_bytes(), second, None)


def test_snapshots_keep_the_calibration_of_the_scores() -> None:
    forest, calibration = forest_of("a", PARAMETERS), Calibration(4.0)
    print("seed 6")
    calibration.observe(forest.score_and_learn(np.random.default_rng(6).normal(size=(3000, 1))))
    for second in (None, 0, 2**62):
        saved = pack_snapshot(forest, second, calibration)
        back, found, graded = unpack_snapshot(saved, "a", PARAMETERS)
        assert graded is not None
        assert (back.to_bytes(), found, graded.to_bytes()) == (forest.to_bytes(), second, calibration.to_bytes())
        assert snapshot_second(dated(saved, 9)) == 9
        with pytest.raises(ForestStateError, match=r"^the forest of key 'a' cannot be read: "):
            unpack_snapshot(saved[:-1], "a", PARAMETERS)


def test_snapshots_that_do_not_fit_are_refused_by_name() -> None:
    saved = pack_snapshot(forest_of("a", PARAMETERS), 7)
    with pytest.raises(ForestStateError) as refused:
        unpack_snapshot(saved, "a", PARAMETERS | {"time_decay": 60})
    assert str(refused.value) == (
        "time_decay must be 50 as in the forest of key 'a', got 60; take it back, or start over with --fresh"
    )
    assert unpack_snapshot(saved, "a", PARAMETERS | {"seed": 8})[0].seed == forest_of("a", PARAMETERS).seed
    with pytest.raises(ForestStateError, match=r"^the forest of key 'a' cannot be read: "):
        unpack_snapshot(saved[:-1], "a", PARAMETERS)
    with pytest.raises(ForestStateError, match=r"^the forest of all records cannot be read: "):
        unpack_snapshot(saved[:-1], "", PARAMETERS)
    with pytest.raises(ForestStateError) as newer:
        unpack_snapshot(b"\x04" + saved[1:], "a", PARAMETERS)
    assert str(newer.value) == "forest snapshot must be of version 1 to 3, got 04"


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
