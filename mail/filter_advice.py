"""What will not work well about the From filter of an account that sends as itself only (Outlook, Microsoft 365)."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from mail.addresses import FromFilter, InvalidAddress, key


def filter_warnings(from_filter: FromFilter, *, account: str, default_from: str) -> Iterator[str]:
    """Sentences about parts that the account may not send as, and about a default From that goes another way.

    `account` is the user name, `default_from` the whole address or "".
    """
    own = _key(account)
    for domain in sorted(from_filter.domains):
        yield _(
            "“%(part)s” is a whole domain: the provider accepts other addresses of it only where this account has "
            "the permission to send as them."
        ) % {"part": domain}
    for address in sorted(from_filter.addresses):
        if own and address != own:
            yield _(
                "“%(part)s” is not this account: the provider accepts it only where the account has the permission "
                "to send as it."
            ) % {"part": address}
    if not default_from:
        yield _("There is no default From: mail of other authors keeps their address, and this server refuses it.")
    elif not from_filter.covers(default_from):
        yield _(
            "The filter does not cover the default From (%(address)s): mail of other authors will not leave through "
            "this server."
        ) % {"address": default_from}


def _key(text: str) -> str:
    try:
        return key(text)
    except InvalidAddress:
        return ""
