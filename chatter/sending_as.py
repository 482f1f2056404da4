"""The line under the editor: as whom a message leaves, through which server, and where answers arrive."""

from dataclasses import dataclass
from typing import Any

from mail import explanations, planning
from mail.addresses import InvalidAddress, Mailbox, parse_mailbox
from mail.simulation import informed


@dataclass(frozen=True, slots=True)
class SentAs:
    """The line, how it looks (success, warning, danger), and whether it waits for a look-up in the DNS."""

    text: str
    tone: str
    is_open: bool


def sent_as(record: Any, user: Any, *, snapshot: planning.Snapshot | None = None, look_up: bool = False) -> SentAs:
    """What holds for a message that this user writes about this record.

    What must be asked in the DNS is told as far as it is known, unless `look_up` says that there is time for it.
    """
    author = _author(user)
    question = planning.question(author=author, of=planning.about(record), snapshot=snapshot)
    question = informed(question, look_up=look_up)
    decision = question.choice()
    tone = explanations.tone_of(decision)
    if author is None and tone == "success":
        tone = "warning"  # under the default address, which is not the user's
    text = explanations.sent_as(decision)
    if tone == "danger" and not decision.error:
        text = " ".join([text, *map(explanations.render, decision.warnings)])
    return SentAs(text, tone, bool(question.awaits))


def _author(user: Any) -> Mailbox | None:
    """Who the mail is from; None for a user without a valid address, whose messages leave under the default one.

    The user's contact bears the user's name and address, and need not be fetched for them.
    """
    try:
        address = parse_mailbox(user.email).address
    except InvalidAddress:
        return None
    return Mailbox(user.get_full_name() or user.get_username(), address)
