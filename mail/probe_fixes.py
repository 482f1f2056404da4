"""The words of a test: what each step is called, what it found, and what to change when it failed."""

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from mail import presets
from mail.addresses import InvalidAddress, key
from mail.causes import describe
from mail.certificates import authority_warning
from mail.connection import Connection
from mail.endpoint import Endpoint
from mail.exceptions import DeliveryError, Phase
from mail.probe_certificates import about, names_of
from mail.probe_looks import Seen
from mail.reply_rules import provider_of

TITLES: dict[Phase, Promise] = {
    "resolve": gettext_lazy("Find the server"),
    "connect": gettext_lazy("Connect"),
    "greeting": gettext_lazy("Greeting"),
    "ehlo": gettext_lazy("Capabilities"),
    "starttls": gettext_lazy("Encryption"),
    "auth": gettext_lazy("Log in"),
    "mail": gettext_lazy("Sender"),
    "rcpt": gettext_lazy("Recipient"),
    "data": gettext_lazy("Test e-mail"),
}


@dataclass(frozen=True, slots=True)
class Fix:
    """What to do, and the page where it is done."""

    text: str
    link: str = ""
    url: str = ""


# -- What to change on the form, where that is more than "correct the server" -------------------------------

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
    "starttls_missing": gettext_lazy(
        "Choose SSL/TLS with port 465, or ask the provider which security it offers. If it does offer STARTTLS, a "
        "firewall or an antivirus in between takes it away."
    ),
    "tls_required": gettext_lazy("Choose TLS (STARTTLS) or SSL/TLS as connection security."),
    "certificate_untrusted": gettext_lazy("Upload the private CA certificate that issued it, or switch the check off."),
    "certificate_name": gettext_lazy("Enter the server by the name that its certificate carries."),
    "certificate_expired": gettext_lazy("Whoever runs the server must renew its certificate."),
    "ca_invalid": gettext_lazy("Upload the CA certificate again, in PEM form."),
    "client_certificate_expired": gettext_lazy("Upload the new SSL certificate and its private key."),
    "client_certificate_invalid": gettext_lazy("Upload the SSL certificate and its private key again."),
    "client_certificate_refused": gettext_lazy(
        "Upload the SSL certificate that whoever runs the server issued for us, with its private key."
    ),
    "credentials_wrong": gettext_lazy(
        "Enter user name and password again; some providers want an application password."
    ),
    "app_password_required": gettext_lazy(
        "Create an application password in the account's settings and enter it here."
    ),
    "login_disabled": gettext_lazy("Switch authenticated SMTP on for this account at its provider."),
    "login_suspicious": gettext_lazy("Log in to the account by browser, review its recent activity and test again."),
    "auth_unavailable": gettext_lazy(
        "Choose the port on which the server offers the log-in (587 or 465), or no authentication."
    ),
    "auth_required": gettext_lazy("Choose user name as authentication, and enter user name and password."),
    "credentials_unreadable": gettext_lazy("Enter the password again."),
    "relay_denied": gettext_lazy("Choose user name as authentication: the server relays only for those who log in."),
    "sender_refused": gettext_lazy("This server would refuse the mail of this address."),
    "send_as_denied": gettext_lazy("This server would refuse the mail of this address."),
}

_SWITCH_ON = presets.PRESETS["microsoft365"].advice[0]
_OUTLOOK = presets.PRESETS["outlook"].advice
_GMAIL = presets.PRESETS["gmail"].advice
_CONNECT_MICROSOFT = gettext_lazy(
    "Microsoft does not take passwords here any more: choose Microsoft (OAuth) and connect the account."
)
# The same for one provider: cause, provider, what its reply says, what to do, and where.
_OF_PROVIDER: tuple[tuple[str, str, str, Promise, Promise | str, str], ...] = (
    ("login_disabled", "outlook", "", _CONNECT_MICROSOFT, _OUTLOOK[0].link, _OUTLOOK[0].url),
    ("login_disabled", "microsoft", r"5\.7\.30|basic auth", _CONNECT_MICROSOFT, _SWITCH_ON.link, _SWITCH_ON.url),
    ("login_disabled", "microsoft", r"tenant",
     gettext_lazy("SMTP AUTH is switched off for the whole organization. In the Exchange admin center, under Settings, "
                  "Mail flow, take the tick off “Turn off SMTP AUTH protocol for your organization”."),
     _SWITCH_ON.link, _SWITCH_ON.url),
    ("login_disabled", "microsoft", "",
     gettext_lazy("SMTP AUTH is switched off for this mailbox. In the Microsoft 365 admin center, under Users, Active "
                  "users, the account, Mail, Manage email apps, tick “Authenticated SMTP”."),
     _SWITCH_ON.link, _SWITCH_ON.url),
    ("login_forbidden", "microsoft", "",
     gettext_lazy("The organization's security defaults or conditional access forbid it: choose Microsoft (OAuth), or "
                  "ask its administrator to allow this account."),
     _SWITCH_ON.link, _SWITCH_ON.url),
    ("login_suspicious", "google", "", FIXES["login_suspicious"], _GMAIL[2].link, _GMAIL[2].url),
    ("login_suspicious", "outlook", "", FIXES["login_suspicious"], _OUTLOOK[2].link, _OUTLOOK[2].url),
    ("app_password_required", "google", "", FIXES["app_password_required"], _GMAIL[0].link, _GMAIL[0].url),
    ("credentials_wrong", "google", "", _GMAIL[0].text, _GMAIL[0].link, _GMAIL[0].url),
    ("app_password_required", "yahoo", "", FIXES["app_password_required"], "Yahoo",
     "https://login.yahoo.com/account/security"),
    ("credentials_wrong", "yahoo", "", FIXES["app_password_required"], "Yahoo",
     "https://login.yahoo.com/account/security"),
    ("app_password_required", "apple", "", FIXES["app_password_required"], "Apple", "https://account.apple.com/"),
    ("credentials_wrong", "apple", "", FIXES["app_password_required"], "Apple", "https://account.apple.com/"),
)  # fmt: skip
# Whose replies those of a preset's servers are.
_SPEAKS_AS = {"outlook": "outlook", "microsoft365": "microsoft", "gmail": "google"}
# Of a preset's advice, the line that says how one logs in there, and which senders it takes.
_ADVICE_OF = {"credentials_wrong": 0, "send_as_denied": 1, "sender_refused": 1, "sender_unverified": 1}
_RELAYS = ("ses", "sendgrid", "mailgun", "brevo", "postmark")


def fix_for(cause: str, error: DeliveryError, *, preset: str, endpoint: Endpoint, seen: Seen) -> Fix:
    """What to do about a step that failed: what was seen first, then what is known of the provider, then in general."""
    if text := _of_what_was_seen(cause, endpoint, seen):
        return Fix(text)
    here = presets.provider_of(preset, endpoint.host).code
    provider = _SPEAKS_AS.get(here) or provider_of(error.words, endpoint.host)
    for row_cause, of, words, advised, link, url in _OF_PROVIDER:
        if (row_cause, of) == (cause, provider) and re.search(words, error.words, re.IGNORECASE):
            return Fix(str(advised), str(link), url)
    if cause in _ADVICE_OF and here in _RELAYS:
        advice = presets.preset(here).advice[_ADVICE_OF[cause]]
        return Fix(str(advice.text), str(advice.link), advice.url)
    return Fix(str(FIXES.get(cause, describe(cause).action)))


def _of_what_was_seen(cause: str, endpoint: Endpoint, seen: Seen) -> str:
    names = names_of(seen.certificate) if seen.certificate else []
    if cause == "certificate_name" and names:
        return _("The certificate is for %(names)s: enter that name as SMTP server.") % {"names": ", ".join(names)}
    ending = authority_warning(endpoint.ca_certificate)
    if cause == "certificate_expired" and ending and ending[0] == 0:
        return ending[1]
    if cause in ("certificate_untrusted", "certificate_expired", "certificate_not_yet") and seen.certificate:
        return f"{FIXES.get(cause, describe(cause).action)} ({about(seen.certificate)})"
    if seen.speaks_tls and endpoint.security != "tls":
        return _("This port speaks TLS from the first byte: choose SSL/TLS as connection security.")
    if cause in ("tls_not_spoken", "tls_failed") and seen.speaks_plainly:
        if "starttls" in seen.features:
            return _("This port begins without encryption and offers STARTTLS: choose TLS (STARTTLS).")
        return _("This port offers no encryption at all: choose the one for SSL/TLS (465) or TLS (STARTTLS, 587).")
    if cause == "auth_unavailable" and endpoint.security == "none" and "starttls" in seen.features:
        return _("The server offers the log-in under encryption only: choose TLS (STARTTLS).")
    if cause == "starttls_missing" and any(name.startswith("xxx") for name in seen.features):
        # "250-XXXXXXXA" is what is left of STARTTLS behind a Cisco firewall that inspects SMTP.
        return _("A firewall in between overwrites STARTTLS: switch its inspection of SMTP off, or use port 465.")
    return ""


# Of these kinds of failure, the operating system or OpenSSL has something to say besides; English, as it comes.
_OF_THE_SYSTEM = frozenset({"dns", "refused", "connect", "tls", "protocol"})


def words_of(error: DeliveryError, cause: str) -> str:
    """The server's words; where it said none, what happened."""
    if error.reply is not None:
        return error.words
    happened = str(describe(cause).explanation)
    return f"{happened} ({error.detail})" if error.detail and error.kind in _OF_THE_SYSTEM else happened


# -- What a step that went well found -----------------------------------------------------------------------


def title_of(phase: Phase, *, encrypted: bool = False) -> str:
    """What the step is called; what is said again after the encryption has begun is called so."""
    if phase == "ehlo" and encrypted:
        return _("Capabilities under encryption")
    return str(TITLES[phase])


def detail_of(connection: Connection, phase: Phase) -> str:
    """What a step of opening found, in the server's words or ours."""
    match phase:
        case "resolve":
            return _resolved(connection)
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
            return ""


def untried_note(number: int) -> str:
    """That there are more senders than were tried."""
    words = ngettext("%(number)s more sender was not tried", "%(number)s more senders were not tried", number)
    return words % {"number": number}


def account_note(preset: str, endpoint: Endpoint, sender: str) -> str:
    """A warning where the provider accepts a sender now and refuses the mail once it has its content."""
    if "@" not in endpoint.username or not presets.needs_filter(preset, endpoint.host):
        return ""
    try:
        if key(sender) == key(endpoint.username):
            return ""
    except InvalidAddress:
        return ""
    words = _("This provider looks at the sender only when it has the content: it will refuse all but %(account)s.")
    return words % {"account": endpoint.username}


def _resolved(connection: Connection) -> str:
    host = connection.endpoint.host
    found = ", ".join(dict.fromkeys(str(address[0]) for _family, address in connection.addresses))
    return found if found == host else f"{host} → {found}"


def _features(connection: Connection) -> str:
    features = [f"{name} {words}".strip().upper() for name, words in connection.extensions.items() if name != "auth"]
    if connection.mechanisms:
        features.append("AUTH " + " ".join(connection.mechanisms).upper())
    return ", ".join(features) or "-"


def _encryption(connection: Connection) -> str:
    parts = [connection.tls]
    if connection.certificate:
        parts.append(about(connection.certificate))
    if not connection.endpoint.verify_certificate:
        parts.append(_("not checked"))
    return ", ".join(parts)
