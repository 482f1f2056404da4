"""What a server answered, and what went wrong on the way to its "250"."""

import re
from dataclasses import dataclass
from typing import Literal, Self

Phase = Literal["resolve", "connect", "greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "final"]
# What a connection goes through before any mail is spoken of; failures here speak about the server, not about a mail.
BEFORE_MAIL: frozenset[str] = frozenset({"resolve", "connect", "greeting", "ehlo", "starttls", "auth"})
# Long enough for every real explanation; a hostile server must not fill the table of attempts.
MAX_TEXT = 1000

# RFC 3463, at the start of each line; Cisco writes "#5.1.0".
_ENHANCED = re.compile(r"#?([245]\.\d{1,3}\.\d{1,3})(?=[\s:;,-]|$)[\s:;,-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+")


def clean(text: str) -> str:
    """One harmless line of what a stranger sent: no control characters, undecodable bytes replaced, bounded."""
    decoded = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    words = " ".join(_CONTROL.sub(" ", decoded).split())
    return words if len(words) <= MAX_TEXT else words[: MAX_TEXT - 1] + "…"


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer: code 550, enhanced status code "5.1.1" or "", and its words on one line."""

    code: int
    enhanced: str
    text: str

    @classmethod
    def of(cls, code: int, raw: str) -> Self:
        """The answer from its lines; an enhanced code repeated on every line is taken off each."""
        lines = raw.split("\n")
        first = _ENHANCED.match(lines[0])
        if first is None:
            return cls(code, "", clean(" ".join(lines)))
        words = (_ENHANCED.sub("", line, count=1) if _ENHANCED.match(line) else line for line in lines)
        return cls(code, first[1], clean(" ".join(words)))

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


class DeliveryError(Exception):
    """A mail was not accepted: where it ended, and the server's answer if there was one.

    `kind` is "reply" when the server answered; else what happened instead: "dns", "refused", "connect",
    "timeout", "dropped", "protocol", "tls", "starttls_missing", "auth_unavailable", "credentials_unreadable",
    "not_connected", "grant_lost", "token_refused", "token_needs_tls", "oauth_client", "provider_away",
    "ca_invalid", "client_certificate_expired", "client_certificate_invalid", "smtputf8_missing", "too_large",
    "address_invalid", "internal". `detail` explains it in plain English. Neither ever holds a word of the mail or a
    password. `host` is the server that was asked.
    """

    def __init__(
        self,
        phase: Phase,
        kind: str = "reply",
        *,
        reply: Reply | None = None,
        tls: str = "",
        detail: str = "",
        host: str = "",
    ):
        self.phase: Phase = phase
        self.kind = kind
        self.reply = reply
        self.tls = tls
        self.host = host
        self.detail = clean(detail)
        super().__init__(f"{phase}: {self.words}")

    @property
    def words(self) -> str:
        """The server's own words, or ours when it had none."""
        return str(self.reply) if self.reply is not None else self.detail
