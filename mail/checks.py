"""Wrong settings, told at start, each with a way out. None of these looks at the database."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from mail.addresses import InvalidAddress, parse_mailbox
from mail.domains.lookup import NameserverInvalid, nameservers
from mail.environment import read_url
from mail.oauth_http import is_safe

# What a message of this size becomes when it is encoded for travel hardly any server accepts.
HARDLY_ACCEPTED_BYTES = 100 * 1024 * 1024
KEY_HINT = "`python -m daeris.keys` prints new ones; keep the old keys behind the new one, or stored secrets are lost."
UPLOAD_HANDLER = "mail.uploads.BoundedUploadHandler"
NUMBERS = {
    "MAIL_LEASE_SECONDS": ("mail.E003", "60"),
    "MAIL_RETRY_SECONDS": ("mail.E005", "172800, which is 48 hours"),
    "MAIL_CONNECTIONS": ("mail.E006", "10"),
    "MAIL_CONNECT_SECONDS": ("mail.E006", "10"),
    "MAIL_COMMAND_SECONDS": ("mail.E006", "60"),
    "MAIL_DATA_SECONDS": ("mail.E006", "600, as RFC 5321 asks"),
    "MAIL_MAX_UPLOAD_BYTES": ("mail.E007", "20971520, which is 20 MiB"),
    "MAIL_MAX_MESSAGE_BYTES": ("mail.E007", "26214400, which is 25 MiB"),
}


@register("mail")
def check_mail_settings(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Every complaint about the settings of `mail`."""
    checks: Sequence[Callable[[], Iterator[CheckMessage]]] = (
        _server_url,
        _field_keys,
        _token_key,
        _numbers,
        _lease,
        _back_off,
        _keeping,
        _upload_limit,
        _upload_handler,
        _default_from,
        _base_url,
        _nameserver,
        _oauth_endpoints,
    )
    return [message for check in checks for message in check()]


def _server_url() -> Iterator[CheckMessage]:
    try:
        read_url(_setting("MAIL_SERVER_URL") or "")
    except ImproperlyConfigured as error:
        yield Error(str(error), hint="Correct EMAIL_URL, or empty it and use custom servers.", id="mail.E001")


def _field_keys() -> Iterator[CheckMessage]:
    keys = _setting("DAERIS_FIELD_KEYS")
    if not keys or isinstance(keys, str):
        yield Error("DAERIS_FIELD_KEYS holds no list of keys.", hint=KEY_HINT, id="mail.E002")
        return
    for place, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except (ValueError, TypeError):
            yield Error(f"Key {place} of DAERIS_FIELD_KEYS cannot be read.", hint=KEY_HINT, id="mail.E002")


def _token_key() -> Iterator[CheckMessage]:
    keys = _setting("DAERIS_TOKEN_KEY")
    hint = "`python -m daeris.keys` prints one. Keep the old key behind it, after a comma, or old answers get lost."
    if not keys or not isinstance(keys, str):
        yield Error("DAERIS_TOKEN_KEY holds no key.", hint=hint, id="mail.E009")
    elif min(len(key.strip()) for key in keys.split(",")) < 16:
        yield Error("A key of DAERIS_TOKEN_KEY is shorter than 16 characters.", hint=hint, id="mail.E009")


def _numbers() -> Iterator[CheckMessage]:
    for name, (identity, usual) in NUMBERS.items():
        if not _is_positive(_setting(name)):
            yield Error(f"{name} must be a number above 0.", hint=f"The usual value is {usual}.", id=identity)


def _lease() -> Iterator[CheckMessage]:
    lease = _setting("MAIL_LEASE_SECONDS")
    if _is_positive(lease) and lease > 3600:
        hint = "A worker that died holds its mails this long; 60 is the usual value."
        yield Warning(f"MAIL_LEASE_SECONDS is {lease}: more than an hour.", hint=hint, id="mail.W001")


def _back_off() -> Iterator[CheckMessage]:
    waits = _setting("MAIL_BACKOFF_SECONDS")
    if not isinstance(waits, list | tuple) or not waits or not all(map(_is_positive, waits)):
        hint = "For example 60,300,900,1800,3600,7200,14400; the last wait repeats."
        yield Error("MAIL_BACKOFF_SECONDS must list seconds above 0.", hint=hint, id="mail.E004")
        return
    if list(waits) != sorted(waits):
        hint = "A server in trouble recovers sooner when it is asked less and less often."
        yield Warning("MAIL_BACKOFF_SECONDS does not grow.", hint=hint, id="mail.W002")
    window = _setting("MAIL_RETRY_SECONDS")
    if _is_positive(window) and window < waits[0]:
        hint = "Give it at least the first wait of MAIL_BACKOFF_SECONDS."
        yield Warning("MAIL_RETRY_SECONDS ends before the first retry.", hint=hint, id="mail.W003")


def _keeping() -> Iterator[CheckMessage]:
    for name, usual in (("MAIL_KEEP_BODIES_DAYS", 365), ("MAIL_KEEP_ATTEMPTS_DAYS", 180)):
        days = _setting(name)
        if days and not _is_positive(days):
            hint = f"The usual value is {usual}; with 0 they are kept for ever."
            yield Error(f"{name} must be a number of days, or 0.", hint=hint, id="mail.E013")


def _upload_limit() -> Iterator[CheckMessage]:
    for name in ("MAIL_MAX_UPLOAD_BYTES", "MAIL_MAX_MESSAGE_BYTES"):
        limit = _setting(name)
        if _is_positive(limit) and limit > HARDLY_ACCEPTED_BYTES:
            hint = "Most servers accept 25 to 50 MB for a whole mail, and encoding adds a third."
            yield Warning(f"{name} is above 100 MiB.", hint=hint, id="mail.W004")


def _upload_handler() -> Iterator[CheckMessage]:
    handlers = _setting("FILE_UPLOAD_HANDLERS")
    if not handlers or handlers[0] != UPLOAD_HANDLER:
        hint = (
            f'FILE_UPLOAD_HANDLERS = ["{UPLOAD_HANDLER}", *django.conf.global_settings.FILE_UPLOAD_HANDLERS]; '
            "without it a file of any size is written to disk before it is refused."
        )
        yield Warning("Uploads are not bounded while they arrive.", hint=hint, id="mail.W006")


def _default_from() -> Iterator[CheckMessage]:
    sender = _setting("DEFAULT_FROM_EMAIL")
    if sender == "webmaster@localhost":
        hint = 'Set an address of yours, or "" for the default From of the alias domain.'
        yield Warning("DEFAULT_FROM_EMAIL is still webmaster@localhost.", hint=hint, id="mail.W005")
    elif sender:
        try:
            parse_mailbox(sender)
        except InvalidAddress as error:
            hint = "Write one address, like Mi Empresa <info@miempresa.com>."
            yield Error(f"DEFAULT_FROM_EMAIL is not an address. {error}", hint=hint, id="mail.E008")


def _base_url() -> Iterator[CheckMessage]:
    try:
        parts = urlsplit(_setting("BASE_URL") or "")
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_good = False
    if not is_good:
        hint = "Links in mails begin with it, for example https://daeris.miempresa.com."
        yield Error("BASE_URL is not the address of a web site.", hint=hint, id="mail.E010")


def _nameserver() -> Iterator[CheckMessage]:
    try:
        nameservers(_setting("MAIL_NAMESERVER") or "")
    except NameserverInvalid as error:
        hint = "Write the address of a name server and its port, like 192.0.2.1:53, or leave it empty."
        yield Error(f"MAIL_NAMESERVER cannot be read. {error}", hint=hint, id="mail.E011")


def _oauth_endpoints() -> Iterator[CheckMessage]:
    try:
        urls = [
            url
            for places in (_setting("MAIL_OAUTH_ENDPOINTS") or {}).values()
            for name, url in places.items()
            if name != "issuer"
        ]
        is_good = all(isinstance(url, str) and is_safe(url) for url in urls)
    except AttributeError:
        is_good = False
    if not is_good:
        hint = 'For example {"microsoft": {"authorize": "https://…", "token": "https://…"}}; leave it empty otherwise.'
        yield Error("MAIL_OAUTH_ENDPOINTS names no addresses of HTTPS.", hint=hint, id="mail.E012")


def _setting(name: str) -> Any:
    return getattr(settings, name, None)


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
