"""Flink's classes in an archive: the Java of a run has it in its memory."""

import sys
from pathlib import Path

import pytest

from job.class_archive import java_arguments
from job.environment import _prepare_processes


def test_java_maps_the_archive(tmp_path):
    if not java_arguments():
        pytest.skip("there is no archive: make setup makes it")
    if not Path("/proc/self/maps").exists():
        pytest.skip("what a process maps is looked up in /proc")
    _prepare_processes(tmp_path)
    from pyflink.java_gateway import get_gateway

    process = get_gateway().jvm.java.lang.ProcessHandle.current().pid()
    assert f"{sys.prefix}/flink-classes.jsa" in Path(f"/proc/{process}/maps").read_text()
