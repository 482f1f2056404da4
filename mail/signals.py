"""News for the layers above; sent after the fact was committed."""

from django.dispatch import Signal

# Both carry `mails`: the ids of the mails concerned. `mail_failed` also tells of mail that will be tried again.
mail_sent = Signal()
mail_failed = Signal()
