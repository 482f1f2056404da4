"""Test a server step by step: connect, encrypt, log in, say goodbye. Nothing is ever sent."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import perf_counter

from cryptography import x509
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from mail.causes import describe
from mail.connection import Connection
from mail.endpoint import Endpoint
from mail.exceptions import DeliveryError, Phase
from mail.replies import classify
from mail.smtp import refuse_unsafe_sender

# A person waits for the answer.
STEP_SECONDS = 10.0
ALL_SECONDS = 25.0

TITLES: dict[Phase, Promise] = {
    "resolve": gettext_lazy("Find the server"),
    "connect": gettext_lazy("Connect"),
    "greeting": gettext_lazy("Greeting"),
    "ehlo": gettext_lazy("Capabilities"),
    "starttls": gettext_lazy("Encryption"),
    "auth": gettext_lazy("Log in"),
    "mail": gettext_lazy("Sender"),
}
# What to change on the form, where that is more than "correct the server".
FIXES: dict[str, Promise] = {
    "host_unknown": gettext_lazy("Check how the SMTP server's name is written, and the DNS of this machine."),
    "connection_refused": gettext_lazy(
        "Check the port: 25 without encryption, 587 for TLS (STARTTLS), 465 for SSL/TLS."
    ),
    "connect_timeout": gettext_lazy(
        "Check server and port, and whether a firewall or the hosting provider blocks them."
    ),
    "unreachable": gettext_lazy("Check the network of this machine, and the server's address."),
    "no_greeting": gettext_lazy("If the port is 465, choose SSL/TLS as connection security."),
    "tls_not_spoken": gettext_lazy("Choose TLS (STARTTLS), or the port on which the server speaks SSL/TLS (465)."),
    "starttls_missing": gettext_lazy("Choose SSL/TLS with port 465, or ask the provider which security it offers."),
    "tls_required": gettext_lazy("Choose TLS (STARTTLS) or SSL/TLS as connection security."),
    "certificate_untrusted": gettext_lazy("Upload the private CA certificate that issued it, or switch the check off."),
    "certificate_name": gettext_lazy("Enter the server by the name that its certificate carries."),
    "certificate_expired": gettext_lazy("Whoever runs the server must renew its certificate."),
    "ca_invalid": gettext_lazy("Upload the CA certificate again, in PEM form."),
    "credentials_wrong": gettext_lazy(
        "Enter user name and password again; some providers want an application password."
    ),
    "app_password_required": gettext_lazy(
        "Create an application password in the account's settings and enter it here."
    ),
    "login_disabled": gettext_lazy("Switch authenticated SMTP on for this account at its provider."),
    "login_suspicious": gettext_lazy("Log in to the account by browser, review its recent activity and test again."),
    "auth_unavailable": gettext_lazy("Choose TLS (STARTTLS) or SSL/TLS: many servers offer the log-in only then."),
    "auth_required": gettext_lazy("Choose user name as authentication, and enter user name and password."),
    "credentials_unreadable": gettext_lazy("Enter the password again."),
    "sender_refused": gettext_lazy("Use a sender address that this account may send from."),
    "send_as_denied": gettext_lazy("Use a sender address that this account may send from."),
}


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """One step: what was tried, how long it took, the server's words and what to do about a failure."""

    phase: Phase
    ok: bool
    seconds: float
    title: str
    detail: str
    fix: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """All steps up to the first that failed, and one sentence about them, in the active language."""

    ok: bool
    steps: tuple[ProbeStep, ...]
    sentence: str


def probe_now(endpoint: Endpoint, sender: str = "") -> ProbeReport:
    """Test the server and report, within 25 seconds or little more. For code without an event loop."""
    steps = tuple(asyncio.run(probe(endpoint, sender)))
    failed = next((step for step in steps if not step.ok), None)
    if failed is None:
        return ProbeReport(True, steps, _("Connection to outgoing mail server successful"))
    cause = describe(failed.cause).title
    return ProbeReport(False, steps, _("%(step)s: %(cause)s.") % {"step": failed.title, "cause": cause})


async def probe(endpoint: Endpoint, sender: str = "") -> list[ProbeStep]:
    """Every step that was taken; only the last may have failed. With a sender, whether the server accepts it."""
    return [step async for step in probe_steps(endpoint, sender)]


async def probe_steps(endpoint: Endpoint, sender: str = "") -> AsyncIterator[ProbeStep]:
    """Each step as soon as it is done."""
    connection = Connection(
        replace(
            endpoint,
            connect_seconds=min(endpoint.connect_seconds, STEP_SECONDS),
            command_seconds=min(endpoint.command_seconds, STEP_SECONDS),
        )
    )
    ends = perf_counter() + ALL_SECONDS
    try:
        for phase, act in connection.steps():
            step = await _take(connection, phase, act, ends)
            yield step
            if not step.ok:
                return
        if sender:
            yield await _take(connection, "mail", lambda: _try_sender(connection, sender), ends)
    finally:
        with contextlib.suppress(DeliveryError):
            await connection.quit()


async def _try_sender(connection: Connection, sender: str) -> None:
    refuse_unsafe_sender(sender)
    await connection.mail_from(sender, [b"SMTPUTF8"] if not sender.isascii() else [])
    await connection.reset()


async def _take(connection: Connection, phase: Phase, act: Callable[[], Awaitable[None]], ends: float) -> ProbeStep:
    started = perf_counter()
    try:
        try:
            async with asyncio.timeout(ends - started):
                await act()
        except TimeoutError:
            raise DeliveryError(phase, "timeout", detail="No answer in time") from None
    except DeliveryError as error:
        cause = classify(error).cause
        fix = FIXES.get(cause, describe(cause).action)
        seconds = perf_counter() - started
        return ProbeStep(phase, False, seconds, str(TITLES[phase]), error.words, str(fix), cause)
    return ProbeStep(phase, True, perf_counter() - started, str(TITLES[phase]), _detail(connection, phase))


def _detail(connection: Connection, phase: Phase) -> str:
    match phase:
        case "resolve":
            return ", ".join(dict.fromkeys(str(address[0]) for _family, address in connection.addresses))
        case "connect":
            return f"{connection.address[1][0]}:{connection.endpoint.port}" if connection.address else ""
        case "greeting":
            return str(connection.greeted or "")
        case "ehlo":
            return _features(connection)
        case "starttls":
            return _encryption(connection)
        case "auth":
            return _("Logged in as %(user)s") % {"user": connection.endpoint.username}
        case _:
            return _("The server accepts this sender")


def _features(connection: Connection) -> str:
    features = [f"{name} {words}".strip().upper() for name, words in connection.extensions.items() if name != "auth"]
    if connection.mechanisms:
        features.append("AUTH " + " ".join(connection.mechanisms).upper())
    return ", ".join(features) or "-"


def _encryption(connection: Connection) -> str:
    parts = [connection.tls]
    if connection.certificate:
        certificate = x509.load_der_x509_certificate(connection.certificate)
        days = (certificate.not_valid_after_utc - datetime.now(UTC)).days
        parts.append(_("certificate of %(name)s") % {"name": _certificate_name(certificate)})
        parts.append(ngettext("valid for %(days)s more day", "valid for %(days)s more days", days) % {"days": days})
    if not connection.endpoint.verify_certificate:
        parts.append(_("not checked"))
    return ", ".join(parts)


def _certificate_name(certificate: x509.Certificate) -> str:
    """The names that the certificate is for; its subject when it lists none."""
    with contextlib.suppress(x509.ExtensionNotFound, ValueError):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if found := names.get_values_for_type(x509.DNSName) or [
            str(ip) for ip in names.get_values_for_type(x509.IPAddress)
        ]:
            return ", ".join(found[:3])
    return certificate.subject.rfc4514_string()
