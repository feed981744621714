"""The demonstration: a recording of a room is played, and scored as it plays."""

import math
import subprocess
import sys
import time
from pathlib import Path

from job.live import Live
from job.options import Options
from job.picture import draw
from job.progress import counts, highest
from job.run import POLL_SECONDS, Run
from job.stop import Stop
from job.uris import Uri

_ROOT = Path(__file__).resolve().parents[1]
RECORDING = _ROOT / "producer" / "recordings" / "shout.flac"
SAMPLE_SIZE = 10


def demo(output: Path, recording: Path = RECORDING) -> int:
    """Play `recording` into the job and show its scores; leave scores, errors and a picture in `output`.

    Returns the exit code of the producer. Ends when the recording is over and its last second is out, or on Ctrl-C.
    """
    output = output.absolute()
    stamp = time.strftime("%Y%m%d-%H%M%S")
    spool = output / stamp / "spool"
    spool.mkdir(parents=True)
    options = Options(
        source=Uri("file", spool),
        sink=Uri("file", output / stamp / "scores"),
        errors=Uri("file", output / stamp / "errors"),
        # the parameters of the blog post that all this began with
        num_trees=100,
        sample_size=SAMPLE_SIZE,
        time_decay=100,
        shingle_size=1,
    )
    live = Live(most=math.log2(SAMPLE_SIZE))
    with Stop() as stop, Run(options, live) as job:
        job.start()
        while not stop.requested and not job.ready():
            time.sleep(POLL_SECONDS)
        if stop.requested:
            return 0
        live.phase(f"playing {recording.name} (Ctrl-C ends it)")
        producer = _play(recording, spool)
        try:
            told = False
            while producer.poll() is None:
                job.poll()
                time.sleep(POLL_SECONDS)
                if stop.requested and not told:
                    producer.terminate()  # once: at the second time it would leave what it has queued
                    told = True
            sent = sum(len(file.read_bytes().splitlines()) for file in spool.glob("*.jsonl"))
            while job.summary.read < sent:
                job.poll()
                time.sleep(POLL_SECONDS)
        finally:
            if producer.poll() is None:
                producer.kill()
            producer.wait()
        job.stop(drain=True)
    print(f"\n{counts(job.summary)}")
    if live.rows_seen:
        print(f"highest scores:\n{highest(job.summary)}")
        print(live.latency())
        print(_first_score(live, job))
        picture = output / stamp / "volume-and-score.png"
        draw(live.rows_seen, "volume", "event_time", picture)
        print(f"picture: {picture}\nscores:  {options.sink.path}")
    return producer.returncode


def _play(recording: Path, spool: Path) -> subprocess.Popen[bytes]:
    """The producer, in a process of its own as anywhere, and out of reach of this terminal's Ctrl-C."""
    arguments = ["--from", str(recording), "--to", f"file:{spool}", "--pace", "real", "--quiet"]
    return subprocess.Popen(
        [sys.executable, "-m", "producer", *arguments],
        cwd=_ROOT,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    )


def _first_score(live: Live, job: Run) -> str:
    parts = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in job.summary.started_seconds.items())
    return f"first scores after {live.first_score_after:.1f} s: {parts}"
