"""What a new record is begun with: the customer and the lines of the one it follows."""

from typing import Any

from django.forms import model_to_dict
from django.http import HttpRequest

from daeris.documents.catalogue import CONTACT, KINDS
from daeris.documents.kinds import Kind
from daeris.documents.listing import is_key

LINE = ("product", "description", "quantity", "price")


def origin_of(kind: Kind, request: HttpRequest) -> dict[str, Any]:
    """Initial values for a new sheet of this kind, from `?order=12` and the like in the address."""
    if not kind.is_document:
        return {}
    begun: dict[str, Any] = {"responsible": request.user.pk}
    for name, source in KINDS.items():
        if (record := _named(source, request, name if source is not CONTACT else "customer")) is None:
            continue
        if source is CONTACT:
            begun["customer"] = record.pk
            continue
        # The field that leads back to it, where there is one: an invoice knows its order.
        begun |= {"customer": record.customer_id, name: record.pk}
        begun["lines"] = [model_to_dict(line, LINE) for line in record.lines.all()]
    return begun


def _named(source: Kind, request: HttpRequest, parameter: str) -> Any:
    if not is_key(key := request.GET.get(parameter, "")):
        return None
    return source.model._default_manager.visible_to(request.user).filter(pk=key).first()
