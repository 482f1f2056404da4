"""The project's settings, in a folder of their own and quick to start."""

import os
import tempfile

if "DAERIS_DATA" not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:
    # Each process its own: what one sweeps away, another may be about to read.
    os.environ["DAERIS_DATA"] = tempfile.mkdtemp(prefix="daeris-tests-")

from daeris.settings import *  # noqa: F403
from daeris.settings import DATA_DIR, DATABASES, STATIC_ROOT, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
# A folder that tests may empty, whatever the environment says.
MEDIA_ROOT = DATA_DIR / "media-of-tests"
# Empty, but there: WhiteNoise warns of a folder that is missing, and warnings are errors here.
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
# An icon that does not exist is a mistake here, and a dot in production.
UI_STRICT = True
# A file, as in real life: threads that write at the same time wait for each other there.
DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
