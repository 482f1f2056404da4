"""A real authorization server on loopback: authorize, token with PKCE, rotation, revocation."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

CLIENT_ID, CLIENT_SECRET = "daeris-lab.apps.example", "muy+secreto/del=cliente&"


@dataclass
class _Code:
    request: dict[str, str]
    account: str


@dataclass
class Identity:
    """The server. Whoever is sent to `authorize` is `account` and says yes, unless told otherwise."""

    account: str = "ventas@miempresa.test"
    seconds: int = 3600  # how long an access token lasts
    rotates: bool = True  # each refresh token is good for one use
    scopes: str | None = None  # what is granted; None: what was asked for
    consents: bool = True
    slowness: float = 0.0  # before every answer of the token endpoint
    claims: dict[str, Any] = field(default_factory=dict)  # changes to the identity token
    answer: tuple[int, str] | None = None  # what the token endpoint says instead of working

    issued: list[str] = field(default_factory=list)  # every secret that it ever gave away
    asked: list[dict[str, str]] = field(default_factory=list)  # every request for tokens
    authorizations: list[dict[str, str]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, tuple[str, float]] = {}
        self._refresh: dict[str, str] = {}  # token: account
        self._lock = threading.Lock()

    # -- For tests ---------------------------------------------------------------------------------
    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def endpoints(self) -> dict[str, dict[str, str]]:
        """As MAIL_OAUTH_ENDPOINTS takes it, for both providers."""
        places = {"authorize": f"{self.url}/authorize", "token": f"{self.url}/token", "issuer": self.url}
        return {"google": places, "microsoft": places}

    @property
    def clients(self) -> dict[str, dict[str, str]]:
        """As MAIL_OAUTH_CLIENTS takes it."""
        client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return {"google": client, "microsoft": client}

    @property
    def environment(self) -> dict[str, str]:
        """The same for processes."""
        names = {"ID": CLIENT_ID, "SECRET": CLIENT_SECRET}
        variables = {
            f"MAIL_{who}_CLIENT_{name}": value for who in ("GOOGLE", "MICROSOFT") for name, value in names.items()
        }
        return {**variables, "MAIL_OAUTH_ENDPOINTS": json.dumps(self.endpoints)}

    @property
    def refreshes(self) -> int:
        return Counter(request.get("grant_type") for request in self.asked)["refresh_token"]

    def accepts(self, user: str, token: str) -> bool:
        """What the mail server of this provider asks: is the token good, and of this account?"""
        account, ends = self._access.get(token, ("", 0.0))
        return account.lower() == user.lower() and time.time() < ends

    def end_access(self) -> None:
        """Every access token is over; refresh tokens are good."""
        with self._lock:
            self._access.clear()

    def revoke(self) -> None:
        """The account takes everything back, as with a changed password."""
        with self._lock:
            self._access.clear()
            self._refresh.clear()

    def grant(self, account: str = "") -> tuple[str, str]:
        """An access and a refresh token without any ceremony."""
        with self._lock:
            return self._give(account or self.account)

    # -- Answers -----------------------------------------------------------------------------------
    def authorize(self, request: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        with self._lock:
            self.authorizations.append(request)
            for name in ("client_id", "redirect_uri", "state", "code_challenge", "nonce", "scope"):
                if not request.get(name):
                    self.violations.append(f"authorize without {name}")
            if request.get("code_challenge_method") != "S256" or request.get("response_type") != "code":
                self.violations.append("authorize without S256, or not for a code")
            answer = {"state": request["state"], "error": "access_denied"}
            if self.consents:
                code = secrets.token_urlsafe(24)
                self.issued.append(code)
                self._codes[code] = _Code(request, self.account)
                answer = {"state": request["state"], "code": code}
        return f"{request['redirect_uri']}?{urlencode(answer)}"

    def token(self, request: dict[str, str]) -> tuple[int, dict[str, Any]]:
        time.sleep(self.slowness)
        with self._lock:
            self.asked.append(request)
            if (request.get("client_id"), request.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
                # As Microsoft words it: with line breaks, which RFC 6749 does not allow.
                return _error("invalid_client", "AADSTS7000215: Invalid client secret.\r\nTrace ID: 1")
            if request.get("grant_type") == "authorization_code":
                return self._exchange(request)
            return self._renew(request)

    def _exchange(self, request: dict[str, str]) -> tuple[int, dict[str, Any]]:
        code = self._codes.pop(request.get("code", ""), None)
        if code is None:
            return _error("invalid_grant", "This code was used, or never given.")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(request.get("code_verifier", "").encode()).digest())
        if challenge.rstrip(b"=").decode() != code.request["code_challenge"]:
            return _error("invalid_grant", "PKCE: the verifier does not fit the challenge.")
        if request.get("redirect_uri") != code.request["redirect_uri"]:
            return _error("invalid_grant", "Another redirect_uri.")
        access, refresh = self._give(code.account)
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "exp": int(time.time()) + 600,
            "nonce": code.request["nonce"],
            "email": code.account,
            **self.claims,
        }
        scope = code.request["scope"] if self.scopes is None else self.scopes
        return 200, {**self._answer(access, refresh), "scope": scope, "id_token": f"{_part({})}.{_part(claims)}."}

    def _renew(self, request: dict[str, str]) -> tuple[int, dict[str, Any]]:
        old = request.get("refresh_token", "")
        account = self._refresh.get(old)
        if account is None:
            return _error("invalid_grant", "AADSTS50173: The provided grant has expired.\r\nTrace ID: 2")
        if self.rotates:
            del self._refresh[old]
        access, refresh = self._give(account)
        return 200, self._answer(access, refresh if self.rotates else None)

    def _give(self, account: str) -> tuple[str, str]:
        # Long and dotted, as those of Microsoft are.
        access, refresh = f"at.{secrets.token_urlsafe(900)}", f"rt.{secrets.token_urlsafe(48)}"
        self._access[access] = account, time.time() + self.seconds
        self._refresh[refresh] = account
        self.issued += [access, refresh]
        return access, refresh

    def _answer(self, access: str, refresh: str | None) -> dict[str, Any]:
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": self.seconds}
        return answer | ({"refresh_token": refresh} if refresh else {})

    # -- Life --------------------------------------------------------------------------------------
    def start(self) -> "Identity":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="identity", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def _handler(identity: Identity) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            where = identity.authorize(dict(parse_qsl(urlsplit(self.path).query)))
            self.send_response(302)
            self.send_header("Location", where)
            self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            request = dict(parse_qsl(body))
            if identity.answer:
                identity.asked.append(request)
                status, text = identity.answer
            else:
                status, answer = identity.token(request)
                text = json.dumps(answer)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", text)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _error(error: str, description: str) -> tuple[int, dict[str, Any]]:
    return 400, {"error": error, "error_description": description}


def _part(values: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()


@pytest.fixture
def identities() -> Iterator[Callable[..., Identity]]:
    """Starts authorization servers with the options of Identity."""
    started: list[Identity] = []

    def start(**options: Any) -> Identity:
        started.append(Identity(**options).start())
        return started[-1]

    yield start
    for one in started:
        one.stop()
    assert not [one.violations for one in started if one.violations]


@pytest.fixture
def identity(identities: Callable[..., Identity]) -> Identity:
    """An authorization server on loopback whose account says yes."""
    return identities()
