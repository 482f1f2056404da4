"""The table that says what each kind of failure is called, and what is unusual about it."""

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
    words: re.Pattern[str] | None = None
    enhanced: frozenset[str] = frozenset()  # subject.detail, so that 4.2.2 and 5.2.2 are one row; or a subject alone
    codes: frozenset[int] = frozenset()
    phases: frozenset[str] = frozenset()
    permanent: bool | None = None
    outcome: Outcome | None = None

    def fits(self, phase: Phase, reply: Reply) -> bool:
        detail = reply.enhanced[2:]
        return (
            (not self.enhanced or (bool(detail) and (detail in self.enhanced or detail.split(".")[0] in self.enhanced)))
            and (not self.codes or reply.code in self.codes)
            and (not self.phases or phase in self.phases)
            and (self.permanent is None or self.permanent is is_permanent(reply))
            and (self.words is None or self.words.search(reply.text) is not None)
        )


def _rule(
    cause: str,
    enhanced: str = "",
    *,
    words: str = "",
    codes: str = "",
    phases: str = "",
    permanent: bool | None = None,
    outcome: Outcome | None = None,
) -> Rule:
    return Rule(
        cause=cause,
        words=re.compile(words, re.IGNORECASE) if words else None,
        enhanced=frozenset(enhanced.split()),
        codes=frozenset(int(code) for code in codes.split()),
        phases=frozenset(phases.split()),
        permanent=permanent,
        outcome=outcome,
    )


AGAIN, BLOCKED = Outcome.AGAIN, Outcome.BLOCKED


def is_permanent(reply: Reply) -> bool:
    """Whether asking again is of no use: the enhanced code knows better than the code."""
    return reply.enhanced.startswith("5") or (not reply.enhanced.startswith("4") and reply.code >= 500)


def _any(*words: str) -> str:
    return "|".join(words)


# How servers word it, whatever their language of codes.
BLOCKLISTED = _any(
    r"block ?list|black ?list|spamhaus|\brbl\b|dnsbl|barracuda|spamcop|banned sending ip|client host .{0,80}block",
    r"(poor|low) reputation|part of their network is on our block|\[BL\d+\]|connections will not be accepted from",
)
SPAM = r"\bspam|unsolicited|bulk mail|junk|content reject|suspicious (due|content)|UBE\b|spam ?score|looks like"
MALWARE = r"\bvirus|malware|infected|phish|executable|attachment|security issue|blocked (file|extension)"
SEND_AS = _any(
    r"send ?as ?denied|not (have )?permissions? to send as|not owned by( user)?|sender (address )?mismatch",
    r"sender address .{0,20}not .{0,10}authori[sz]ed|not authori[sz]ed to send (from|as|on behalf)",
    r"not allowed to send (as|from)|must (match|be).{0,30}(login|authenticated)|address (is )?.{0,40}not verified",
)
LOGIN_FIRST = _any(
    r"authentication (is )?required|must (first )?authenticate|not authenticated|not log(ged)? ?in",
    r"please (log ?in|auth)",
)
LIMIT = _any(
    r"(daily|hourly|sending|submission|message|user|rate|recipient).{0,20}(limit|quota).{0,20}(exceeded|reached)",
    r"exceeded .{0,40}(limit|quota|rate)|too many (messages|e?mails)|(limit|quota) (was |is )?(exceeded|reached)",
)
OWN_LIMIT = r"submission quota|daily (user )?sending|sending (limit|quota)|outbound.{0,20}(limit|quota)"
RATE = _any(
    r"rate.?limit|throttl|unusual rate|too (quickly|fast|frequent)|unexpected volume|slow down",
    r"temporarily deferred due|too much mail",
)
CONNECTIONS = r"too many (concurrent |simultaneous |smtp )*(connections|sessions)|connection limit|concurrent con"
UNKNOWN_USER = _any(
    r"user unknown|unknown (user|recipient|mailbox|local)|no such (user|recipient|mailbox|address|person|account)",
    r"(user|mailbox|recipient|account|address|email)( \S+)? (doesn.t exist|not found|not known|is unknown)",
    r"does not exist|invalid (recipient|mailbox|user)|recipient (not found|unknown)|not a valid mailbox",
    r"unrouteable address|address (is )?unknown|no mailbox here",
)
FULL = (
    r"(mailbox|inbox|account|user|quota|storage).{0,30}(full|over ?quota|exceeded)|over ?quota|out of (storage|space)"
)
DISABLED = r"(mailbox|account|user|recipient).{0,40}(disabled|inactive|suspended|deactivated|locked|closed|unavailable)"
GREY = r"gr[ae]y.?list|postgrey|first contact"
AUTHENTICATION = r"\bspf\b|\bdkim\b|\bdmarc\b|unauthenticated (email|mail|sender)|sender .{0,10}authenticat"
RELAY = r"relay(ing)? (access )?(is )?(denied|not (permitted|allowed))|(unable|not permitted|not allowed) to relay"
INSIDE_ONLY = r"not (accept|receiv)\w* (mail |email |messages )?from (outside|external|this sender)|restricted"
SUSPENDED = r"outbound spam|bad outbound|tenant|unregistered"

# Asked in order; the first that fits names the cause.
RULES: tuple[Rule, ...] = (
    # -- Logging in, and what has to come before it --
    _rule("app_password_required", words=r"application.?specific|app(lication)? password", phases="auth"),
    _rule("login_suspicious", words=r"web ?browser|suspicious|unusual (activity|sign)|webloginrequired", phases="auth"),
    _rule("login_disabled", "7.30 7.139", phases="auth"),
    _rule(
        "login_disabled",
        words=r"(smtp|basic).{0,20}auth.{0,30}disabled|smtpclientauthentication|less secure",
        phases="auth mail",
        permanent=True,
        outcome=BLOCKED,
    ),
    _rule("account_suspended", words=r"account .{0,30}(suspended|disabled|locked|blocked|on hold)", phases="auth"),
    _rule("too_many_logins", words=r"too many (login|log.?in|auth|failed)", phases="auth"),
    _rule("tls_required", "7.10 7.11 7.29", permanent=True, outcome=BLOCKED),
    _rule("tls_required", codes="538", outcome=BLOCKED),
    _rule(
        "tls_required",
        words=r"must issue a? ?starttls|(encryption|starttls|tls) (is )?(required|needed)|use tls",
        phases="ehlo auth mail rcpt",
        permanent=True,
        outcome=BLOCKED,
    ),
    _rule("auth_unavailable", codes="502 503 504", phases="auth", permanent=True),
    _rule("credentials_wrong", phases="auth", permanent=True),
    _rule("too_many_connections", words=CONNECTIONS),
    _rule("try_later", phases="auth"),
    _rule("starttls_refused", phases="starttls"),
    _rule("auth_required", "7.57", phases="mail rcpt", outcome=BLOCKED),
    _rule("auth_required", codes="530", phases="mail rcpt data", outcome=BLOCKED),
    _rule("auth_required", words=LOGIN_FIRST, phases="mail", permanent=True, outcome=BLOCKED),
    # -- Sending as someone else --
    _rule("send_as_denied", "7.60 2.252"),
    _rule("send_as_denied", words=SEND_AS, phases="mail rcpt data final"),
    # -- Limits that pass, though some providers say 5xx (Gmail 5.4.5, Microsoft 5.1.90 and 5.2.2 of the sender) --
    _rule("sending_limit", "1.90", outcome=AGAIN),
    _rule("sending_limit", "4.5", words=LIMIT, outcome=AGAIN),
    _rule("sending_limit", words=OWN_LIMIT, outcome=AGAIN),
    _rule("account_suspended", "7.501 7.502 7.503 7.504 1.8", words=SUSPENDED),
    _rule("account_suspended", "7.705 7.750"),
    # -- Addresses (RFC 3463 X.1) --
    _rule("sender_domain", "1.8 7.27"),
    _rule("sender_refused", "1.7"),
    _rule("recipient_unknown", "1.1 1.10", phases="rcpt data final"),
    _rule("recipient_domain", "1.2", phases="rcpt data final"),
    _rule("recipient_invalid", "1.3", phases="rcpt data final"),
    _rule("recipient_moved", "1.6", phases="rcpt data final"),
    # -- Mailbox (X.2) and mail system (X.3) --
    _rule("recipient_busy", "2.1 3.2", words=r"too (quickly|much|many)|rate that|receiving|recipient thread"),
    _rule("too_many_connections", "3.2", words=r"STOREDRV|thread limit"),
    _rule("recipient_busy", "2.1", permanent=False),
    _rule("recipient_disabled", "2.1", permanent=True),
    _rule("mailbox_full", "2.2"),
    _rule("too_large", "2.3 3.4"),
    _rule("greylisted", words=GREY, permanent=False),
    # -- Ways (X.4) --
    _rule("recipient_unknown", "4.1", words=r"recipient address rejected", permanent=True),
    _rule("recipient_domain", "4.1 4.4 4.3 4.310 4.312", permanent=True),
    _rule("delivery_loop", "4.6 4.14 4.8"),
    # -- Protocol (X.5) and content (X.6) --
    _rule("too_many_recipients", "5.3"),
    _rule("smtputf8_missing", "6.7 6.9"),
    _rule("message_malformed", "6"),
    # -- Security and policy (X.7), the widest of all --
    _rule("sender_unauthenticated", "7.20 7.21 7.22 7.23 7.24 7.26 7.30 7.32 7.40 7.509 7.515"),
    _rule("sender_unauthenticated", words=AUTHENTICATION, permanent=True),
    _rule("reverse_dns", "7.25"),
    _rule("rate_limited", "7.28"),
    _rule("recipient_restricted", "7.124 7.129 7.133 7.134 7.135 7.136 1.20"),
    _rule("blocklisted", "7.511 7.606 7.607 7.608 7.609 7.610 7.708"),
    _rule("blocklisted", words=BLOCKLISTED),
    _rule("reverse_dns", words=r"reverse dns|\bptr\b|rdns|cannot find your (reverse )?hostname"),
    _rule("relay_denied", "7.64"),
    _rule("relay_denied", words=RELAY),
    _rule("attachment_refused", "7.0 7.1", words=MALWARE, phases="data final", permanent=True),
    _rule("sending_limit", words=LIMIT, phases="mail data final", permanent=False),
    _rule("rate_limited", words=RATE),
    _rule("spam", words=SPAM),
    # -- Without a telling enhanced code: the words, then the code, then the phase --
    _rule("recipient_restricted", words=INSIDE_ONLY),
    _rule("recipient_unknown", words=UNKNOWN_USER, phases="rcpt data final", permanent=True),
    _rule("mailbox_full", words=FULL, phases="rcpt data final"),
    _rule("too_large", words=r"(message|mail|size).{0,30}(too (large|big)|exceed)|too much mail data"),
    _rule("recipient_disabled", words=DISABLED, phases="rcpt", permanent=True),
    _rule("sender_domain", words=r"(sender|domain).{0,60}(not found|does not exist|not resolve|no mx)", phases="mail"),
    _rule("too_large", codes="552", phases="mail data final"),
    _rule("mailbox_full", codes="552", phases="rcpt"),
    _rule("mailbox_full", codes="452", phases="rcpt"),
    _rule("recipient_moved", codes="551", phases="rcpt"),
    _rule("recipient_domain", codes="556", phases="rcpt"),
    _rule("smtputf8_missing", codes="553", words=r"smtputf8|internationali", phases="mail rcpt"),
    _rule("server_busy", "3", permanent=False),
    _rule("server_busy", codes="421"),
    _rule("attachment_refused", words=MALWARE, phases="data final", permanent=True),
    _rule("ehlo_refused", phases="ehlo", permanent=True),
    _rule("greeting_refused", phases="greeting", permanent=True),
    _rule("sender_refused", phases="mail", permanent=True),
    _rule("policy_refused", "7", permanent=True),
    _rule("recipient_refused", phases="rcpt", permanent=True),
    _rule("content_refused", phases="data final", permanent=True),
    _rule("try_later", permanent=False),
    _rule("refused"),
)  # fmt: skip

# What happened instead of a reply. A phase after the slash is asked first.
KINDS: dict[str, tuple[str, Outcome]] = {
    "dns": ("host_unknown", Outcome.NEXT_SERVER),
    "refused": ("connection_refused", Outcome.NEXT_SERVER),
    "connect": ("unreachable", Outcome.NEXT_SERVER),
    "timeout/resolve": ("host_unknown", Outcome.NEXT_SERVER),
    "timeout/connect": ("connect_timeout", Outcome.NEXT_SERVER),
    "timeout/greeting": ("no_greeting", Outcome.NEXT_SERVER),
    "timeout/final": ("uncertain", Outcome.UNCERTAIN),
    "timeout": ("timeout", Outcome.NEXT_SERVER),
    "dropped/final": ("uncertain", Outcome.UNCERTAIN),
    "dropped": ("dropped", Outcome.NEXT_SERVER),
    "protocol/final": ("uncertain", Outcome.UNCERTAIN),
    "protocol": ("protocol_error", Outcome.NEXT_SERVER),
    "starttls_missing": ("starttls_missing", BLOCKED),
    "ca_invalid": ("ca_invalid", BLOCKED),
    "auth_unavailable": ("auth_unavailable", BLOCKED),
    "credentials_unreadable": ("credentials_unreadable", BLOCKED),
    "smtputf8_missing": ("smtputf8_missing", Outcome.FAILED),
    "too_large": ("too_large", Outcome.FAILED),
    "address_invalid/mail": ("from_invalid", Outcome.FAILED),
    "address_invalid": ("recipient_invalid", Outcome.FAILED),
    "internal": ("internal", Outcome.FAILED),
}
# OpenSSL's words for what was wrong with the encryption.
TLS_CAUSES = (
    ("certificate_expired", re.compile(r"expired|not yet valid", re.IGNORECASE)),
    ("certificate_name", re.compile(r"mismatch|not valid for", re.IGNORECASE)),
    ("tls_not_spoken", re.compile(r"wrong version|record layer failure|unknown protocol|http request", re.IGNORECASE)),
    ("certificate_untrusted", re.compile(r"certificate|self.signed|issuer|unable to verify|\bCA\b", re.IGNORECASE)),
)  # fmt: skip

# Causes that say "too much from you", and for how many seconds the server is left alone when it names no time itself.
# A recipient who gets too much (recipient_busy) says nothing about the server.
TOO_MUCH: dict[str, float] = {
    "too_many_connections": 60,
    "too_many_recipients": 60,
    "rate_limited": 300,
    "too_many_logins": 900,
    "sending_limit": 3600,
}
