"""The server of EMAIL_URL, used while no custom servers are: its URL read, its row kept beside the others."""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac

from mail.addresses import InvalidAddress, normalise_host
from mail.models import Options, Server

# What a scheme says of the encryption. `smtps` is encrypted from the first byte, as everywhere but in django-environ.
SCHEMES = {"smtp": "none", "smtp+tls": "starttls", "smtp+starttls": "starttls", "smtps": "tls", "smtp+ssl": "tls"}
TLS_WORDS = {"none": "none", "starttls": "starttls", "tls": "tls", "ssl": "tls"}
YES_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
EXAMPLE = "smtp://user:secret@mail.example.com:587?tls=starttls"


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """What an EMAIL_URL says."""

    host: str
    port: int
    security: str
    username: str = ""
    password: str = field(default="", repr=False)
    verify_certificate: bool = True


def read_url(url: str) -> ServerUrl | None:
    """The server that the URL names, None for ""; ImproperlyConfigured says what is wrong, never the password."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong("the host or the port cannot be read") from None
    if parts.scheme not in SCHEMES:
        raise _wrong(f"it must begin with one of {', '.join(f'{scheme}://' for scheme in SCHEMES)}")
    if parts.path.strip("/") or parts.fragment:
        raise _wrong("nothing but a query may follow the port; write / ? # @ : in a password as %2F %3F %23 %40 %3A")
    security, verify = _options(parts)
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(username) != bool(password):
        raise _wrong("a user name needs a password, and a password a user name")
    return ServerUrl(
        host=_host(parts),
        port=_port(port, security),
        security=security,
        username=username,
        password=password,
        verify_certificate=verify,
    )


def _options(parts: SplitResult) -> tuple[str, bool]:
    security, verify = SCHEMES[parts.scheme], True
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name == "tls" and value.lower() in TLS_WORDS:
            word = TLS_WORDS[value.lower()]
            if security not in {"none", word}:
                raise _wrong(f"{parts.scheme}:// and tls={value} contradict each other")
            security = word
        elif name == "verify" and value.lower() in YES_WORDS:
            verify = YES_WORDS[value.lower()]
        else:
            # Not repeated: it may be a password, or the rest of one that holds a question mark.
            raise _wrong("the query is not understood; use tls=starttls, tls=tls or verify=no")
    return security, verify


def _host(parts: SplitResult) -> str:
    try:
        return normalise_host(unquote(parts.hostname or ""))
    except InvalidAddress:
        raise _wrong("the host is missing or is not a name") from None


def _port(port: int | None, security: str) -> int:
    if port == 0:
        raise _wrong("the port must be between 1 and 65535")
    return port or Server.PORTS[Server.Security(security)]


def _wrong(what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"EMAIL_URL: {what}. Example: {EXAMPLE}")


# -- The row -----------------------------------------------------------------------------------------

_kept: tuple[str, int] | None = None  # the URL and the connections that this process last compared the row with


def environment_server() -> Server | None:
    """The row of EMAIL_URL's server, made or changed when the settings are new to this process; None without a URL.

    The password stays in the environment: `environment_password` is what a connection uses.
    """
    global _kept
    url: str = settings.MAIL_SERVER_URL
    ours = (url, settings.MAIL_CONNECTIONS)
    known = read_url(url)
    row = Server.objects.filter(is_environment=True).first()
    if known and (row is None or ours != _kept):
        row = _keep(row, known, url)
    elif not known and row and row.active:
        # Mail planned for it must find another way.
        Server.objects.filter(pk=row.pk).update(active=False)
        Options.raise_version()
    _kept = ours
    return row if known else None


def environment_password() -> str:
    """The password of EMAIL_URL."""
    known = read_url(settings.MAIL_SERVER_URL)
    return known.password if known else ""


def _keep(row: Server | None, known: ServerUrl, url: str) -> Server:
    print_ = salted_hmac("mail.environment", url, algorithm="sha256").hexdigest()
    if row and row.active and row.open_password() == print_:
        if row.max_connections != settings.MAIL_CONNECTIONS:
            row.max_connections = settings.MAIL_CONNECTIONS
            row.save(update_fields=["max_connections"])
        return row
    # Several processes may start at once; the database allows one row.
    row = row or Server.objects.get_or_create(is_environment=True, defaults={"name": known.host})[0]
    row.name = known.host
    row.host, row.port, row.security = known.host, known.port, known.security
    row.username = known.username
    row.authentication = Server.Authentication.PASSWORD if known.username else Server.Authentication.NONE
    row.verify_certificate = known.verify_certificate
    row.max_connections = settings.MAIL_CONNECTIONS
    row.active = True
    # Not the password, but a print of the URL: it tells a later start that something changed.
    row.set_password(print_)
    row.save()  # raises the version of the settings
    row.unblock()  # what was wrong with the old URL says nothing of this one
    return row
