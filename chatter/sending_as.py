"""The line under the editor: as whom a message leaves, through which server, and where answers arrive."""

from dataclasses import dataclass
from typing import Any

from mail import explanations, planning
from mail.addresses import Mailbox
from mail.simulation import informed


@dataclass(frozen=True, slots=True)
class SentAs:
    """The line, how it looks (success, warning, danger), and whether it waits for a look-up in the DNS."""

    text: str
    tone: str
    is_open: bool


def sent_as(
    record: Any, user: Any, *, snapshot: planning.Snapshot | None = None, look_up: bool = False
) -> SentAs | None:
    """What holds for a message that this user writes about this record; None without an address to write from.

    What must be asked in the DNS is told as far as it is known, unless `look_up` says that there is time for it.
    """
    # The user's contact bears the user's name and address, and need not be fetched for them.
    if not user.email:
        return None
    author = Mailbox(user.get_full_name() or user.get_username(), user.email)
    question = planning.question(author=author, of=planning.about(record), snapshot=snapshot)
    question = informed(question, look_up=look_up)
    decision = question.choice()
    tone = explanations.tone_of(decision)
    text = explanations.sent_as(decision)
    if tone == "danger" and not decision.error:
        text = " ".join([text, *map(explanations.render, decision.warnings)])
    return SentAs(text, tone, bool(question.awaits))
