"""Settings of the peers; all addresses come from the environment."""

import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_database = urlsplit(os.environ["BENCH_DATABASE"])
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.path[1:],
        "USER": _database.username,
        "HOST": _database.hostname,
        "PORT": _database.port,
        "CONN_MAX_AGE": 600,  # kinder to them than Django's default
    }
}
SECRET_KEY = "bench"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "post_office",
    "mailer",
    "tests.bench.peers",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]

SMTP = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_BACKEND = SMTP
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", int(os.environ.get("BENCH_PORT", "25"))
# Where the sink wants STARTTLS, SSL_CERT_FILE names whom to trust, and certificates are verified.
EMAIL_USE_TLS = bool(os.environ.get("SSL_CERT_FILE"))
EMAIL_TIMEOUT = 30

POST_OFFICE: dict[str, Any] = {
    "BACKENDS": {"default": SMTP},
    "LOG_LEVEL": 2,
    "CELERY_ENABLED": bool(os.environ.get("BENCH_CELERY")),
}
if "BENCH_BATCH" in os.environ:  # otherwise its defaults: 100 and 5
    POST_OFFICE["BATCH_SIZE"] = int(os.environ["BENCH_BATCH"])
    POST_OFFICE["THREADS_PER_PROCESS"] = int(os.environ["BENCH_THREADS"])
MAILER_EMAIL_BACKEND = SMTP
MAILER_LOCK_PATH = str(Path(tempfile.gettempdir()) / f"daeris-bench-mailer-{os.getppid()}")

CELERY_BROKER_URL = os.environ["BENCH_BROKER"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "bench"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"level": "ERROR", "handlers": ["stderr"]},
    "loggers": {"post_office": {"level": "ERROR"}},
}
