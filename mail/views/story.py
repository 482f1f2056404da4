"""What became of one mail: its steps, its attempts as a time line, the headers it carried."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from daeris.ui.components import Step, steps
from mail import causes, explanations, retention
from mail.addresses import Mailbox
from mail.models import Attempt, Content, Mail
from mail.presentation import LOOKS, Look, cause_of
from mail.routing import Sentence

OUTCOMES = {
    Attempt.Outcome.ACCEPTED: ("check", "success", gettext_lazy("Accepted by the server")),
    Attempt.Outcome.TEMPORARY: ("clock-alert", "danger", gettext_lazy("It did not go; it will be tried again")),
    Attempt.Outcome.PERMANENT: ("triangle-alert", "danger", gettext_lazy("Refused")),
    Attempt.Outcome.UNCERTAIN: ("circle-question-mark", "warning", gettext_lazy("Outcome unknown")),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One point of the time line."""

    title: str
    icon: str
    tone: str
    time: datetime
    server: str = ""
    why: str = ""
    header_from: str = ""
    envelope_from: str = ""
    tls: str = ""
    reply: str = ""
    seconds: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the mail is red: what it means, who must act, what the server said, and what happens next."""

    title: str
    explanation: str
    action: str
    who_acts: str
    reply: str
    next_attempt: datetime | None


def steps_of(mail: Mail, look: Look) -> list[Step]:
    """The status bar: where the mail stands on its way out."""
    path = [("queued", LOOKS["queued"].label), ("sending", LOOKS["sending"].label), ("sent", LOOKS["sent"].label)]
    match look.key:
        case "scheduled":
            return steps([("scheduled", look.label), *path[1:]], "scheduled")
        case "retrying":
            return steps(path, "queued", failed=True, failed_label=look.label)
        case "failed":
            return steps(path, "sending", failed=True, failed_label=look.label)
        case "bounced":
            return steps(path, "sent", failed=True, failed_label=look.label)
        case "cancelled":
            return steps([path[0], ("cancelled", look.label)], "cancelled")
    return steps(path, mail.state)


def problem_of(mail: Mail) -> Problem | None:
    """The error card of a red mail; None for any other. The mail's server is fetched."""
    if not (code := cause_of(mail)):
        return None
    waits = mail.state == Mail.State.QUEUED
    # Whatever happened to this mail before: now somebody has to mend the server.
    blocked = mail.server.blocked_cause if waits and mail.server else ""
    cause = causes.describe(blocked or code, is_over=None if blocked else not waits)
    return Problem(
        title=str(cause.title),
        explanation=str(cause.explanation),
        action=str(cause.action),
        who_acts=str(cause.who_acts),
        reply=mail.failure if blocked in {"", mail.cause} else "",
        # Behind a stopped server no hour can be named: it goes when somebody has mended the server.
        next_attempt=mail.due_at if waits and not blocked else None,
    )


def timeline_of(mail: Mail, attempts: Iterable[Attempt]) -> list[Moment]:
    """From the queue to now, newest first."""
    moments = [Moment(_("Put in the queue"), "inbox", "neutral", mail.created_at)]
    moments += [_moment(number, attempt) for number, attempt in enumerate(attempts, start=1)]
    if mail.state == Mail.State.CANCELLED and mail.settled_at:
        moments.append(Moment(str(LOOKS["cancelled"].label), "ban", "neutral", mail.settled_at))
    return moments[::-1]


def attempts_gone(mail: Mail, attempts: Sequence[Attempt]) -> bool:
    """Whether it was tried before the first attempt that is still kept."""
    if not attempts and mail.tries:
        return True
    since = retention.attempts_since()
    if since is None or mail.created_at >= since:
        return False
    # A person's retry counts its tries anew; what was taken more often than it was tried was tried before.
    return mail.fence > len(attempts) and not any(attempt.started_at < since for attempt in attempts)


def _moment(number: int, attempt: Attempt) -> Moment:
    icon, tone, words = OUTCOMES[Attempt.Outcome(attempt.outcome)]
    title = causes.describe(attempt.cause).title if attempt.cause else words
    codes = " ".join(str(part) for part in (attempt.reply_code, attempt.enhanced_code) if part)
    return Moment(
        title=_("Attempt %(number)s: %(outcome)s") % {"number": number, "outcome": title},
        icon=icon,
        tone=tone,
        time=attempt.started_at,
        server=attempt.server_name,
        why=_sentence(attempt),
        header_from=attempt.header_from,
        envelope_from=attempt.envelope_from,
        tls=attempt.tls,
        reply=f"{codes} {attempt.reply_text}".strip(),
        seconds=number_format(round(attempt.seconds, 2), decimal_pos=2),
    )


def _sentence(attempt: Attempt) -> str:
    """Why this server and this From, and what to beware of, in the reader's language; "" when no reason was kept."""
    kept = [attempt.explanation.get("why"), *attempt.explanation.get("warnings", [])]
    return " ".join(explanations.render(Sentence(code, params)) for code, params in filter(None, kept))


def headers_of(mail: Mail, content: Content, last: Attempt | None) -> list[tuple[str, str]]:
    """The lines that a reader of headers looks for, as the last attempt wrote them."""
    author = str(Mailbox(content.author_name, content.author_address)) if content.author_address else ""
    own = str(Mailbox(mail.recipient_name, mail.recipient_address))
    header_from = last.header_from if last and last.header_from else author
    # Answers go to the author also when the mail left under another address (design §4).
    is_rewritten = bool(author) and content.author_address.lower() not in header_from.lower()
    lines = [
        ("From", header_from),
        ("To", content.to or own),
        ("Cc", content.cc),
        ("Reply-To", content.reply_to or (author if is_rewritten else "")),
        ("Subject", content.subject),
        ("Message-ID", content.message_id),
        ("In-Reply-To", content.in_reply_to),
        ("References", content.references),
        ("Auto-Submitted", "auto-generated" if content.auto_submitted else ""),
        *((str(name), str(value)) for name, value in content.extra_headers),
        (_("Envelope: from"), last.envelope_from if last else ""),
        (_("Envelope: to"), mail.recipient_address if last else ""),
    ]
    return [(name, value) for name, value in lines if value]
