"""What a failure means: what becomes of the mail, why, and whose fault it is.

A reply is read by its enhanced status code first (RFC 3463), then by its code, then by the phase in which it came
(design §6). Words decide only where the codes say too little, as with 5.7.1, which every provider uses for everything.
"""

import re
from dataclasses import dataclass

from mail.backoff import MAX_HINT
from mail.causes import CAUSES
from mail.exceptions import BEFORE_MAIL, DeliveryError, Phase
from mail.reply_rules import DETAILS, KINDS, TOO_MUCH, Outcome, Rule, is_permanent, provider_of
from mail.reply_table import RULES

__all__ = ["Outcome", "Verdict", "classify", "hinted_wait"]

_WAITING = (Outcome.AGAIN, Outcome.NEXT_SERVER)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_ONE = (
    r"(?P<{0}>\d{{1,6}})\s*(?:more |additional )?"
    r"(?P<{0}unit>s|secs?|seconds?|segundos?|m|mins?|minutes?|minutos?|h|hrs?|hours?|horas?|d|days?|d[ií]as?)(?![a-z])"
)
# "300 seconds", "5 min", "1 hour and 30 minutes", "00h04m30s", "01:00:00".
_HINT = re.compile(
    r"(?:try|retry|come back|resend|wait|again|gr[ae]y.?list\w*|delay\w*|int[eé]nte\w*|espere|vuelva)\D{0,60}?"
    r"(?:(?P<hours>\d{1,2}):(?P<minutes>\d\d):(?P<seconds>\d\d)"
    rf"|{_ONE.format('a')}(?:[\s,]*(?:and|y)?\s*{_ONE.format('b')}(?:[\s,]*(?:and|y)?\s*{_ONE.format('c')})?)?)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a mail that was not accepted."""

    outcome: Outcome
    cause: str  # of mail.causes
    blame: str
    retry_after: float | None  # what the server asks for, in seconds
    before_mail: bool  # speaks about the server, not the mail: counts for its breaker
    slow_down: float | None = None  # the server finds that it gets too much from us: seconds to leave it alone


def classify(error: DeliveryError) -> Verdict:
    """What a failed delivery means. Never raises, whatever a server may say."""
    rule, cause, outcome = _of_reply(error) if error.reply is not None else (None, *_of_kind(error))
    if error.kind == "token_refused" and cause == "credentials_wrong":
        cause = "token_refused"  # there is no password to type again
    # A mail that is ours to mend says nothing about the server, even when it was noticed before MAIL.
    counts = error.phase in BEFORE_MAIL and outcome is not Outcome.FAILED
    hint = hinted_wait(error.reply.text) if error.reply is not None and outcome in _WAITING else None
    return Verdict(outcome, cause, CAUSES[cause].blame, hint, counts, slow_down=_rest(rule, hint))


def _rest(rule: Rule | None, hint: float | None) -> float | None:
    usual = None if rule is None else rule.slow or TOO_MUCH.get(rule.cause)
    return None if usual is None else hint or usual


def hinted_wait(text: str) -> float | None:
    """The seconds in "try again in 5 minutes", 4 hours at most; None when nothing like it is said."""
    found = _HINT.search(text)
    if found is None:
        return None
    if found["hours"] is not None:
        seconds = int(found["hours"]) * 3600 + int(found["minutes"]) * 60 + int(found["seconds"])
    else:
        parts = [(found[name], found[f"{name}unit"]) for name in "abc" if found[name] is not None]
        seconds = sum(int(number) * _UNITS[unit[0].lower()] for number, unit in parts)
    return min(float(seconds), MAX_HINT)


def _of_reply(error: DeliveryError) -> tuple[Rule | None, str, Outcome]:
    phase, reply = error.phase, error.reply
    if reply is None or not 400 <= reply.code <= 599:  # neither yes nor no
        return None, *(KINDS.get(f"protocol/{phase}") or KINDS["protocol"])
    provider = provider_of(reply.text, error.host)
    rule = next(rule for rule in RULES if rule.fits(phase, reply, provider) and _may_blame(rule.cause, phase))
    if reply.code == 421:  # "come back later", whatever else it says
        return rule, rule.cause, Outcome.NEXT_SERVER
    if not is_permanent(reply):  # whatever it says, it may go another time
        return rule, rule.cause, Outcome.AGAIN
    return rule, rule.cause, rule.outcome or _refused(phase)


def _may_blame(cause: str, phase: Phase) -> bool:
    """Before RCPT the server has heard of no recipient, whatever its codes say; of SMTPUTF8 it has."""
    is_named = phase in ("rcpt", "data", "final") or cause == "smtputf8_missing"
    return is_named or CAUSES[cause].blame != "recipient"


def _refused(phase: Phase) -> Outcome:
    if phase in ("greeting", "ehlo"):
        return Outcome.NEXT_SERVER
    return Outcome.BLOCKED if phase in BEFORE_MAIL else Outcome.FAILED


def _of_kind(error: DeliveryError) -> tuple[str, Outcome]:
    usual, outcome = KINDS.get(f"{error.kind}/{error.phase}") or KINDS.get(error.kind) or KINDS["internal"]
    details = DETAILS.get(error.kind, ())
    return next((cause for cause, words in details if words.search(error.detail)), usual), outcome
