"""What every answer carries: the content security policy, a word to caches, and the language of the reader."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers

from daeris.ui.language import language_of

CSP_HEADER = "Content-Security-Policy"
GetResponse = Callable[[HttpRequest], HttpResponse]


class ContentSecurityPolicyMiddleware:
    """Adds the policy of `SECURE_CSP`; an answer that brings its own keeps it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        directives: dict[str, list[str]] = settings.SECURE_CSP
        self.policy = "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault(CSP_HEADER, self.policy)
        return response


class PrivatePagesMiddleware:
    """Asks every cache to keep nothing; an answer that says itself how long it lasts keeps its word.

    After somebody has logged out, the button Back of the same browser leads to no page of theirs.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class LanguageMiddleware:
    """Answers in the reader's language (`daeris.ui.language`); stands behind the middleware of sessions."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        language = language_of(request)
        # `override` and not `activate`: the thread serves other people next.
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        response.headers.setdefault("Content-Language", language)
        return response
