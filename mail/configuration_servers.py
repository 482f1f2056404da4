"""One server of a configuration file becomes a row: defaults, log-in, and the secrets it may keep."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from django.utils.translation import gettext as _

from mail import presets
from mail.addresses import InvalidFilter, parse_filter
from mail.certificates import CertificateInvalid, read_pair
from mail.configuration_file import Entry, Problem
from mail.fields import decrypt, encrypt
from mail.filter_advice import filter_warnings
from mail.models import Provider, Server
from mail.oauth_tokens import grant_of
from mail.secret_places import BELONGS_TO, place_of

# Everything but secrets, as the file has it.
SERVER_FIELDS = (
    *("name", "preset", "priority", "from_filter", "active", "host", "port", "security", "authentication", "username"),
    *("verify_certificate", "ca_certificate", "client_certificate", "ehlo_name"),
    *("connect_seconds", "command_seconds", "data_seconds", "max_connections", "limit_connections"),
    *("limit_minute", "limit_hour", "limit_day", "extra_headers", "largest_mail", "paused"),
)
# What the file calls by another name than the column.
COLUMNS = {"paused": "is_paused"}
SECRETS = ("password", "client_key")
CERTIFICATES = ("ca_certificate", "client_certificate")
_PLACES = {"certificate": "client_certificate", "key": "client_key", "password": "client_key"}


def server_entry(row: Server) -> dict[str, Any]:
    """The server as the file has it, without its secrets."""
    return {name: getattr(row, COLUMNS.get(name, name)) for name in SERVER_FIELDS}


def fill_server(row: Server, entry: Entry, *, anew: bool) -> Iterator[Problem]:
    """Give the row, which may be new, what the entry says; yields what is wrong with it.

    With `anew`, fields that the entry leaves out go back to their defaults; a secret never does.
    """
    belonged_to, chain = place_of(row), row.client_certificate
    given = {name: value for name, value in entry.values.items() if name not in SECRETS}
    for name in CERTIFICATES:
        if given.get(name) == getattr(row, name).strip():
            given[name] = getattr(row, name)  # the same certificate, whatever the blanks around it
    if anew:
        given = {**_defaults(entry), **given}
    for name, value in given.items():
        setattr(row, COLUMNS.get(name, name), value)
    if not row.host and "host" not in entry.broken:
        yield Problem(f"{entry.place}.host", _("This is missing."))
    yield from _check_filter(row, entry)
    yield from _check_log_in(row, entry)
    # Where a secret belongs shows only when all of the place is understood.
    if entry.understands(*BELONGS_TO, "authentication", *SECRETS, *CERTIFICATES):
        is_moved = place_of(row) != belonged_to
        yield from _give_password(row, entry, is_moved=is_moved)
        yield from _give_key(row, entry, is_moved=is_moved, is_same=row.client_certificate == chain)


def warnings_about(row: Server, entry: Entry, *, default_from: str) -> Iterator[Problem]:
    """What is allowed and will not work well."""
    if row.from_filter and presets.needs_filter(row.preset, row.host):
        try:
            listed = parse_filter(row.from_filter)
        except InvalidFilter:
            return
        for words in filter_warnings(listed, account=row.username, default_from=default_from):
            yield Problem(f"{entry.place}.from_filter", words)
    if row.authentication == Server.Authentication.CERTIFICATE and not row.client_key:
        words = _("No private key is stored for this server: it cannot log in before one is given.")
        yield Problem(f"{entry.place}.client_key", words)
    if row.authentication in Provider.values and grant_of(row) is None:
        words = _("No account is connected: open the server's page and connect one.")
        yield Problem(f"{entry.place}.authentication", words)
    if row.authentication != Server.Authentication.PASSWORD:
        return
    if not row.password:
        words = _("No password is stored for this server: it cannot log in before one is given.")
        yield Problem(f"{entry.place}.password", words)
    if row.security == Server.Security.NONE and not _is_loopback(row.host):
        yield Problem(f"{entry.place}.security", _("The password travels over the network without encryption."))


def _defaults(entry: Entry) -> dict[str, Any]:
    defaults = {name: value for name, value in server_entry(Server()).items() if name != "name"}
    security = entry.values.get("security", Server.Security.NONE)
    # A user name alone says that one logs in with it.
    logs_in = Server.Authentication.PASSWORD if entry.values.get("username") else Server.Authentication.NONE
    return {**defaults, "port": Server.PORTS[security], "authentication": logs_in}


def _check_filter(row: Server, entry: Entry) -> Iterator[Problem]:
    is_understood = entry.understands("from_filter", "preset", "host")
    if is_understood and not row.from_filter and presets.needs_filter(row.preset, row.host):
        words = _(
            "This provider lets an account send as itself only, so the filter must not be empty: write the "
            "address of the account."
        )
        yield Problem(f"{entry.place}.from_filter", words)


def _check_log_in(row: Server, entry: Entry) -> Iterator[Problem]:
    way, is_clear = row.authentication, row.security == Server.Security.NONE and entry.understands("security")
    if not entry.understands("authentication"):
        return
    if way == Server.Authentication.PASSWORD and not row.username and entry.understands("username"):
        yield Problem(f"{entry.place}.username", _("Logging in with a password needs a user name."))
    if way in (Server.Authentication.NONE, *Provider.values) and entry.values.get("password"):
        words = _("There is a password, but the authentication is “%(authentication)s”.") % {"authentication": way}
        yield Problem(f"{entry.place}.authentication", words)
    if way in Provider.values and is_clear:
        words = _("The permission is only shown over an encrypted connection: choose TLS (STARTTLS) or SSL/TLS.")
        yield Problem(f"{entry.place}.security", words)
    if way == Server.Authentication.CERTIFICATE:
        if is_clear:
            words = _("A certificate is only shown over an encrypted connection: choose TLS (STARTTLS) or SSL/TLS.")
            yield Problem(f"{entry.place}.security", words)
        if not row.client_certificate and entry.understands("client_certificate"):
            words = _("Logging in with a certificate needs the certificate, in PEM form.")
            yield Problem(f"{entry.place}.client_certificate", words)


def _give_password(row: Server, entry: Entry, *, is_moved: bool) -> Iterator[Problem]:
    if "password" in entry.values:
        password: str = entry.values["password"]
        # The same password keeps its encrypted form, so that nothing seems to have changed.
        if row.open_password() != password:
            row.set_password(password)
    elif row.password and is_moved:
        if row.authentication != Server.Authentication.PASSWORD:
            row.set_password("")
            return
        words = _("Give the password again: the stored one belongs to another host, port, user, security or check.")
        yield Problem(f"{entry.place}.password", words)


def _give_key(row: Server, entry: Entry, *, is_moved: bool, is_same: bool) -> Iterator[Problem]:
    """The key given, else the stored one where it still belongs; either must be the one of the certificate."""
    stored = decrypt(row.client_key)
    key = entry.values.get("client_key", stored)
    if "client_key" not in entry.values and row.client_key and is_moved:
        if row.authentication == Server.Authentication.CERTIFICATE:
            words = _("Give the private key again: the stored one belongs to another host, port, security or check.")
            yield Problem(f"{entry.place}.client_key", words)
        else:
            row.client_key = ""
        return
    if not key or not row.client_certificate:
        # Kept as it is where nobody can open it: that says the form.
        row.client_key = row.client_key if key is None else ""
        return
    if is_same and key == stored:
        return
    try:
        pair = read_pair(row.client_certificate.encode(), key.encode())
    except CertificateInvalid as error:
        yield Problem(f"{entry.place}.{_PLACES[error.part]}", str(error))
        return
    row.client_certificate = pair.chain
    if pair.key != stored:
        row.client_key = encrypt(pair.key)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
