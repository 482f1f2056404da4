"""How the catalogue of replies is built: rules, providers, and what happens instead of a reply.

The rules themselves are the table in `mail.reply_table`; the words for people are in `mail.causes`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from mail.exceptions import Phase, Reply


class Outcome(StrEnum):
    AGAIN = "again"  # queued, after a while
    FAILED = "failed"  # at once and for good, until a person retries
    NEXT_SERVER = "next_server"  # another server may take it; if there is none, queued
    BLOCKED = "blocked"  # the server waits for a person, and its mail with it
    UNCERTAIN = "uncertain"  # it may have been accepted


@dataclass(frozen=True, slots=True)
class Rule:
    """A cause for the replies that fit everything it names; `outcome` only where the usual one would be wrong."""

    cause: str
    source: str  # the RFC's section or the provider's page that says so; "as seen" for what no page explains
    providers: frozenset[str] = frozenset()
    words: re.Pattern[str] | None = None
    enhanced: frozenset[str] = frozenset()  # subject.detail, so that 4.2.2 and 5.2.2 are one row; or a subject alone
    codes: frozenset[int] = frozenset()
    phases: frozenset[str] = frozenset()
    permanent: bool | None = None
    outcome: Outcome | None = None
    slow: float | None = None  # instead of what `TOO_MUCH` says of the cause

    def fits(self, phase: Phase, reply: Reply, provider: str) -> bool:
        detail = reply.enhanced[2:]
        return (
            (not self.enhanced or (bool(detail) and (detail in self.enhanced or detail.split(".")[0] in self.enhanced)))
            and (not self.codes or reply.code in self.codes)
            and (not self.phases or phase in self.phases)
            and (not self.providers or provider in self.providers)
            and (self.permanent is None or self.permanent is is_permanent(reply))
            and (self.words is None or self.words.search(reply.text) is not None)
        )


def rule(
    cause: str,
    source: str,
    enhanced: str = "",
    *,
    words: str = "",
    codes: str = "",
    phases: str = "",
    provider: str = "",
    permanent: bool | None = None,
    outcome: Outcome | None = None,
    slow: float | None = None,
) -> Rule:
    """A row of the table. Lists are written with spaces, enhanced codes also as ranges ("7.606-649")."""
    return Rule(
        cause=cause,
        source=source,
        providers=frozenset(provider.split()),
        words=re.compile(words, re.IGNORECASE) if words else None,
        enhanced=frozenset(code for part in enhanced.split() for code in _range(part)),
        codes=frozenset(int(code) for code in codes.split()),
        phases=frozenset(phases.split()),
        permanent=permanent,
        outcome=outcome,
        slow=slow,
    )


def _range(text: str) -> list[str]:
    first, _dash, last = text.partition("-")
    subject, _dot, detail = first.partition(".")
    return [f"{subject}.{number}" for number in range(int(detail), int(last) + 1)] if last else [first]


def is_permanent(reply: Reply) -> bool:
    """Whether asking again is of no use: the enhanced code knows better than the code."""
    return reply.enhanced.startswith("5") or (not reply.enhanced.startswith("4") and reply.code >= 500)


# -- Whose words these are -----------------------------------------------------------------------------

# How a provider's replies are known, whoever passes them on; and the hosts that it is reached by.
PROVIDERS: tuple[tuple[str, str, str], ...] = (
    ("google", r"\bgsmtp\b|\bgcdp\b|\bgmail\b|google\.com", r"(gmail|google|googlemail)\.com"),
    ("microsoft", r"outlook|storedrv|\(A?S\d{3,}\)|aka\.ms/|office365|microsoft|hotmail",
     r"(outlook|office365|hotmail|live)\.com"),
    ("yahoo", r"yahoo|\[(TSS?|PH|BL|IPTS)\d\d\]|\baol\.", r"(yahoo|aol)\.com|yahoodns\.net"),
    ("apple", r"icloud|apple\.com|\bme\.com|\[(CS|HM|HME)\d+\]", r"(me|icloud|apple)\.com"),
    ("ses", r"amazonses|amazon ses|\bses:|throttling failure", r"(amazonaws|amazonses)\.com"),
    ("sendgrid", r"sendgrid", r"sendgrid\.(net|com)"),
    ("mailgun", r"mailgun", r"mailgun\.(org|com)"),
    ("brevo", r"brevo|sendinblue", r"(brevo|sendinblue)\.com"),
    ("postmark", r"postmark", r"postmarkapp\.com"),
)  # fmt: skip
_SPEAKS = [
    (name, re.compile(said, re.IGNORECASE), re.compile(rf"(^|\.)({hosts})\.?$", re.IGNORECASE))
    for name, said, hosts in PROVIDERS
]
_ADDRESS = re.compile(r"\S+@\S+")  # anna@gmail.com in a reply says nothing about who speaks


def provider_of(text: str, host: str = "") -> str:
    """Who says this, by its own wording, else by the host that was asked; "" for anybody else."""
    said = _ADDRESS.sub(" ", text)
    return next(
        (name for name, words, _hosts in _SPEAKS if words.search(said)),
        next((name for name, _words, hosts in _SPEAKS if hosts.search(host)), ""),
    )


# Causes that say "too much from you", and for how many seconds the server is left alone when it names no time itself.
# A recipient who gets too much (recipient_busy) says nothing about the server.
TOO_MUCH: dict[str, float] = {
    "too_many_connections": 60,
    "too_many_recipients": 60,
    "rate_limited": 300,
    "too_many_logins": 900,
    "sending_limit": 3600,
    "credits_exhausted": 3600,
}

# -- Without a reply -----------------------------------------------------------------------------------

_NEXT, _BLOCKED, _FAILED = Outcome.NEXT_SERVER, Outcome.BLOCKED, Outcome.FAILED
# What happened instead of a reply. A phase after the slash is asked first.
KINDS: dict[str, tuple[str, Outcome]] = {
    "dns": ("host_unknown", _NEXT),
    "refused": ("connection_refused", _NEXT),
    "connect": ("unreachable", _NEXT),
    "timeout/resolve": ("host_unknown", _NEXT),
    "timeout/connect": ("connect_timeout", _NEXT),
    "timeout/greeting": ("no_greeting", _NEXT),
    "timeout/final": ("uncertain", Outcome.UNCERTAIN),
    "timeout": ("timeout", _NEXT),
    "dropped/final": ("uncertain", Outcome.UNCERTAIN),
    "dropped": ("dropped", _NEXT),
    "protocol/final": ("uncertain", Outcome.UNCERTAIN),
    "protocol": ("protocol_error", _NEXT),
    "tls": ("tls_failed", _BLOCKED),
    "starttls_missing": ("starttls_missing", _BLOCKED),
    "ca_invalid": ("ca_invalid", _BLOCKED),
    "client_certificate_expired": ("client_certificate_expired", _BLOCKED),
    "client_certificate_invalid": ("client_certificate_invalid", _BLOCKED),
    "auth_unavailable": ("auth_unavailable", _BLOCKED),
    "credentials_unreadable": ("credentials_unreadable", _BLOCKED),
    "not_connected": ("not_connected", _BLOCKED),
    "grant_lost": ("reconnect_needed", _BLOCKED),
    "oauth_client": ("oauth_client", _BLOCKED),
    "provider_away": ("provider_away", _NEXT),
    "token_needs_tls": ("tls_required", _BLOCKED),
    "smtputf8_missing": ("smtputf8_missing", _FAILED),
    "too_large": ("too_large", _FAILED),
    "address_invalid/mail": ("from_invalid", _FAILED),
    "address_invalid": ("recipient_invalid", _FAILED),
    "internal": ("internal", _FAILED),
}


def _words(*rows: tuple[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((cause, re.compile(words, re.IGNORECASE)) for cause, words in rows)


# The words of Python and the C library, by kind: a cause that says more than the kind alone.
DETAILS: dict[str, tuple[tuple[str, re.Pattern[str]], ...]] = {
    "dns": _words(("dns_unavailable", r"temporary failure|try again")),  # EAI_AGAIN
    "connect": _words(
        ("connection_forbidden", r"permission denied|not permitted"),  # EACCES, EPERM: a firewall on this machine
        ("machine_exhausted", r"too many open files|cannot assign|no buffer space|cannot allocate"),
    ),
    # OpenSSL's words. An alert is what the server says: it dislikes our certificate, not we its.
    "tls": _words(
        ("client_certificate_refused", r"alert ((bad|unsupported|no) )?certificate|alert (unknown ca|access)"),
        ("certificate_not_yet", r"not yet valid"),
        ("certificate_expired", r"expired"),
        ("certificate_revoked", r"revoked"),
        ("certificate_name", r"mismatch|not valid for"),
        ("tls_not_spoken", r"wrong version|record layer failure|unknown protocol|http request"),
        ("tls_outdated", r"unsupported protocol|protocol version|too (small|weak)|version too low|no protocols|legacy"),
        ("certificate_untrusted", r"certificate|self.signed|issuer|unable to verify|\bCA\b"),
    ),
}  # fmt: skip
