"""The reader's language: what the user prefers, else the cookie, else the browser's, else the installation's."""

from django.conf import settings
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import translation

SESSION_KEY = "language"
# Somebody who is logged in chose a language; sent with `user` and `language`. Whoever keeps preferences listens.
language_chosen = Signal()


def language_of(request: HttpRequest) -> str:
    """The language in which to answer. Asks the session, which pages of users read anyway."""
    session = getattr(request, "session", None)
    preferred = session.get(SESSION_KEY) if session is not None else None
    if preferred in dict(settings.LANGUAGES):
        return str(preferred)
    return translation.get_language_from_request(request)


def prefer(request: HttpRequest, language: str) -> None:
    """Answer this user in the language from now on; "" when there is no preference."""
    if language:
        request.session[SESSION_KEY] = language
    else:
        request.session.pop(SESSION_KEY, None)
