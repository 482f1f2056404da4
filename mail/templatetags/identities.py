"""`{% identities %}`: the table of identities, as it stands below the alias domains."""

from typing import Any

from django import template

from mail.views.identities import identity_rows

register = template.Library()


@register.inclusion_tag("mail/_identities.html", takes_context=True)
def identities(context: template.Context) -> dict[str, Any]:
    """The whole section."""
    return {"identities": identity_rows(), "request": context["request"], "csrf_token": context.get("csrf_token")}
