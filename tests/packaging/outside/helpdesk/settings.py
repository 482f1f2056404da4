"""A project of somebody else: its own user model (Django's), its own model, and of Daeris only what README.md names."""

from pathlib import Path

BASE_DIR = Path(__file__).parent.parent
SECRET_KEY = "not-a-secret"
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "helpdesk.urls"
INSTALLED_APPS = [
    "helpdesk",
    "chatter",
    "mail",
    "daeris.ui",
    "django_htmx",
    "django_prose_editor",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "daeris.ui.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "daeris.ui.context.shell",
            ],
        },
    }
]
FORM_RENDERER = "daeris.ui.forms.FormRenderer"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "collected"
MEDIA_ROOT = BASE_DIR / "media"
LANGUAGE_CODE = "es"
USE_TZ = True
LOGIN_URL = "login"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEFAULT_FROM_EMAIL = "ayuda@ayuda.example"
BASE_URL = "https://ayuda.example"
EMAIL_BACKEND = "mail.backend.QueueBackend"
FILE_UPLOAD_HANDLERS = [
    "mail.uploads.BoundedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DAERIS_FIELD_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
DAERIS_TOKEN_KEY = "0123456789012345678901234567890123456789"
