"""What `mail` does where a project's settings say nothing."""

from typing import Any

from django.conf import settings

DEFAULTS: dict[str, Any] = {
    # The one server used while no custom servers are: smtp://user:secret@host:587?tls=starttls
    "MAIL_SERVER_URL": "",
    # Without it no bell rings, and workers find new mail by looking every few seconds.
    "REDIS_URL": "",
    "MAIL_LEASE_SECONDS": 60,
    "MAIL_BACKOFF_SECONDS": [60, 300, 900, 1800, 3600, 7200, 14400],
    "MAIL_RETRY_SECONDS": 48 * 3600,
    # For how long words and files, and what was tried to deliver them, are kept; 0: for ever.
    "MAIL_KEEP_BODIES_DAYS": 365,
    "MAIL_KEEP_ATTEMPTS_DAYS": 180,
    "MAIL_CONNECTIONS": 10,
    "MAIL_CONNECT_SECONDS": 10.0,
    "MAIL_COMMAND_SECONDS": 60.0,
    "MAIL_DATA_SECONDS": 600.0,
    # This installation as Google and Microsoft know it, where nothing is written in the browser.
    "MAIL_OAUTH_CLIENTS": {
        "google": {"client_id": "", "client_secret": ""},
        "microsoft": {"client_id": "", "client_secret": "", "tenant": ""},
    },
    "MAIL_OAUTH_ENDPOINTS": {},
    "MAIL_MAX_UPLOAD_BYTES": 20 * 1024 * 1024,
    "MAIL_MAX_MESSAGE_BYTES": 25 * 1024 * 1024,
}


def complete_settings() -> None:
    """Put each default where the project's settings name nothing."""
    for name, value in DEFAULTS.items():
        if not hasattr(settings, name):
            setattr(settings, name, value)
