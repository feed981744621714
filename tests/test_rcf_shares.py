"""Forests dealt to shares: what the parts do alone is what they do in the whole, bit for bit."""

from typing import Any

import naive
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from udf.rcf import RandomCutForest
from udf.rcf.shares import join, share_of, split, weight
from udf.rcf.streams import _unmix, seed_at, stream

SHAPES: list[dict[str, Any]] = [
    dict(dimensions=1, num_trees=7, sample_size=100, time_decay=300, seed=0),
    dict(dimensions=3, num_trees=5, sample_size=20, time_decay=1000, scoring="open", seed=2**64 - 1),
    dict(dimensions=2, num_trees=4, sample_size=10, time_decay=11, shingle_size=5, seed=-1),
    dict(
        dimensions=2,
        num_trees=6,
        sample_size=16,
        time_decay=40,
        features=["b", "a"],
        noise_floor=[0.2, 0],
        seed=-(2**63),
    ),
]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=["line", "space", "shingles", "named"])
SEEDS = [-(2**63), -40, -1, 0, 1, 2**63 - 1, 2**63, 2**63 + 40, 2**64 - 1]
BITS = st.integers(0, 2**64 - 1)


def records(shape, count):
    """Half of them rounded, so that values repeat."""
    points = np.random.default_rng(60).normal(size=(count, shape["dimensions"]))
    return np.where(np.arange(count)[:, None] % 2, points, np.round(points))


def every_number(shape):
    return range(1, shape["num_trees"] + 1)


def summed(shape, parts):
    return sum(weight(shape["num_trees"], i, len(parts)) * part for i, part in enumerate(parts))


def unmix(bits):
    with np.errstate(over="ignore"):
        return int(_unmix(np.uint64(bits)))


@given(bits=BITS)
@example(bits=0)
@example(bits=2**64 - 1)
def test_unmix_is_the_inverse_of_mix(bits):
    assert unmix(naive.mix(bits)) == bits
    assert naive.mix(unmix(bits)) == bits


@settings(deadline=None)  # the first call compiles
@given(seed=st.integers(-(2**63), 2**64 - 1), tree=st.integers(0, 999), further=st.integers(0, 999))
def test_streams_of_a_share_are_those_of_its_trees(seed, tree, further):
    own = np.uint64(seed_at(seed, tree) % 2**64)
    assert stream(own, further) == stream(np.uint64(seed % 2**64), tree + further)
    assert (seed_at(seed_at(seed, tree), further) - seed_at(seed, tree + further)) % 2**64 == 0


@settings(deadline=None)
@given(num_trees=st.integers(1, 1000), data=st.data())
def test_trees_are_dealt_evenly_and_all(num_trees, data):
    shares = data.draw(st.integers(1, num_trees))
    told = dict(dimensions=2, num_trees=num_trees, seed=-3, features=["x", "y"])
    dealt = [share_of(told, share, shares) for share in range(shares)]
    counts = [share["num_trees"] for share in dealt]
    assert sum(counts) == num_trees
    assert max(counts) - min(counts) <= 1
    assert [weight(num_trees, share, shares) for share in range(shares)] == [count / num_trees for count in counts]
    assert dealt[0]["seed"] == -3
    assert all(share | {"num_trees": num_trees, "seed": -3} == told for share in dealt)


@shapes
def test_shares_that_learn_apart_are_the_whole(shape):
    points, whole = records(shape, 700), RandomCutForest(**shape)
    scores = whole.score_and_learn(points)
    low, high = whole.attribution(points[:9])
    assert scores[-1] > 0
    for shares in every_number(shape):
        apart = [RandomCutForest(**share_of(shape, share, shares)) for share in range(shares)]
        parts = [share.score_and_learn(points) for share in apart]
        np.testing.assert_allclose(summed(shape, parts), scores, rtol=0, atol=1e-12)
        lows, highs = zip(*(share.attribution(points[:9]) for share in apart), strict=True)
        np.testing.assert_allclose(summed(shape, lows), low, rtol=0, atol=1e-12)
        np.testing.assert_allclose(summed(shape, highs), high, rtol=0, atol=1e-12)
        assert join(apart).to_bytes() == whole.to_bytes()


@pytest.mark.parametrize("seed", SEEDS)
def test_whole_has_its_seed_again_as_given(seed):
    shape: Any = dict(dimensions=1, num_trees=5, sample_size=10, time_decay=20, seed=seed)
    whole = RandomCutForest(**shape)
    apart = [RandomCutForest(**share_of(shape, i, 3)) for i in range(3)]
    for forest in (whole, *apart):
        forest.learn(records(shape, 60))
    for shares in (apart, split(whole, 3)):
        assert join(shares).seed == seed
        assert join(shares).to_bytes() == whole.to_bytes()


@shapes
@pytest.mark.parametrize("seen", [0, 3, 400])
def test_split_forest_goes_on_identically(shape, seen):
    """As its trees would have, whether the shares stay in memory or are restored, and joined again at the end."""
    points, whole = records(shape, seen + 300), RandomCutForest(**shape)
    whole.learn(points[:seen])
    before = whole.to_bytes()
    for shares in every_number(shape):
        going_on = RandomCutForest.from_bytes(before)
        alive = split(going_on, shares)
        assert join(alive).to_bytes() == before
        restored = [RandomCutForest.from_bytes(share.to_bytes()) for share in alive]
        parts = [share.score_and_learn(points[seen:]) for share in alive]
        for share in restored:
            share.learn(points[seen:])
        assert going_on.to_bytes() == before
        scores = going_on.score_and_learn(points[seen:])
        np.testing.assert_allclose(summed(shape, parts), scores, rtol=0, atol=1e-12)
        assert [share.to_bytes() for share in restored] == [share.to_bytes() for share in alive]
        assert join(alive).to_bytes() == join(restored).to_bytes() == going_on.to_bytes()


@shapes
def test_joined_forest_goes_on_identically(shape):
    points, whole = records(shape, 700), RandomCutForest(**shape)
    whole.learn(points[:400])
    shares = split(whole, 3)
    joined, kept = join(shares), [share.to_bytes() for share in shares]
    assert joined.score_and_learn(points[400:]).tobytes() == whole.score_and_learn(points[400:]).tobytes()
    assert joined.to_bytes() == whole.to_bytes()
    assert [share.to_bytes() for share in shares] == kept


def test_shares_can_be_dealt_anew():
    """Of a share, and to another number; neighbours alone make a forest too."""
    shape = SHAPES[1]
    whole = RandomCutForest(**shape)
    whole.learn(records(shape, 100))
    one, two, three, four, five = split(whole, 5)
    assert [share.to_bytes() for share in split(join([two, three, four]), 3)] == [
        share.to_bytes() for share in (two, three, four)
    ]
    halves = split(whole, 2)
    assert [join(dealt).to_bytes() for dealt in ([one, two], [three, four, five])] == [s.to_bytes() for s in halves]
    assert join([halves[0], *split(halves[1], 3)]).to_bytes() == whole.to_bytes()


PARAMETERS: dict[str, Any] = dict(
    dimensions=2, num_trees=4, sample_size=10, time_decay=50, shingle_size=2, seed=9,
    features=["x", "y"], noise_floor=[0.5, 0.5],
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            dict(dimensions=3, features=["x", "y", "z"], noise_floor=[0.5] * 3),
            "dimensions of share 1 must be that of share 0, 2, got 3",
        ),
        (dict(sample_size=11), "sample_size of share 1 must be that of share 0, 10, got 11"),
        (dict(time_decay=51), "time_decay of share 1 must be that of share 0, 50, got 51"),
        (dict(shingle_size=1), "shingle_size of share 1 must be that of share 0, 2, got 1"),
        (dict(scoring="open"), "scoring of share 1 must be that of share 0, 'kinesis', got 'open'"),
        (dict(features=["y", "x"]), "features of share 1 must be that of share 0, ('x', 'y'), got ('y', 'x')"),
        (dict(noise_floor=[0.5, 0]), "noise_floor of share 1 must be that of share 0, (0.5, 0.5), got (0.5, 0.0)"),
        (dict(seed=10), f"seed of share 1 must be {seed_at(9, 2)}, where share 0 ends, got {seed_at(10, 2)}"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_shares_of_other_parameters_are_refused(change, message):
    shares = [RandomCutForest(**share_of(PARAMETERS | told, i, 2)) for i, told in enumerate([{}, change])]
    with pytest.raises(ValueError) as caught:
        join(shares)
    assert str(caught.value) == message


def test_seeds_are_the_same_modulo_their_64_bits():
    whole, one, other = RandomCutForest(1, 2, 10, seed=7), RandomCutForest(1, 1, 10, seed=7), seed_at(7, 1)
    for seed in (other, other - 2**64):
        assert join([one, RandomCutForest(1, 1, 10, seed=seed)]).to_bytes() == whole.to_bytes()
    with pytest.raises(ValueError, match=f"^seed of share 1 must be {other}, "):
        join([one, RandomCutForest(1, 1, 10, seed=other ^ 2**63)])


def test_shares_in_another_order_or_missing_are_refused():
    one, two, three = split(RandomCutForest(**PARAMETERS | {"num_trees": 6}), 3)
    second, third = seed_at(9, 2), seed_at(9, 4)
    for shares, message in [
        ([one, three], f"seed of share 1 must be {second}, where share 0 ends, got {third}"),
        ([one, three, two], f"seed of share 1 must be {second}, where share 0 ends, got {third}"),
        ([one, two, two], f"seed of share 2 must be {third}, where share 1 ends, got {second}"),
        ([two, one], f"seed of share 1 must be {third}, where share 0 ends, got 9"),
        ([], "shares must be at least one forest, got none"),
    ]:
        with pytest.raises(ValueError) as caught:
            join(shares)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("records_of_one", "records_of_two", "message"),
    [
        ([[1, 2], [3, 4]], [[1, 2]], "records_seen of share 1 must be that of share 0, 2, got 1"),
        ([[1, 2], [3, 4]], [[1, 2], [3, 5]], "last records of share 1 must be those of share 0, got others"),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4.4]], "last records of share 1 must be those of share 0, got others"),
    ],
)
@pytest.mark.parametrize("kept", [dict(noise_floor=()), dict(shingle_size=1)], ids=["shingles", "noise floor"])
def test_shares_of_other_records_are_refused(records_of_one, records_of_two, message, kept):
    one, two = split(RandomCutForest(**PARAMETERS | kept), 2)
    one.learn(records_of_one)
    two.learn(records_of_two)
    with pytest.raises(ValueError) as caught:
        join([one, two])
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("share", "shares", "message"),
    [
        (0, 0, "shares must be a whole number from 1 to 4, got 0"),
        (0, 5, "shares must be a whole number from 1 to 4, got 5"),
        (0, 2.0, "shares must be a whole number from 1 to 4, got 2.0"),
        (-1, 2, "share must be a whole number from 0 to 1, got -1"),
        (2, 2, "share must be a whole number from 0 to 1, got 2"),
    ],
)
def test_share_out_of_range_is_refused(share, shares, message):
    calls = [lambda: share_of(PARAMETERS, share, shares), lambda: weight(4, share, shares)]
    if message.startswith("shares"):
        calls.append(lambda: split(RandomCutForest(**PARAMETERS), shares))
    for call in calls:
        with pytest.raises(ValueError) as caught:
            call()
        assert str(caught.value) == message


def test_parameters_of_the_whole_are_checked():
    with pytest.raises(ValueError, match=r"^num_trees must be a whole number from 1 to 1000, got 1001$"):
        share_of(dict(dimensions=1, num_trees=1001), 0, 2)
    half = RandomCutForest(1, 501)
    with pytest.raises(ValueError, match=r"^num_trees must be a whole number from 1 to 1000, got 1001$"):
        join([half, RandomCutForest(1, 500, seed=seed_at(0, 501))])
