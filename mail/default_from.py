"""A default From as people write it down: a local part, or a whole address."""

from django.utils.translation import gettext as _

from mail.addresses import MAX_LOCAL_OCTETS, InvalidAddress, normalise, parse_mailbox


def clean_default_from(text: str, domain: str = "a.example") -> str:
    """The local part as written, or the whole address normalised; "" stays "". Raises InvalidAddress with words.

    `domain` completes a local part while it is checked.
    """
    text = text.strip()
    if not text:
        return ""
    mailbox = parse_mailbox(text if "@" in text else f"{text}@{domain}")
    address = normalise(mailbox.address)
    if mailbox.name:
        raise InvalidAddress(_("Write the address alone, without a name."))
    if len(address.rpartition("@")[0].encode()) > MAX_LOCAL_OCTETS:
        raise InvalidAddress(_("The part before the @ is too long."))
    return address if "@" in text else text
