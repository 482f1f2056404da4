"""Encryption and logging in: nothing is said where somebody else could listen."""

import base64
import logging
import socket
from dataclasses import replace
from typing import Any, Literal

import pytest

from mail import session
from tests.lab.ca import Authority
from tests.mail.smtp_client import SECRET, Doubles, endpoint, failure, listening, mail, saying, send
from tests.smtp_double import SmtpDouble

# -- Encryption --------------------------------------------------------------------------------------


@pytest.fixture(params=["starttls", "tls"])
def security(request: pytest.FixtureRequest) -> Literal["starttls", "tls"]:
    kind: Literal["starttls", "tls"] = request.param
    return kind


async def test_a_private_ca_makes_a_certificate_good(
    smtp_doubles: Doubles, authority: Authority, security: str
) -> None:
    double = smtp_doubles(security=security, tls=authority.server.server_context())

    accepted = await send(endpoint(double, ca_certificate=authority.pem))

    assert accepted.tls == "TLSv1.3"
    assert double.mails[0].tls == "TLSv1.3"


async def test_a_host_name_is_compared_with_the_certificate(
    smtp_doubles: Doubles, authority: Authority, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    double = smtp_doubles(security=security, tls=authority.server.server_context())

    async def loopback(host: str, port: int) -> list[Any]:
        return [(socket.AF_INET, (double.host, port))]

    monkeypatch.setattr(session, "resolve", loopback)

    await send(endpoint(double, host="mx.lab.test.", ca_certificate=authority.pem))
    error = await failure(endpoint(double, host="other.lab.test", ca_certificate=authority.pem))

    assert len(double.mails) == 1
    assert "not valid for 'other.lab.test'" in error.detail


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    smtp_doubles: Doubles, authority: Authority, security: str
) -> None:
    double = smtp_doubles(security=security, tls=authority.untrusted.server_context())

    error = await failure(endpoint(double, ca_certificate=authority.pem, username="ana", password=SECRET))

    assert (error.kind, error.phase) == ("tls", "starttls")
    assert "issuer certificate" in error.detail
    assert double.log_ins == 0


@pytest.mark.parametrize(("which", "words"), [("expired", "expired"), ("wrong_host", "mismatch")])
async def test_a_wrong_certificate_is_refused_with_its_reason(
    smtp_doubles: Doubles, authority: Authority, security: str, which: str, words: str
) -> None:
    double = smtp_doubles(security=security, tls=getattr(authority, which).server_context())

    error = await failure(endpoint(double, ca_certificate=authority.pem))

    assert (error.kind, error.phase) == ("tls", "starttls")
    assert words in error.detail


async def test_a_self_signed_certificate_is_taken_when_the_form_says_so(
    smtp_doubles: Doubles, authority: Authority, security: str
) -> None:
    double = smtp_doubles(security=security, tls=authority.untrusted.server_context())

    await failure(endpoint(double))
    accepted = await send(endpoint(double, verify_certificate=False))

    assert accepted.tls == "TLSv1.3"


async def test_without_starttls_nothing_is_said_in_the_clear(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(users={"ana": SECRET})

    error = await failure(endpoint(double, security="starttls", username="ana", password=SECRET))

    assert (error.kind, error.phase) == ("starttls_missing", "starttls")
    assert double.log_ins == 0
    assert {command.split()[0] for command in double.commands} <= {"EHLO", "QUIT"}


@pytest.mark.parametrize("reply", ["454 4.7.0 TLS not available due to temporary reason", "502 5.5.1 No"])
async def test_starttls_that_is_refused_ends_there(smtp_doubles: Doubles, authority: Authority, reply: str) -> None:
    double = smtp_doubles(security="starttls", tls=authority.server.server_context())
    double.answer("STARTTLS", reply)

    error = await failure(endpoint(double, ca_certificate=authority.pem))

    assert (error.phase, error.words) == ("starttls", reply)


async def test_ssl_on_a_port_that_speaks_in_the_clear() -> None:
    async with listening(saying(b"220 x")) as where:
        error = await failure(replace(where, security="tls"))

    assert (error.kind, error.phase) == ("tls", "starttls")


async def test_a_silent_port_that_expects_ssl(smtp_doubles: Doubles, authority: Authority) -> None:
    double = smtp_doubles(security="tls", tls=authority.server.server_context())

    error = await failure(endpoint(double, security="none", command_seconds=0.3))

    assert (error.kind, error.phase) == ("timeout", "greeting")


async def test_a_private_ca_that_is_no_certificate(smtp_doubles: Doubles, authority: Authority) -> None:
    double = smtp_doubles(security="tls", tls=authority.server.server_context())

    for text in ("nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "ñ"):
        error = await failure(endpoint(double, ca_certificate=text))
        assert (error.kind, error.phase) == ("ca_invalid", "starttls")


# -- Logging in --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mechanisms", [("PLAIN",), ("LOGIN",), ("LOGIN", "PLAIN"), ("XOAUTH2", "LOGIN")])
async def test_logging_in(smtp_doubles: Doubles, mechanisms: tuple[str, ...]) -> None:
    double = smtp_doubles(users={"ana": "contraseña ñ"}, mechanisms=mechanisms)

    await send(endpoint(double, username="ana", password="contraseña ñ"))

    assert double.mails[0].user == "ana"
    assert double.log_ins == 1


async def test_cram_md5_where_nothing_else_is_offered() -> None:
    heard: list[bytes] = []
    challenge = base64.b64encode(b"<1896.697170952@postoffice.reston.mci.net>")
    replies = (b"220 x", b"250-x\r\n250 AUTH CRAM-MD5", b"334 " + challenge, b"535 5.7.8 no")
    async with listening(saying(*replies, heard=heard)) as where:
        await failure(replace(where, username="tim", password="tanstaaftanstaaf"))

    # The example of RFC 2195.
    assert base64.b64decode(heard[2]) == b"tim b913a602c7eda7a495b4e6e7334d3890"


@pytest.mark.parametrize("mechanisms", [("PLAIN", "LOGIN"), ("LOGIN",)])
async def test_a_wrong_password_is_tried_once(smtp_doubles: Doubles, mechanisms: tuple[str, ...]) -> None:
    double = smtp_doubles(users={"ana": SECRET}, mechanisms=mechanisms)

    error = await failure(endpoint(double, username="ana", password="otra"))

    assert (error.phase, error.words) == ("auth", "535 5.7.8 Authentication credentials invalid")
    assert double.log_ins == 1


async def test_a_server_that_offers_no_log_in(smtp_double: SmtpDouble) -> None:
    error = await failure(endpoint(smtp_double, username="ana", password=SECRET))

    assert (error.kind, error.phase) == ("auth_unavailable", "auth")


async def test_a_password_that_no_key_opens(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(users={"ana": SECRET})

    error = await failure(endpoint(double, username="ana", password=None))

    assert (error.kind, error.phase) == ("credentials_unreadable", "auth")
    assert double.log_ins == 0


async def test_nothing_secret_is_told_or_logged(
    smtp_doubles: Doubles, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    double = smtp_doubles(users={"ana": SECRET})
    answer = base64.b64encode(f"\0ana\0{SECRET}".encode()).decode()
    double.answer("AUTH", f"535 5.5.2 What is AUTH PLAIN {answer} or {answer[:20]} or {SECRET} supposed to mean?")

    where = endpoint(double, username="ana", password=SECRET)
    error = await failure(where, mail(message=b"Subject: muy privado\r\n\r\n"))

    assert error.words == "535 5.5.2 What is AUTH PLAIN *** or *** or *** supposed to mean?"
    told = f"{error} {error!r} {error.__context__!r} {error.__cause__!r} {where!r} {mail()!r} {caplog.text}"
    for secret in (SECRET, answer, answer[:20], "privado", "Hola"):
        assert secret not in told


@pytest.mark.parametrize("reply", ["601 what is {}?", "{} is no reply", "100 {}"])
async def test_a_server_that_speaks_no_smtp_cannot_make_us_repeat_a_password(smtp_doubles: Doubles, reply: str) -> None:
    answer = base64.b64encode(b"\0ana\0" + SECRET.encode()).decode()
    double = smtp_doubles(users={"ana": SECRET}, mechanisms=("PLAIN",))
    double.answer("AUTH", reply.format(answer))

    error = await failure(endpoint(double, username="ana", password=SECRET))

    assert error.phase == "auth"
    assert answer not in f"{error} {error.detail} {error.words} {error!r} {error.__cause__!r}"
