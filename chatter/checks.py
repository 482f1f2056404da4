"""Models that carry a conversation and do not say who may see it, told at start."""

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register

from chatter.threads import Threaded


@register()
def records_say_who_sees_them(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every threaded model needs a manager with `visible_to(user)` and a page of its own."""
    found: list[CheckMessage] = []
    for model in apps.get_models():
        if not issubclass(model, Threaded):
            continue
        if not hasattr(model._default_manager.all(), "visible_to"):
            found.append(
                Error(
                    f"{model.__name__} carries a conversation, but does not say who may see its records.",
                    hint="Give it a manager from a query set with a method visible_to(user).",
                    obj=model,
                    id="chatter.E001",
                )
            )
        if model.get_absolute_url is Threaded.get_absolute_url:
            found.append(
                Error(
                    f"{model.__name__} carries a conversation, but its records have no page.",
                    hint="Give it a method get_absolute_url(): mails to colleagues link to it.",
                    obj=model,
                    id="chatter.E002",
                )
            )
    return found
