"""One server of a configuration file becomes a row: defaults, log-in, and the secret it may keep."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from django.utils.translation import gettext as _

from mail.configuration_file import Entry, Problem
from mail.models import Server

SERVER_FIELDS = (
    "name",
    "priority",
    "from_filter",
    "active",
    "host",
    "port",
    "security",
    "authentication",
    "username",
    "verify_certificate",
    "ca_certificate",
    "max_connections",
)
# What a stored secret was saved for (design §8): whoever changes any of it must know the secret.
SECRET_BELONGS_TO = ("host", "port", "username", "security", "verify_certificate", "ca_certificate")


def fill_server(row: Server, entry: Entry, *, anew: bool) -> Iterator[Problem]:
    """Give the row, which may be new, what the entry says; yields what is wrong with it.

    With `anew`, fields that the entry leaves out go back to their defaults; a secret never does.
    """
    belonged_to = _identity(row)
    given = {name: value for name, value in entry.values.items() if name != "password"}
    if given.get("ca_certificate") == row.ca_certificate.strip():
        given["ca_certificate"] = row.ca_certificate  # the same certificate, whatever the blanks around it
    if anew:
        given = {**_defaults(entry), **given}
    for name, value in given.items():
        setattr(row, name, value)
    if not row.host and "host" not in entry.broken:
        yield Problem(f"{entry.place}.host", _("This is missing."))
    if not entry.broken:
        yield from _check_log_in(row, entry)
        yield from _give_secret(row, entry, belonged_to)


def warnings_about(row: Server, entry: Entry) -> Iterator[Problem]:
    """What is allowed and will not work well."""
    if row.authentication == Server.Authentication.NONE:
        return
    if not row.password:
        words = _("No password is stored for this server: it cannot log in before one is given.")
        yield Problem(f"{entry.place}.password", words)
    if row.security == Server.Security.NONE and not _is_loopback(row.host):
        yield Problem(f"{entry.place}.security", _("The password travels over the network without encryption."))


def _defaults(entry: Entry) -> dict[str, Any]:
    empty = Server()
    defaults = {name: getattr(empty, name) for name in SERVER_FIELDS if name != "name"}
    security = entry.values.get("security", Server.Security.NONE)
    # A user name alone says that one logs in with it.
    logs_in = Server.Authentication.PASSWORD if entry.values.get("username") else Server.Authentication.NONE
    return {**defaults, "port": Server.PORTS[security], "authentication": logs_in}


def _check_log_in(row: Server, entry: Entry) -> Iterator[Problem]:
    if row.authentication == Server.Authentication.PASSWORD and not row.username:
        yield Problem(f"{entry.place}.username", _("Logging in with a password needs a user name."))
    if row.authentication == Server.Authentication.NONE and entry.values.get("password"):
        words = _("There is a password, but the authentication is “none”.")
        yield Problem(f"{entry.place}.authentication", words)


def _give_secret(row: Server, entry: Entry, belonged_to: tuple[Any, ...]) -> Iterator[Problem]:
    if "password" in entry.values:
        password: str = entry.values["password"]
        # The same password keeps its encrypted form, so that nothing seems to have changed.
        if row.open_password() != password:
            row.set_password(password)
    elif row.password and _identity(row) != belonged_to:
        if row.authentication == Server.Authentication.NONE:
            row.set_password("")
            return
        words = _("Give the password again: the stored one belongs to another host, port, user, security or check.")
        yield Problem(f"{entry.place}.password", words)


def _identity(row: Server) -> tuple[Any, ...]:
    return (row.host.lower().removesuffix("."), *(getattr(row, name) for name in SECRET_BELONGS_TO[1:]))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
