"""How a mail looks: one label, icon and tone for each state that a reader tells apart."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from mail.models import Mail
from mail.models.mail import FORGOTTEN

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Look:
    """What a pill shows: the word, the icon of `{% icon %}`, and the tone of the class."""

    key: str
    label: "_StrPromise"
    icon: str
    tone: str

    @property
    def is_red(self) -> bool:
        """Whether someone should do something about it."""
        return self.tone == "danger"


# A queued mail has three faces: it waits for its turn, for its hour, or for another try.
LOOKS: dict[str, Look] = {
    look.key: look
    for look in (
        Look("scheduled", _("Scheduled"), "calendar-clock", "info"),
        Look("queued", _("Queued"), "clock", "warning"),
        Look("retrying", _("Will be retried"), "clock-alert", "danger"),
        Look("sending", _("Sending"), "loader", "info"),
        Look("sent", _("Sent"), "check", "success"),
        Look("bounced", _("Bounced"), "undo-2", "danger"),
        Look("failed", _("Failed"), "triangle-alert", "danger"),
        Look("cancelled", _("Cancelled"), "ban", "neutral"),
    )
}


def look_of(mail: Mail) -> Look:
    """The face of this mail. Reads its server: fetch with `select_related("server")`."""
    if mail.state != Mail.State.QUEUED:
        return LOOKS[mail.state]
    if cause_of(mail):
        return LOOKS["retrying"]
    # Back-off also sets `due_at`, but always beside a cause: without one, a person chose the hour.
    return LOOKS["scheduled" if mail.due_at > now() else "queued"]


def cause_of(mail: Mail) -> str:
    """The code of what went wrong, for `mail.causes.describe`; "" when nothing did."""
    if mail.cause == FORGOTTEN:
        return FORGOTTEN
    if mail.state == Mail.State.QUEUED and not mail.cause and mail.server:
        return mail.server.blocked_cause
    return mail.cause if mail.state in {Mail.State.QUEUED, Mail.State.FAILED, Mail.State.BOUNCED} else ""
