"""The demo's mail server, asked by a real SMTP client."""

import logging
import smtplib
from collections.abc import Iterator

import pytest
from django.db import connection

from daeris.demo.models import KEPT, CapturedMail
from daeris.demo.server import DemoServer
from tests.embedded.letters import letter

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.wire]

REFUSED, DEFERRED = "nadie@clinicavega.example", "ocupado@hotelmirador.example"
MARTA, JULIA = "marta@miempresa.example", "julia@levante.example"


@pytest.fixture
def client() -> Iterator[smtplib.SMTP]:
    server = DemoServer(refused=REFUSED, deferred=DEFERRED)
    port = server.start()
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as smtp:
        yield smtp
    server.stop()


def send(client: smtplib.SMTP, raw: bytes, *recipients: str, sender: str = MARTA) -> str:
    """ "" when it was taken, else what the server said."""
    try:
        client.sendmail(sender, recipients, raw)
    except smtplib.SMTPRecipientsRefused as error:
        return str([f"{code} {text.decode()}" for code, text in error.recipients.values()])
    except smtplib.SMTPResponseException as error:
        return f"{error.smtp_code} {bytes(error.smtp_error).decode()}"  # type: ignore[arg-type]
    return ""


def test_what_is_sent_is_kept_byte_by_byte_once_a_recipient(client: smtplib.SMTP) -> None:
    raw = letter(subject="Presupuesto nº 3")

    assert send(client, raw, JULIA, "cleo@levante.example") == ""

    cleo, julia = CapturedMail.objects.all()
    assert (julia.recipient, cleo.recipient) == (JULIA, "cleo@levante.example")
    assert julia.sender == MARTA
    assert julia.subject == "Presupuesto nº 3"
    assert bytes(julia.raw) == raw


def test_one_address_is_refused_for_good(client: smtplib.SMTP) -> None:
    for address in (REFUSED, REFUSED.upper()):
        assert "550 5.1.1" in send(client, letter(), address)

    assert not CapturedMail.objects.exists()


def test_each_mail_to_the_busy_address_is_put_off_once(client: smtplib.SMTP) -> None:
    first, second = letter(subject="Uno"), letter(subject="Dos")

    # By the same sender: it is the mail that counts.
    assert send(client, first, DEFERRED).startswith("451 4.2.1")
    assert send(client, second, DEFERRED.upper()).startswith("451 4.2.1")
    assert send(client, first, DEFERRED) == ""
    assert send(client, second, DEFERRED) == ""

    assert [mail.subject for mail in CapturedMail.objects.all()] == ["Dos", "Uno"]


def test_a_mail_without_an_id_is_known_by_its_bytes(client: smtplib.SMTP) -> None:
    assert send(client, b"Subject: Uno\r\n\r\nHola", DEFERRED).startswith("451")
    assert send(client, b"Subject: Dos\r\n\r\nHola", DEFERRED).startswith("451")
    assert send(client, b"Subject: Uno\r\n\r\nHola", DEFERRED) == ""


def test_the_others_do_not_wait_for_the_busy_one(client: smtplib.SMTP) -> None:
    assert send(client, letter(), DEFERRED).startswith("451")
    assert send(client, letter(), JULIA) == ""


@pytest.mark.parametrize("raw", [b"", b"\x00\xff", b"Content-Type: multipart/mixed\r\n\r\nx", b"Subject: =?x?q?\xff?="])
def test_broken_mail_is_kept_too(client: smtplib.SMTP, raw: bytes) -> None:
    assert send(client, raw, JULIA, sender="") == ""

    assert CapturedMail.objects.get().sender == ""


def test_a_mail_that_cannot_be_kept_may_come_again(client: smtplib.SMTP, caplog: pytest.LogCaptureFixture) -> None:
    table = CapturedMail._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO away")
    try:
        assert send(client, letter(text="secreto"), JULIA).startswith("451 4.3.0")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE away RENAME TO {table}")

    assert send(client, letter(), JULIA) == ""
    assert "could not be kept" in caplog.text
    assert "secreto" not in caplog.text


def test_only_the_newest_are_kept(client: smtplib.SMTP) -> None:
    CapturedMail.objects.bulk_create(CapturedMail(recipient=JULIA, subject=str(n), raw=b"") for n in range(KEPT))

    send(client, letter(subject="El último"), JULIA)

    assert CapturedMail.objects.count() == KEPT
    assert CapturedMail.objects.all()[0].subject == "El último"
    assert not CapturedMail.objects.filter(subject="0").exists()


def test_no_line_of_the_log_for_every_command(client: smtplib.SMTP, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="root"):
        send(client, letter(), JULIA)

    assert caplog.text == ""
