"""`{% server_test url %}`: the test of a connection, as it stands at the foot of a server's form."""

from typing import Any

from django import template

from mail.forms.probes import ProbeForm
from mail.views.probes import usual_recipient

register = template.Library()


@register.inclusion_tag("mail/_server_test.html", takes_context=True)
def server_test(context: template.Context, url: str) -> dict[str, Any]:
    """The fields, the button, and the report after a test without script."""
    form = context.get("probe_form") or ProbeForm(initial={"test_to": usual_recipient(context["request"].user)})
    known: dict[str, Any] = {str(name): value for name, value in context.flatten().items()}
    return {**known, "test_url": url, "probe_form": form}
