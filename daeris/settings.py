"""Settings: read from the environment, or stop the start.

`DAERIS_MODE=embedded` (the default) needs nothing: SQLite, a private Valkey and secrets of its own, all
inside `DAERIS_DATA`. `DAERIS_MODE=production` asks for everything that must not be guessed.
"""

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from daeris import secrets

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

MODE = env.str("DAERIS_MODE", default="embedded")
if MODE not in {"embedded", "production"}:
    raise ImproperlyConfigured(f"DAERIS_MODE is {MODE!r}; use 'embedded' or 'production'.")
EMBEDDED = MODE == "embedded"
DATA_DIR = Path(env.str("DAERIS_DATA", default="") or BASE_DIR / "var").resolve()
# The demo company and its mailbox: only where one command runs everything.
DEMO = EMBEDDED and env.bool("DAERIS_DEMO", default=True)
DEBUG = env.bool("DEBUG", default=False)
if DEBUG and not EMBEDDED:
    raise ImproperlyConfigured("DEBUG is on; production would show its insides to strangers. Take it away.")

# -- Secrets: made once when embedded, required in production --------------------------------------
_secrets: dict[str, str] = {}
if EMBEDDED:
    try:
        _secrets = secrets.load_or_create(DATA_DIR)
    except OSError as error:
        raise ImproperlyConfigured(secrets.not_writable(DATA_DIR, error)) from None


def _secret(name: str) -> str:
    value: str = env.str(name, default=_secrets.get(name, ""))
    if not value:
        raise ImproperlyConfigured(f"{name} is not set; production needs it. `python -m daeris.keys` prints new ones.")
    return value


SECRET_KEY = _secret("SECRET_KEY")
# Fernet keys of the secrets at rest, newest first; older ones still read.
DAERIS_FIELD_KEYS = [key for key in _secret("DAERIS_FIELD_KEYS").split(",") if key]
# What signs the tokens in addresses; older keys, behind it after commas, still verify.
DAERIS_TOKEN_KEY = _secret("DAERIS_TOKEN_KEY")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if EMBEDDED else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Where links in mails lead; no trailing slash.
BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000").rstrip("/")

# -- Applications ----------------------------------------------------------------------------------
INSTALLED_APPS = [
    "daeris",
    "daeris.documents",
    *(["daeris.demo"] if DEMO else []),
    "chatter",
    "mail",
    "daeris.ui",
    "django_htmx",
    "django_prose_editor",  # for its one static module, which the composer loads
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
]
MIDDLEWARE = [
    # Around all others, so that also what they answer by themselves (the way to HTTPS) carries the policy.
    "daeris.ui.middleware.ContentSecurityPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "daeris.ui.middleware.PrivatePagesMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "daeris.ui.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "daeris.urls"
WSGI_APPLICATION = "daeris.wsgi.application"
AUTH_USER_MODEL = "daeris.User"
AUTHENTICATION_BACKENDS = ["daeris.backends.Backend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
FORM_RENDERER = "daeris.ui.forms.FormRenderer"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # In a wheel the templates lie inside the apps instead, where any project finds them.
        "DIRS": [BASE_DIR / "templates"] if (BASE_DIR / "templates").is_dir() else [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "daeris.ui.context.shell",
            ],
            "builtins": ["daeris.ui.templatetags.ui"],
        },
    }
]

# -- Database --------------------------------------------------------------------------------------
if not EMBEDDED and not env.str("DATABASE_URL", default=""):
    raise ImproperlyConfigured("DATABASE_URL is not set; production needs one, e.g. postgres://daeris@db/daeris.")
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'daeris.sqlite3'}")
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE: a transaction that will write waits for its turn at BEGIN instead of failing later.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # A host, a cable or a firewall may fail without a word. Left to the kernel, whoever had sent something would wait
    # for a quarter of an hour, and whoever waits for an answer for two hours, with leases to be extended meanwhile.
    # Now both are told within 20 s. What DATABASE_URL says (?connect_timeout=3) wins.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        "tcp_user_timeout": 10_000,  # milliseconds: what was sent is not acknowledged
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        **DATABASES["default"].get("OPTIONS", {}),
    }
    # For a pooler that gives each transaction another connection; `mail` then keeps no plans either.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = env.bool("DISABLE_SERVER_SIDE_CURSORS", default=False)

# -- Redis: bell and cache, nothing else ------------------------------------------------------------
REDIS_URL: str = env.str("REDIS_URL", default="")
if not EMBEDDED and not REDIS_URL:
    raise ImproperlyConfigured("REDIS_URL is not set; production needs one, e.g. redis://redis:6379/0.")
CACHES: dict[str, dict[str, Any]] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # What is not there soon is found out anew: nobody waits for a cache that is away.
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
SESSION_ENGINE = "django.contrib.sessions.backends.db"

# The same place in the words of Celery, which names Unix sockets differently.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1) or None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "background"
# Bells are acknowledged when they are heard: the table is the queue, and a lost bell loses nothing.
CELERY_TASK_ACKS_LATE = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A worker delivers without a broker too, so it never gives up looking for one.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# As for the database: a broker that is gone without a word is noticed, by a question that is not answered (the first)
# and by a bell that is overdue (the last), which is looked for this often.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 10, "socket_connect_timeout": 5, "health_check_interval": 10}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "schedule")
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # A sweep that finds no worker is worth nothing later; but the hosts' clocks may differ by minutes.
    "sweep": {"task": "mail.tasks.sweep", "schedule": 5.0, "options": {"expires": 900}},
    "keep_grants": {"task": "mail.tasks.keep_grants", "schedule": 3600.0, "options": {"expires": 3600}},
    "tidy": {"task": "mail.tasks.tidy", "schedule": 3600.0, "options": {"expires": 3600}},
    # Half a minute at most each time, so it is rung often.
    "let_go": {"task": "mail.tasks.let_go", "schedule": 900.0, "options": {"expires": 900}},
}

# -- Mail ------------------------------------------------------------------------------------------
EMAIL_BACKEND = "mail.backend.QueueBackend"
# The one server used while no custom servers are: smtp://user:secret@host:587?tls=starttls (or smtps://).
MAIL_SERVER_URL: str = env.str("EMAIL_URL", default="")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="")
# Whom to ask about foreign domains, as 192.0.2.1:53 (several by commas); empty: the name servers of the system.
MAIL_NAMESERVER: str = env.str("MAIL_NAMESERVER", default="")
# This installation as Google and Microsoft know it, for servers that log in by OAuth; the browser's values win.
MAIL_OAUTH_CLIENTS: dict[str, dict[str, str]] = {
    "google": {
        "client_id": env.str("MAIL_GOOGLE_CLIENT_ID", default=""),
        "client_secret": env.str("MAIL_GOOGLE_CLIENT_SECRET", default=""),
    },
    "microsoft": {
        "client_id": env.str("MAIL_MICROSOFT_CLIENT_ID", default=""),
        "client_secret": env.str("MAIL_MICROSOFT_CLIENT_SECRET", default=""),
        "tenant": env.str("MAIL_MICROSOFT_TENANT", default=""),
    },
}
# Other addresses than the public ones: {"microsoft": {"authorize": "https://…", "token": "https://…", "issuer": "…"}}
MAIL_OAUTH_ENDPOINTS: dict[str, dict[str, str]] = env.json("MAIL_OAUTH_ENDPOINTS", default={})
MAIL_LEASE_SECONDS = env.int("MAIL_LEASE_SECONDS", default=60)
# Waits between tries, in seconds; the last one repeats until MAIL_RETRY_SECONDS are over.
MAIL_BACKOFF_SECONDS = env.list("MAIL_BACKOFF_SECONDS", cast=int, default=[60, 300, 900, 1800, 3600, 7200, 14400])
MAIL_RETRY_SECONDS = env.int("MAIL_RETRY_SECONDS", default=48 * 3600)
# How many days words and files are kept once a mail is settled, and what was tried to deliver it; 0 or empty: for ever.
# A year, as that is how far back a business is asked about what it wrote; a message of a record stays there anyway.
MAIL_KEEP_BODIES_DAYS = int(env.str("MAIL_KEEP_BODIES_DAYS", default="365") or 0)
# Half a year, as nobody looks longer for why a mail did not arrive; what became of it stays written on the mail.
MAIL_KEEP_ATTEMPTS_DAYS = int(env.str("MAIL_KEEP_ATTEMPTS_DAYS", default="180") or 0)
MAIL_CONNECTIONS = env.int("MAIL_CONNECTIONS", default=10)
MAIL_CONNECT_SECONDS = env.float("MAIL_CONNECT_SECONDS", default=10)
MAIL_COMMAND_SECONDS = env.float("MAIL_COMMAND_SECONDS", default=60)
MAIL_DATA_SECONDS = env.float("MAIL_DATA_SECONDS", default=600)
MAIL_MAX_UPLOAD_BYTES = env.int("MAIL_MAX_UPLOAD_BYTES", default=20 * 1024 * 1024)
# All files of one message together; encoding for travel adds a third.
MAIL_MAX_MESSAGE_BYTES = env.int("MAIL_MAX_MESSAGE_BYTES", default=25 * 1024 * 1024)

# -- Files -----------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(DATA_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "daeris.ui.finders.FontFinder",
]
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(DATA_DIR / "media")))
STORAGES: dict[str, dict[str, Any]] = {
    # Attachments. Every host has to see the same: MEDIA_ROOT shared by network, or an object store.
    "default": {
        "BACKEND": env.str("FILES_STORAGE", default="django.core.files.storage.FileSystemStorage"),
        "OPTIONS": env.json("FILES_STORAGE_OPTIONS", default={}),
    },
    "staticfiles": {"BACKEND": "daeris.ui.storage.ManifestStorage"},
}
# Uploads are streamed to disk beyond this; the limit itself is MAIL_MAX_UPLOAD_BYTES.
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "mail.uploads.BoundedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# -- Languages and time ----------------------------------------------------------------------------
LANGUAGE_CODE = "es"
LANGUAGES = [("es", _("Spanish")), ("en", _("English"))]
USE_I18N = True
USE_THOUSAND_SEPARATOR = True
FORMAT_MODULE_PATH = ["daeris.formats"]
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="Europe/Madrid")
LOCALE_PATHS = [BASE_DIR / "daeris" / "locale"]

# -- Security --------------------------------------------------------------------------------------
SECURE_CSP = {
    "default-src": ["'self'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "frame-src": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'self'"],
    "form-action": ["'self'"],
    "object-src": ["'none'"],
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
# The page carries the token in <body data-csrf>, so that script never needs the cookie.
CSRF_COOKIE_HTTPONLY = True
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
if not EMBEDDED:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31536000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

DEFAULT_EXCEPTION_REPORTER_FILTER = "daeris.reporting.WithoutVariables"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "fontTools": {"level": "WARNING"},
        "mail.log": {"level": "WARNING"},  # aiosmtpd's own, which tells of every command
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
}
