"""HTTP as Authlib wants it of a session: one POST, within seconds, to the address that was named and to no other."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.views.decorators.debug import sensitive_variables

from mail.oauth_errors import ProviderAway

SECONDS = 10.0
# Tokens are a few kilobytes; a wrong address may answer with anything.
MOST_BYTES = 256 * 1024


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None  # what is posted is secret, and meant for one address


_opener = build_opener(_NoRedirects)


class Answer:
    """What the provider answered."""

    def __init__(self, status_code: int, body: bytes) -> None:
        self.status_code, self._body = status_code, body

    def json(self) -> Any:
        return json.loads(self._body)

    def raise_for_status(self) -> None:
        """Whatever is no answer to the question is a bad moment of the provider."""
        raise ProviderAway(f"HTTP {self.status_code}")


class Session:
    """The `session` of an Authlib client. Raises ProviderAway when there is no answer."""

    @sensitive_variables()  # an error report shows the values of a function
    def post(self, url: str, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> Answer:
        url, prepared, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        if not is_safe(url):
            raise ProviderAway("The address is not one of HTTPS")
        request = Request(url, body.encode(), prepared, method="POST")  # noqa: S310  # is_safe looked at the scheme
        try:
            with _opener.open(request, timeout=SECONDS) as answer:
                return Answer(answer.status, answer.read(MOST_BYTES))
        except HTTPError as refusal:
            with refusal:
                return _refused(refusal)
        except (OSError, HTTPException, ValueError) as error:
            # Only the kind of error: its words may hold what was sent.
            reason = getattr(error, "reason", error)
            raise ProviderAway(type(reason).__name__) from None


def is_safe(url: str) -> bool:
    """Whether secrets may be sent there: by HTTPS, or without leaving this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))
    except ValueError:
        return False


def _refused(refusal: HTTPError) -> Answer:
    try:
        answer = Answer(refusal.code, refusal.read(MOST_BYTES))
    except (OSError, HTTPException) as error:
        raise ProviderAway(type(error).__name__) from None
    if refusal.code in (408, 425, 429) or not 400 <= refusal.code < 500:
        answer.raise_for_status()
    return answer


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
