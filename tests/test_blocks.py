"""Files read block by block: the same lines, once each, in order, however they were written."""

import os
import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udf import blocks as module
from udf.blocks import BLOCK_BYTES, Spool, natural_order

LINES = st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=30)


def read(spool: Spool, *, take_unfinished: bool = False) -> list[tuple[str, bytes]]:
    """(file, line) of every line that is new."""
    spool._next_listing = 0.0  # as if time had passed
    return [
        (block.name, line)
        for block in spool.blocks(take_unfinished=take_unfinished)
        for line in block.lines.split(b"\n")
    ]


def lines_of(spool: Spool, *, take_unfinished: bool = False) -> list[bytes]:
    return [line for _, line in read(spool, take_unfinished=take_unfinished)]


@settings(max_examples=150, deadline=None)
@given(lines=LINES, cuts=st.lists(st.integers(0, 700), max_size=8), block=st.integers(1, 40))
def test_lines_come_once_each_however_they_are_written(lines: list[bytes], cuts: list[int], block: int) -> None:
    content = b"".join(line + b"\n" for line in lines)
    places = sorted({min(cut, len(content)) for cut in cuts} | {0, len(content)})
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_BYTES", block)
        file = Path(folder) / "in.jsonl"
        file.touch()
        spool = Spool(folder, {})
        came = lines_of(spool)
        for start, end in pairwise(places):
            with file.open("ab") as writer:
                writer.write(content[start:end])
            came += lines_of(spool)
            assert len(came) == content[:end].count(b"\n"), "a partial line waits"
    if lines and lines[0].startswith(b"\xef\xbb\xbf"):
        lines = [lines[0][3:], *lines[1:]]
    assert came == lines


@settings(max_examples=60, deadline=None)
@given(lines=LINES, stop=st.integers(0, 30))
def test_a_new_reader_goes_on_at_the_offsets_of_the_one_before(lines: list[bytes], stop: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_BYTES", 16)
        (Path(folder) / "in.jsonl").write_bytes(b"".join(b"-" + line + b"\n" for line in lines))
        offsets: dict[str, int] = {}
        came: list[bytes] = []
        for number, block in enumerate(Spool(folder, offsets).blocks(take_unfinished=True)):
            came += block.lines.split(b"\n")
            if number == stop:
                break
        came += lines_of(Spool(folder, dict(offsets)), take_unfinished=True)
    assert came == [b"-" + line for line in lines]


@pytest.mark.parametrize(
    "names",
    [
        ["part-9", "part-10"],
        ["0009", "0010"],
        ["part-0009", "part-10"],
        ["2.jsonl", "10.jsonl", "a.jsonl"],
        ["20260101T000000.9-1", "20260101T000000.9-2", "20260101T000000.9-10", "20260101T000001.1-1"],
        ["a", "a1", "a1b2", "a1b10", "a2", "b"],
    ],
)
def test_names_come_in_natural_order(tmp_path: Path, names: list[str]) -> None:
    for name in reversed(names):
        (tmp_path / name).write_text(f"{name}\n")
    assert sorted(reversed(names), key=natural_order) == names
    assert read(Spool(str(tmp_path), {})) == [(name, name.encode()) for name in names]


def test_hidden_names_folders_and_other_prefixes_are_not_there(tmp_path: Path) -> None:
    for name in [".hidden", "_hidden", "run-1", "other-1"]:
        (tmp_path / name).write_text(f"{name}\n")
    (tmp_path / "run-folder").mkdir()
    assert read(Spool(str(tmp_path), {})) == [("other-1", b"other-1"), ("run-1", b"run-1")]
    spool = Spool(str(tmp_path), {}, prefix="run-")
    assert lines_of(spool) == [b"run-1"]
    (tmp_path / ".hidden").rename(tmp_path / "run-2")
    assert lines_of(spool) == [b".hidden"]


def test_an_unfinished_last_line_is_taken_only_when_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"one\ntw")
    spool = Spool(str(file), {})
    assert lines_of(spool) == [b"one"]
    assert lines_of(spool) == []
    assert lines_of(spool, take_unfinished=True) == [b"tw"]
    assert lines_of(spool, take_unfinished=True) == []


def test_an_unfinished_line_may_have_to_be_a_whole_object(tmp_path: Path) -> None:
    line = b'{"a": {"b": "}"}, "c": [1, 2]} '
    for end in range(1, len(line) + 1):
        (tmp_path / "in.jsonl").write_bytes(line[:end])
        come = [b.lines for b in Spool(str(tmp_path), {}).blocks(take_unfinished=True, whole=True)]
        assert come == ([line[:end]] if end >= len(line) - 1 else []), line[:end]


@pytest.mark.parametrize("rest", [[b"\nthree\n"], [b"\n", b"three\n"], [b"\nth", b"ree\n"]])
def test_the_newline_that_comes_after_an_unfinished_line_is_no_line(tmp_path: Path, rest: list[bytes]) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"one\ntwo")
    spool = Spool(str(file), {})
    came = lines_of(spool, take_unfinished=True)
    for more in rest:
        with file.open("ab") as writer:
            writer.write(more)
        came += lines_of(spool)
    assert came == [b"one", b"two", b"three"]


def test_empty_lines_are_lines(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\n\none\n\n")
    (tmp_path / "b").write_bytes(b"\n")
    (tmp_path / "c").write_bytes(b"")
    assert read(Spool(str(tmp_path), {})) == [("a", b""), ("a", b""), ("a", b"one"), ("a", b""), ("b", b"")]


def test_a_byte_order_mark_is_not_of_the_first_line(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n")
    assert lines_of(Spool(str(file), {})) == [b"one", b"\xef\xbb\xbftwo"]


def test_lines_longer_than_a_block_are_whole(tmp_path: Path) -> None:
    long = [b"a" * (BLOCK_BYTES - 1), b"b" * BLOCK_BYTES, b"c", b"d" * (5 * BLOCK_BYTES + 7), b"e"]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(long) + b"\n")
    assert lines_of(Spool(str(tmp_path), {})) == long


def test_a_file_that_is_truncated_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"one\ntwo\nthree\n")
    spool = Spool(str(file), {})
    assert lines_of(spool) == [b"one", b"two", b"three"]
    file.write_bytes(b"four\n")
    assert lines_of(spool) == [b"four"]


def test_a_file_that_grows_while_it_is_read_is_not_taken_for_truncated(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"one\n")
    spool = Spool(str(tmp_path), {})
    spool._list()
    with file.open("ab") as writer:
        writer.write(b"two\n")
    spool._next_listing = time.monotonic() + 1000  # a long listing: the next is far away
    come = [block.lines for _ in range(3) for block in spool.blocks(take_unfinished=False)]
    assert come == [b"one\ntwo"]


def test_a_file_removed_after_it_was_listed_is_passed_over(tmp_path: Path) -> None:
    for name in ["1", "2", "3"]:
        (tmp_path / name).write_text(f"{name}\n")
    spool = Spool(str(tmp_path), {})
    come = []
    for block in spool.blocks(take_unfinished=False):
        come.append(block.lines)
        (tmp_path / "2").unlink(missing_ok=True)
    assert come == [b"1", b"3"]
    (tmp_path / "3").unlink()
    assert lines_of(spool) == []
    assert spool.forget_gone() == ["3"]


def test_a_source_that_is_away_for_a_while_has_no_lines(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"one\n")
    spool = Spool(str(file), {})
    assert lines_of(spool) == [b"one"]
    os.rename(file, tmp_path / "old")
    assert lines_of(spool) == []
    assert spool.forget_gone() == ["in.jsonl"]
