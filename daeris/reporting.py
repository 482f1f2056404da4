"""What a report of an unexpected failure tells the administrators of an installation."""

from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class WithoutVariables(SafeExceptionReporterFilter):
    """The way to the failure, without what was in hand on it.

    Any function between a form and a connection may hold a password or a message, under any name; a list of names to
    hide is a list of names to forget.
    """

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: Any) -> Any:
        """No variables, unless this is a developer's own machine (DEBUG)."""
        return [] if self.is_active(request) else super().get_traceback_frame_variables(request, tb_frame)

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        """The names of the fields that were sent, without what was in them."""
        if request is None or not self.is_active(request):
            return super().get_post_parameters(request)
        return dict.fromkeys(request.POST, self.cleansed_substitute)
