"""The mail that a test sends: short, clear about what it is, in the language of whoever asked for it."""

from dataclasses import dataclass

from django.utils.timezone import now
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from mail.addresses import Mailbox, domain_of
from mail.composing import Letter, compose, encode_body, new_message_id
from mail.endpoint import Envelope


@dataclass(frozen=True, slots=True)
class ProbeLetter:
    """What is handed over, and by which id it is found again."""

    envelope: Envelope
    message_id: str


def letter_from(sender: str, recipient: str) -> ProbeLetter:
    """A mail to this recipient, ready to be sent."""
    letter = Letter(
        subject=_("Test of the outgoing mail server"),
        text=_(
            "This mail was sent to test an outgoing mail server, on request of one of its administrators.\n\n"
            "It left as %(sender)s and has arrived: sending works. No answer is needed."
        )
        % {"sender": sender},
        message_id=new_message_id(domain_of(sender)),
        auto_submitted=True,
        language=get_language() or "",
    )
    composed = compose(
        letter, encode_body(letter), header_from=Mailbox("", sender), recipient=Mailbox("", recipient), date=now()
    )
    envelope = Envelope(sender, recipient, composed.message, composed.smtputf8)
    return ProbeLetter(envelope, letter.message_id)
