"""Logging in by certificate, and what each server's mail carries: over real TLS, against a real server."""

import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mail.certificates import read_pair
from mail.replies import classify
from mail.smtp import Endpoint
from tests.lab.ca import Authority, Certificate
from tests.mail.smtp_client import MESSAGE, Doubles, endpoint, failure, mail, send
from tests.smtp_double import SmtpDouble


def asking(authority: Authority) -> ssl.SSLContext:
    """A server that lets in who shows a certificate of the authority, and nobody else."""
    context = authority.server.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.pem)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def showing(where: Endpoint, shown: Certificate, *, key: str | None = "") -> Endpoint:
    own = shown.key.read_text() if key == "" else key
    return replace(where, client_certificate=shown.pem, client_key=own)


@pytest.fixture(params=["starttls", "tls"])
def double(request: pytest.FixtureRequest, smtp_doubles: Doubles, authority: Authority) -> SmtpDouble:
    return smtp_doubles(security=request.param, tls=asking(authority))


@pytest.fixture
def where(double: SmtpDouble, authority: Authority) -> Endpoint:
    return endpoint(double, ca_certificate=authority.pem)


@pytest.fixture
def client(authority: Authority) -> Certificate:
    return authority.issue("client", hosts=("daeris.lab.test",), purpose="client")


async def test_the_certificate_lets_us_in(double: SmtpDouble, where: Endpoint, client: Certificate) -> None:
    accepted = await send(showing(where, client))

    assert accepted.tls == "TLSv1.3"
    assert len(double.mails) == 1


@contextmanager
def refusing_aloud(context: ssl.SSLContext, authority: Authority) -> Iterator[Endpoint]:
    """A server that says in TLS what it dislikes, as OpenSSL does; asyncio's just hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                taken, _address = listener.accept()
                with suppress(ssl.SSLError), context.wrap_socket(taken, server_side=True) as connection:
                    connection.sendall(b"220 ready\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    yield Endpoint("127.0.0.1", port, "tls", ca_certificate=authority.pem, connect_seconds=5, command_seconds=5)
    # Closing alone does not wake who waits in accept.
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


async def test_without_one_the_server_lets_nobody_in(authority: Authority) -> None:
    with refusing_aloud(asking(authority), authority) as where:
        error = await failure(where)

    assert error.kind == "tls"
    assert "certificate required" in error.detail
    assert classify(error).cause == "client_certificate_refused"


async def test_one_that_the_server_does_not_know(authority: Authority) -> None:
    stranger = Authority(authority.folder / "other", "Another CA").issue("client", purpose="client")

    with refusing_aloud(asking(authority), authority) as where:
        error = await failure(showing(where, stranger))

    assert error.kind == "tls"
    assert "unknown ca" in error.detail
    assert classify(error).cause == "client_certificate_refused"


async def test_an_expired_one_is_not_even_shown(double: SmtpDouble, where: Endpoint, authority: Authority) -> None:
    old = authority.issue("old", days=(-20, -10), purpose="client")

    error = await failure(showing(where, old))

    assert error.kind == "client_certificate_expired"
    assert not double.mails


async def test_the_key_of_another_certificate(where: Endpoint, client: Certificate, authority: Authority) -> None:
    error = await failure(showing(where, client, key=authority.issue("other", purpose="client").key.read_text()))
    assert error.kind == "client_certificate_invalid"
    assert "PRIVATE KEY" not in str(error)


async def test_a_key_that_nothing_opens(where: Endpoint, client: Certificate) -> None:
    assert (await failure(showing(where, client, key=None))).kind == "credentials_unreadable"


def test_no_key_is_left_behind_or_ever_readable(
    client: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    written: list[tuple[str, int]] = []
    unlink = Path.unlink

    def look(path: Path, **options: Any) -> None:
        written.append((path.read_text(), path.stat().st_mode & 0o777))
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", look)
    showing(Endpoint("mx.lab.test", 25), client).tls_context()

    (text, mode), *others = written
    assert "BEGIN ENCRYPTED PRIVATE KEY" in text
    assert "BEGIN PRIVATE KEY" not in text
    assert mode == 0o600
    assert not others
    assert not list(tmp_path.iterdir())


def test_endpoints_do_not_show_the_key(client: Certificate) -> None:
    shown = showing(Endpoint("mx.lab.test", 25), client)
    assert "PRIVATE KEY" not in repr(shown)
    assert "PRIVATE KEY" not in repr(read_pair(client.certificate.read_bytes(), client.key.read_bytes()))


# -- What the form says about the mail itself ----------------------------------------------------------


async def test_the_headers_of_a_server_go_with_its_mail(smtp_double: SmtpDouble) -> None:
    where = endpoint(smtp_double, extra_headers=(("X-Empresa", "Mi compañía"), ("X-Campaign", "server")))
    message = b"From: ana@miempresa.example\r\nx-campaign: own\r\n" + MESSAGE

    await send(where, mail(message=message))

    sent = smtp_double.mails[0].data
    assert sent.startswith(b"X-Empresa: =?utf-8?")
    assert sent.lower().count(b"x-campaign:") == 1
    assert b"x-campaign: own" in sent
    assert sent.endswith(MESSAGE)


async def test_a_word_of_the_text_is_no_header(smtp_double: SmtpDouble) -> None:
    where = endpoint(smtp_double, extra_headers=(("X-Campaign", "server"),))
    await send(where, mail(message=MESSAGE + b"x-campaign: text\r\n"))
    assert smtp_double.mails[0].data.startswith(b"X-Campaign: server\r\n")


async def test_a_mail_that_is_too_large_is_not_even_tried(smtp_double: SmtpDouble) -> None:
    where = endpoint(smtp_double, largest_mail=100)

    error = await failure(where, mail(message=MESSAGE + b"x" * 100))
    await send(where)

    assert (error.phase, error.kind) == ("mail", "too_large")
    assert smtp_double.connections == 1


async def test_we_introduce_ourselves_by_the_name_of_the_form(smtp_double: SmtpDouble) -> None:
    await send(endpoint(smtp_double, ehlo_name="mail.miempresa.example"))
    assert smtp_double.commands[0] == "EHLO mail.miempresa.example"
