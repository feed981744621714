"""Forests as bytes."""

import base64
import zlib

import numpy as np
import pytest

from udf.rcf import RandomCutForest

SHAPES = [
    dict(dimensions=1, num_trees=7, sample_size=16, time_decay=40),
    dict(dimensions=3, num_trees=5, sample_size=20, time_decay=1000, scoring="open", seed=2**64 - 1),
    dict(dimensions=2, num_trees=4, sample_size=10, time_decay=11, shingle_size=5, seed=-1),
]


@pytest.mark.parametrize("seen", [0, 1, 4, 5, 12, 300, 2500])
@pytest.mark.parametrize("shape", SHAPES, ids=["line", "space", "shingles"])
def test_restored_forest_continues_identically(shape, seen):
    seed = 40
    print("seed", seed)
    points = np.round(np.random.default_rng(seed).normal(size=(seen + 500, shape["dimensions"])), 1)
    forest = RandomCutForest(**shape)
    forest.learn(points[:seen])
    restored = RandomCutForest.from_bytes(forest.to_bytes())
    assert restored.to_bytes() == forest.to_bytes()
    assert {name: getattr(restored, name) for name in shape} == shape
    assert restored.records_seen == seen
    assert restored.score_and_learn(points[seen:]).tobytes() == forest.score_and_learn(points[seen:]).tobytes()
    assert restored.to_bytes() == forest.to_bytes()


@pytest.mark.parametrize(
    ("shape", "largest"),
    [
        (dict(num_trees=100, sample_size=10, time_decay=100), 10_000),
        (dict(num_trees=100, sample_size=256, time_decay=2560), 240_000),
        (dict(num_trees=100, sample_size=256, time_decay=100000), 240_000),
        (dict(num_trees=100, sample_size=256, time_decay=2560, shingle_size=48), 500_000),
    ],
    ids=["small", "default", "slow decay", "shingles"],
)
def test_bytes_are_few(shape, largest):
    forest = RandomCutForest(1, **shape)
    forest.learn(np.random.default_rng(41).normal(size=(12_000, 1)))
    size = len(forest.to_bytes())
    print(size)
    assert size < largest


@pytest.fixture(scope="module")
def data():
    forest = RandomCutForest(1, 3, 10, 20)
    forest.learn(np.arange(50.0).reshape(-1, 1))
    return forest.to_bytes()


def test_any_flipped_byte_is_refused(data):
    for i in range(len(data)):
        with pytest.raises(ValueError, match="must be"):
            RandomCutForest.from_bytes(data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :])


def test_any_shortened_bytes_are_refused(data):
    for i in range(len(data)):
        with pytest.raises(ValueError, match="must be"):
            RandomCutForest.from_bytes(data[:i])


def test_what_is_wrong_is_said(data):
    for wrong, message in [
        (b"junk" + data, "data must be the bytes of a forest, got b'junk'"),
        (data[:4] + b"\x03\x00" + data[6:], "version of data must be at most 2, got 3"),
        (data[:9], "data must be undamaged, got only 9 bytes"),
        (data + b"x", "data must be undamaged, got checksum "),
    ]:
        with pytest.raises(ValueError) as caught:
            RandomCutForest.from_bytes(wrong)
        assert str(caught.value).startswith(message)


def test_saved_bytes_of_version_1_still_give_the_same_scores():
    forest = RandomCutForest.from_bytes(VERSION_1)
    assert forest.records_seen == 40
    assert zlib.crc32(forest.score_and_learn(np.arange(30.0).reshape(-1, 1) % 7 / 8).tobytes()) == VERSION_1_SCORES


VERSION_1 = base64.b85decode(
    "QbR@n0RRC200062000UA000yK00062008~}|NsC0|Nnp}000000001Z0b^%pU^u5*$Ur1$XlQ__T;g?-Z^hQO4{Ya;2yo}@X-c@t"
    "9Z{7SZGPn5o5znIZ=dw=`KibDNPv-nk&%G`gg`U`@Bx`jER0NyY%EOd%#2J-D6$B3RAn(TG6S6f#0*S88qA@p`2%d&gHJb}e0p$z"
    ";l>Rhap1`(Ao1YSlN&dn(ZK+s5d@G81~=>hSZ^~~loY2W"
)
VERSION_1_SCORES = 2541182565
