"""Who may open which page."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_required, permission_required

View = TypeVar("View", bound=Callable[..., Any])


def manages_servers(view: View) -> View:
    """Only for those who manage servers, aliases and options; strangers log in first, others get 403."""
    return login_required(permission_required("mail.manage_servers", raise_exception=True)(view))
