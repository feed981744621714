"""The entry file for `flink run --python job/main.py …`, and main.py of the package for Amazon's managed service."""

import sys
from pathlib import Path

SERVICE = Path("/etc/flink/application_properties.json")  # the service writes its runtime properties there

if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    sys.path.insert(0, str(here.parent if here.name == "job" else here))
    from job.cli import main

    arguments = sys.argv[1:]
    if not arguments and SERVICE.exists():
        arguments = ["--properties", str(SERVICE)]
    if here.name != "job" and "--requirements" not in arguments:
        arguments += ["--requirements", str(here / "requirements.txt")]  # the package's own, for its workers
    sys.exit(main(["run", *arguments]))
