"""Where the business records are found: the menus and the palette."""

from collections.abc import Iterator

from django.http import HttpRequest

from daeris.documents import listing
from daeris.documents.catalogue import CONTACT, INVOICE, KINDS, OPPORTUNITY, ORDER
from daeris.ui import navigation

MOST_HITS = 5


def register() -> None:
    """Tell the shell of the four lists, and how to search them."""
    apps = (
        ("crm", OPPORTUNITY, "handshake", 10, "g o"),
        ("sales", ORDER, "shopping-cart", 20, ""),
        ("invoicing", INVOICE, "receipt-euro", 30, ""),
        ("contacts", CONTACT, "contact", 40, ""),
    )
    for name, kind, icon, order, shortcut in apps:
        navigation.app(name, label=kind.app, icon=icon, order=order)
        url = f"documents:{kind.plural}"
        navigation.entry(name, label=kind.title, url=url, icon=kind.icon, order=10, shortcut=shortcut)
    navigation.search_provider(find)


def find(request: HttpRequest, words: str) -> Iterator[navigation.Hit]:
    """Records of every kind that hold the words, for the palette."""
    for kind in KINDS.values():
        rows = listing.search(kind, kind.model._default_manager.visible_to(request.user), words)
        for row in rows.order_by("-pk")[:MOST_HITS]:
            detail = row.company if kind is CONTACT else row.number
            yield navigation.Hit(str(row), kind.url(pk=row.pk), kind.icon, detail, kind.title)
