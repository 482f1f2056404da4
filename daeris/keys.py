"""`python -m daeris.keys` prints new secrets for a production environment, one NAME=value a line."""

import secrets
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from daeris.secrets import load_or_create

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        for name, value in load_or_create(Path(folder)).items():
            sys.stdout.write(f"{name}={value}\n")
    # The database of docker-compose.yml; letters and digits only, as it stands inside a URL.
    sys.stdout.write(f"POSTGRES_PASSWORD={secrets.token_hex(24)}\n")
