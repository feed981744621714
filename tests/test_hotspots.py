"""Hotspots: laws, and the slow oracle."""

import base64
import json
import math
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive_hotspots import hotspots as naive

from udf.hotspots import Hotspots

ROOT = Path(__file__).parents[1]
NONE = '{"hotspots":[]}'
WINDOW = 100


def told(text: str) -> list[dict[str, Any]]:
    """The hotspots of a result, which must be JSON by the book."""
    document = json.loads(text, parse_constant=pytest.fail)
    assert list(document) == ["hotspots"]
    for hotspot in document["hotspots"]:
        assert list(hotspot) == ["density", "minValues", "maxValues"]
    return document["hotspots"]


def assert_same(text: str, expected: list[dict[str, Any]]) -> None:
    found = told(text)
    assert [h["density"] for h in found] == sorted((h["density"] for h in found), reverse=True)
    by_box = sorted(found, key=lambda h: (h["minValues"], h["maxValues"]))
    for one, other in zip(by_box, sorted(expected, key=lambda h: (h["minValues"], h["maxValues"])), strict=True):
        assert (one["minValues"], one["maxValues"]) == (other["minValues"], other["maxValues"])
        assert one["density"] == pytest.approx(other["density"], rel=1e-14, abs=5e-324)


@st.composite
def streams(draw: st.DrawFn, most: int = 260) -> tuple[np.ndarray, float, int]:
    """Points, scan radius and least number of points: on a coarse grid, with many equal ones, or anywhere."""
    dimensions = draw(st.integers(1, 3))
    count = min(most, draw(st.sampled_from([1, 2, 30, WINDOW, WINDOW + 1, most])))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["grid", "anywhere", "clusters"]))
    if kind == "grid":
        points = random.integers(0, draw(st.integers(1, 12)), size=(count, dimensions)).astype(float)
    else:
        points = random.uniform(-5, 5, size=(count, dimensions))
    if kind == "clusters":
        centres = random.uniform(-5, 5, size=(3, dimensions))
        hot = random.random(count) < 0.7
        near = centres[random.integers(0, 3, size=count)] + random.normal(0, 0.3, size=(count, dimensions))
        points = np.where(hot[:, np.newaxis], near, points)
    return points, draw(st.sampled_from([0.25, 0.5, 1.0, 1.5, 3.0])), draw(st.sampled_from([2, 3, 5, 12, 100]))


def run(points: np.ndarray, scan_radius: float, min_points: int) -> list[str]:
    return Hotspots(points.shape[1], WINDOW, scan_radius, min_points).update(points)


@settings(deadline=None, max_examples=60)
@given(streams())
def test_every_result_is_that_of_the_definition(stream: tuple[np.ndarray, float, int]) -> None:
    points, radius, least = stream
    texts = run(points, radius, least)
    assert len(texts) == len(points)
    for i in {*range(0, len(points), 37), len(points) - 1}:
        assert_same(texts[i], naive(points[max(0, i + 1 - WINDOW) : i + 1].tolist(), radius, least))


@settings(deadline=None)
@given(streams(), st.lists(st.integers(0, 260), max_size=8))
def test_how_records_are_split_does_not_matter(stream: tuple[np.ndarray, float, int], cuts: list[int]) -> None:
    points, radius, least = stream
    window = Hotspots(points.shape[1], WINDOW, radius, least)
    parts = [text for part in np.split(points, sorted(cuts)) for text in window.update(part)]
    assert parts == run(points, radius, least)
    assert window.records_seen == len(points)


def test_many_regions_of_many_records_come_out_whole() -> None:
    """More than a call's room for regions, which then is used several times."""
    points = np.arange(WINDOW * 5).repeat(2)[:, np.newaxis] * 10.0
    texts = run(points, 1.0, 2)
    assert [len(told(text)) for text in texts] == [min((i + 1) // 2, (WINDOW - (i % 2 == 0)) // 2) for i in range(1000)]


@settings(deadline=None)
@given(streams(most=WINDOW), st.randoms(use_true_random=False))
def test_the_order_of_records_in_the_window_does_not_matter(stream: tuple[np.ndarray, float, int], random: Any) -> None:
    points, radius, least = stream
    order = list(range(len(points)))
    random.shuffle(order)
    assert run(points[order], radius, least)[-1] == run(points, radius, least)[-1]


@settings(deadline=None)
@given(streams(), st.integers(1, 1000))
def test_what_has_left_the_window_does_not_matter(stream: tuple[np.ndarray, float, int], seed: int) -> None:
    points, radius, least = stream
    last = points[-WINDOW:]
    before = np.random.default_rng(seed).uniform(-5, 5, size=(seed % 250, points.shape[1]))
    if len(last) == WINDOW:
        assert run(np.concatenate((before, last)), radius, least)[-1] == run(points, radius, least)[-1]


@settings(deadline=None)
@given(streams(), st.integers(-(2**20), 2**20))
def test_hotspots_move_with_the_points(stream: tuple[np.ndarray, float, int], by: int) -> None:
    points, radius, least = stream
    points = np.round(points * 8) / 8  # so that sums are exact
    for here, there in zip(run(points, radius, least), run(points + by, radius, least), strict=True):
        for one, other in zip(told(here), told(there), strict=True):
            assert [x + by for x in one["minValues"]] == other["minValues"]
            assert [x + by for x in one["maxValues"]] == other["maxValues"]
            assert one["density"] == other["density"]


@settings(deadline=None)
@given(streams(), st.integers(-300, 300))
def test_a_change_of_units_is_one_of_density(stream: tuple[np.ndarray, float, int], twos: int) -> None:
    points, scan_radius, min_points = stream
    scaled = run(np.ldexp(points, twos), math.ldexp(scan_radius, twos), min_points)
    for here, there in zip(run(points, scan_radius, min_points), scaled, strict=True):
        for one, other in zip(told(here), told(there), strict=True):
            assert [math.ldexp(x, twos) for x in one["minValues"]] == other["minValues"]
            assert math.ldexp(one["density"], -twos * points.shape[1]) == other["density"]


@settings(deadline=None)
@given(streams())
def test_a_hotspot_has_its_points_and_no_less_than_asked(stream: tuple[np.ndarray, float, int]) -> None:
    points, scan_radius, min_points = stream
    window = points[-WINDOW:]
    for hotspot in told(run(points, scan_radius, min_points)[-1]):
        low, high = np.array(hotspot["minValues"]), np.array(hotspot["maxValues"])
        inside = window[((window >= low) & (window <= high)).all(axis=1)]
        assert len(inside) >= min_points
        assert (inside.min(axis=0) == low).all(), "each side touches a point"
        assert (inside.max(axis=0) == high).all()
        most = hotspot["density"] * np.prod(np.maximum(high - low, scan_radius))
        assert min_points <= round(most) <= len(inside), "in the box may be points of others"


def test_exactly_the_radius_is_near_and_exactly_the_number_is_enough() -> None:
    points = np.array([[0.5], [0.75], [1.0]])
    radius = 0.25
    assert told(run(points[:2], radius, 2)[-1]) == [{"density": 8.0, "minValues": [0.5], "maxValues": [0.75]}]
    assert run(points[:2], np.nextafter(radius, 0), 2)[-1] == NONE
    assert run(points[:2], radius, 3)[-1] == NONE
    assert len(told(run(points, radius, 3)[-1])) == 1


def test_a_point_between_two_hotspots_is_in_both() -> None:
    """Twice -1, 0, 1, 2, twice 3: the core points 0 and 2 have four neighbours each, and 1 between them has three."""
    [left, right] = told(run(np.array([[-1.0], [-1], [0], [1], [2], [3], [3]]), 1.0, 4)[-1])
    assert (left["minValues"], left["maxValues"]) == ([-1.0], [1.0])
    assert (right["minValues"], right["maxValues"]) == ([1.0], [3.0])
    assert left["density"] == right["density"] == 2.0


def test_equal_points_are_a_hotspot_of_the_least_volume() -> None:
    texts = run(np.full((150, 2), 7.0), 0.5, 3)
    assert texts[:2] == [NONE, NONE]
    expected = {"minValues": [7.0, 7.0], "maxValues": [7.0, 7.0]}
    assert told(texts[2]) == [{"density": 12.0, **expected}]
    assert texts[99] == texts[149] == json.dumps({"hotspots": [{"density": 400.0, **expected}]}, separators=(",", ":"))


def test_a_column_that_does_not_change_is_no_infinite_density() -> None:
    points = np.stack((np.arange(40) / 10, np.full(40, 3.0)), axis=1)
    [hotspot] = told(run(points, 0.25, 3)[-1])
    assert hotspot["density"] == pytest.approx(40 / (3.9 * 0.25))


def test_negative_zeros_are_zeros() -> None:
    texts = run(np.array([[-0.0], [0.0]]), 1.0, 2)
    assert texts[1] == '{"hotspots":[{"density":2.0,"minValues":[0.0],"maxValues":[0.0]}]}'


SCALES = st.sampled_from([5e-324, 1e-310, 1e-200, 1.0, 1e150, 1e200, 1e300, 1.7e308])


@settings(deadline=None)
@given(st.integers(1, 30), SCALES, SCALES, st.integers(0, 2**32))
@example(30, 1e300, 1e300, 0)
@example(30, 5e-324, 5e-324, 0)
def test_the_largest_and_smallest_numbers_are_valid_json(
    dimensions: int, scale: float, radius: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    points = random.integers(-1, 2, size=(40, dimensions)) * scale * random.choice([1.0, 0.5], size=(40, 1))
    for text in run(points, radius, 2)[-3:]:
        for hotspot in told(text):
            assert all(map(math.isfinite, (hotspot["density"], *hotspot["minValues"], *hotspot["maxValues"])))
    if scale <= 1e300:  # a side beyond the range of floats has no density but 0
        assert_same(run(points, radius, 2)[-1], naive(points.tolist(), radius, 2))


def test_nothing_is_awaited_while_the_window_fills() -> None:
    texts = run(np.zeros((WINDOW, 1)), 1.0, 5)
    assert [text == NONE for text in texts] == [i < 4 for i in range(WINDOW)]


def test_the_hot_region_of_the_developer_guide_is_found() -> None:
    """x and y anywhere in 10 × 10, one in five in a square of 1 × 1 that moves: HOTSPOTS(…, 1000, 0.2, 17)."""
    seed = 50
    print("seed", seed)
    random = np.random.default_rng(seed)
    window = Hotspots(2, 1000, 0.2, 17)
    for corner in ([2.0, 3.0], [7.5, 0.5]):
        points = random.uniform(0, 10, size=(5000, 2))
        hot = random.random(5000) < 0.2
        points[hot] = corner + random.uniform(0, 1, size=(hot.sum(), 2))
        results = [told(text) for text in window.update(points)[1000:]]
        assert all(results), "found after every record"
        densest = [found[0] for found in results]
        # a neighbour may be 0.2 outside of the square
        assert all((np.array(h["minValues"]) > np.array(corner) - 0.2 - 1e-9).all() for h in densest)
        assert all((np.array(h["maxValues"]) < np.array(corner) + 1.2 + 1e-9).all() for h in densest)
        found = np.array([np.prod(np.subtract(h["maxValues"], h["minValues"])) for h in densest])
        print("area", found.min(), np.median(found), found.max(), "hotspots", max(map(len, results)))
        assert np.median(found) > 0.8, "all of the square"
        assert 100 < np.median([h["density"] for h in densest]) < 250, "200 in it, 10 elsewhere"
    alone = [told(text) for text in Hotspots(2, 1000, 0.2, 17).update(random.uniform(0, 10, size=(5000, 2)))]
    assert not any(alone), "and none where there is none"


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"dimensions": 0}, "dimensions must be a whole number from 1 to 30, got 0"),
        ({"dimensions": 31}, "dimensions must be a whole number from 1 to 30, got 31"),
        ({"window_size": 99}, "window_size must be a whole number from 100 to 1000, got 99"),
        ({"window_size": 1001}, "window_size must be a whole number from 100 to 1000, got 1001"),
        ({"min_points": 1}, "min_points must be a whole number from 2 to 100, got 1"),
        ({"min_points": 101}, "min_points must be a whole number from 2 to 100, got 101"),
        ({"min_points": 2.0}, "min_points must be a whole number from 2 to 100, got 2.0"),
        ({"scan_radius": 0.0}, "scan_radius must be a number above 0, got 0.0"),
        ({"scan_radius": -1}, "scan_radius must be a number above 0, got -1"),
        ({"scan_radius": math.nan}, "scan_radius must be a number above 0, got nan"),
        ({"scan_radius": math.inf}, "scan_radius must be a number above 0, got inf"),
        ({"scan_radius": "1"}, "scan_radius must be a number above 0, got '1'"),
        ({"scan_radius": True}, "scan_radius must be a number above 0, got True"),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(changed: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError) as refused:
        Hotspots(**{"dimensions": 2, "window_size": 100, "scan_radius": 0.2, "min_points": 17, **changed})
    assert str(refused.value) == text


@pytest.mark.parametrize(
    ("points", "text"),
    [
        ([[1.0, math.nan]], "points must be finite, got nan"),
        ([[1.0, 2.0], [-math.inf, 1.0]], "points must be finite, got -inf"),
        ([[1.0]], "points must be of shape (n, 2), got (1, 1)"),
        ([1.0, 2.0], "points must be of shape (n, 2), got (2,)"),
        ([["x", "y"]], "points must be numbers, got [['x', 'y']]"),
    ],
)
def test_refused_points_leave_the_window_unchanged(points: Any, text: str) -> None:
    window = Hotspots(2, 100, 1.0, 2)
    window.update([[1.0, 1.0]])
    before = window.to_bytes()
    with pytest.raises(ValueError) as refused:
        window.update(points)
    assert str(refused.value) == text
    assert window.to_bytes() == before
    assert len(told(window.update([[1.0, 1.0]])[0])) == 1


@settings(deadline=None)
@given(streams(), st.integers(0, 260))
def test_a_restored_window_continues_identically(stream: tuple[np.ndarray, float, int], seen: int) -> None:
    points, radius, least = stream
    window = Hotspots(points.shape[1], WINDOW, radius, least)
    window.update(points[:seen])
    restored = Hotspots.from_bytes(window.to_bytes())
    assert restored.to_bytes() == window.to_bytes()
    assert restored.records_seen == window.records_seen == min(seen, len(points))
    far = np.full((1, points.shape[1]), 1e9)  # which changes no region: the result before is known again
    rest = np.concatenate((far, points[seen:], points[:50]))
    assert restored.update(rest) == window.update(rest)
    assert restored.to_bytes() == window.to_bytes()


@pytest.fixture(scope="module")
def data() -> bytes:
    window = Hotspots(1, 100, 0.5, 3)
    window.update(np.arange(130.0)[:, np.newaxis] % 7)
    return window.to_bytes()


def test_any_flipped_or_shortened_bytes_are_refused(data: bytes) -> None:
    for i in range(len(data)):
        for wrong in (data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :], data[:i]):
            with pytest.raises(ValueError, match="must be"):
                Hotspots.from_bytes(wrong)


def test_what_is_wrong_with_bytes_is_said(data: bytes) -> None:
    for wrong, message in [
        (b"junk" + data, "data must be the bytes of a window of hotspots, got b'junk'"),
        (data[:4] + b"\x02\x00" + data[6:], "version of data must be at most 1, got 2"),
        (data + b"x", "data must be undamaged, got checksum "),
    ]:
        with pytest.raises(ValueError) as refused:
            Hotspots.from_bytes(wrong)
        assert str(refused.value).startswith(message)


def test_saved_bytes_of_version_1_still_give_the_same_results(data: bytes) -> None:
    window = Hotspots.from_bytes(base64.b85decode(VERSION_1))
    assert (window.dimensions, window.window_size, window.scan_radius, window.min_points) == (1, 100, 0.5, 3)
    assert window.records_seen == 130
    assert window.to_bytes() == data
    assert_same(window.update([[6.0]])[0], naive([[i % 7.0] for i in range(31, 130)] + [[6.0]], 0.5, 3))


@pytest.mark.parametrize(("dimensions", "window_size"), [(1, 100), (2, 1000), (30, 1000)])
def test_memory_is_as_estimated(dimensions: int, window_size: int) -> None:
    points = np.random.default_rng(51).normal(size=(2 * window_size, dimensions))
    Hotspots(dimensions, window_size, 0.1, 5).update(points)  # what is compiled on the way is no window's
    tracemalloc.start()
    try:
        windows = []
        for _ in range(5):
            windows.append(Hotspots(dimensions, window_size, 0.1, 5))
            windows[-1].update(points)
        taken = tracemalloc.get_traced_memory()[0] / len(windows)
    finally:
        tracemalloc.stop()
    assert Hotspots.estimate_bytes(dimensions, window_size) == pytest.approx(taken, rel=0.1, abs=2000)


def test_the_core_knows_nothing_of_flink_and_compiles_nothing_when_imported() -> None:
    code = (
        "import sys, udf.hotspots, udf.hotspots.neighbours as n; "
        "print(any(m.startswith('pyflink') for m in sys.modules), n.take.signatures)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False []\n"


VERSION_1 = "NKaG%0RRC2003kF000930000000000;6H)@00000004LaV_*OS2MEOhr3Ik02$Yt9(hN}W!5+$hijV4pgvV&OK*C}8q!$3>P$pA%*k_R"
