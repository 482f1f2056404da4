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
    # The database and the broker of docker-compose.yml; letters and digits only, as they stand inside URLs.
    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        sys.stdout.write(f"{name}={secrets.token_hex(24)}\n")
