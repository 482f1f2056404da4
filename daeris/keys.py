"""`python -m daeris.keys` prints new secrets for a production environment, one NAME=value a line."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from daeris.secrets import load_or_create

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        for name, value in load_or_create(Path(folder)).items():
            sys.stdout.write(f"{name}={value}\n")
