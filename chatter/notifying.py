"""Who was told of a message is written down."""

from collections.abc import Collection

from django.db import connection
from django.utils.timezone import now

from chatter.models import Message, Notification
from chatter.recipients import Audience
from mail.statements import rows

_BY_EMAIL = f"""
    INSERT INTO chatter_notification (message_id, contact_id, channel, mail_id, created_at)
    SELECT %s, contact_id, '{Notification.Channel.EMAIL}', id, %s FROM mail_mail WHERE content_id IN ({{contents}})
    ORDER BY id
"""


def notify(message: Message, heard: Audience, content_ids: Collection[int]) -> None:
    """A notification for everyone who hears of this message; those reached by e-mail have a copy of these contents."""
    if content_ids:
        marks = ", ".join(["%s"] * len(content_ids))
        moment = connection.ops.adapt_datetimefield_value(now())
        rows(_BY_EMAIL.format(contents=marks), [message.pk, moment, *content_ids])
    others = [(contact, Notification.Channel.APP) for contact in heard.in_app]
    others += [(contact, Notification.Channel.EMAIL) for contact in heard.without_address]
    Notification.objects.bulk_create(
        [Notification(message=message, contact=contact, channel=channel) for contact, channel in others]
    )
