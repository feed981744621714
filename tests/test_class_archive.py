"""Flink's classes in an archive: the Java of a run has it in its memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from job.class_archive import java_arguments

_LOOK = """
import sys
from pathlib import Path
from job.environment import _prepare_processes
_prepare_processes(Path(sys.argv[1]))
from pyflink.java_gateway import get_gateway
process = get_gateway().jvm.java.lang.ProcessHandle.current().pid()
print(Path(f"/proc/{process}/maps").read_text())
"""


@pytest.mark.cluster
def test_java_maps_the_archive(tmp_path):
    if not java_arguments():
        pytest.skip("there is no archive: make setup makes it")
    if not Path("/proc/self/maps").exists():
        pytest.skip("what a process maps is looked up in /proc")
    # A process of its own: a Java that is there already writes the logs of whoever started it
    done = subprocess.run([sys.executable, "-c", _LOOK, tmp_path], capture_output=True, text=True, check=True)
    assert f"{sys.prefix}/flink-classes.jsa" in done.stdout
