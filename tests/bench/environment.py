"""Where the others live: an environment of their own, so that the product's dependencies stay clean."""

from tests.lab.stack import PROJECT

PYTHON = PROJECT / ".venv-bench/bin/python"
