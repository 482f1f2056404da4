"""Real mail through a real Postfix: what arrives, and what becomes of what does not."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.lab.ca import Authority
from tests.lab.ports import free_port
from tests.lab.postfix import USERS, Delivered, Postfix
from tests.lab.stack import Stack

pytestmark = pytest.mark.peers

ALICE, BOB = "alice@lab.test", "bob@lab.test"
SUBJECT = (
    "Renovación de la flota: oferta número 42, con una línea de asunto que no cabe en una sola línea — ¿de acuerdo?"
)
ATTACHMENT = "Presupuesto «año 2026», versión final (1).pdf"


@dataclass(frozen=True)
class Case:
    """A server as the form would have it, one mail through it, and what becomes of that."""

    name: str
    listener: str
    server: dict[str, Any] = field(default_factory=dict)
    author: str = ALICE
    recipient: str = ""  # empty: one of the case's own
    bytes: int = 100  # of the attachment
    copies: int = 1
    state: str = "sent"
    cause: str = ""
    code: int | None = None
    blocked: bool = False

    @property
    def to(self) -> str:
        return self.recipient or f"{self.name}@example.test"


def login(user: str = ALICE, password: str = "") -> dict[str, Any]:
    return {"username": user, "password": password or USERS[user], "authentication": "password"}


STARTTLS, TLS = {"security": "starttls"}, {"security": "tls"}
ARRIVING = [
    Case("plain", "plain"),
    Case("no-extensions", "bare"),
    Case("starttls", "starttls", STARTTLS),
    Case("tls", "tls", TLS),
    Case("starttls-password", "submission", STARTTLS | login()),
    Case("tls-password", "submissions", TLS | login()),
    Case("login-only", "login_only", STARTTLS | login(BOB), author=BOB),
    Case("unchecked-certificate", "untrusted", TLS | {"verify_certificate": False}),
    Case("international", "plain", recipient="josé.muñoz@example.test"),
]
STAYING = [
    Case("unknown", "refusing", recipient="nobody@lab.test", state="failed", cause="recipient_unknown", code=550),
    Case("spam", "refusing", recipient="spam@lab.test", state="failed", cause="spam", code=554),
    Case("stranger", "refusing", author="stranger@lab.test", state="failed", cause="send_as_denied", code=550),
    Case("mismatch", "submission", STARTTLS | login(), author=BOB, state="failed", cause="send_as_denied", code=553),
    Case("large", "small", bytes=30_000, state="failed", cause="too_large"),
    Case("no-smtputf8", "bare", recipient="pepe.muñoz@example.test", state="failed", cause="smtputf8_missing"),
    Case("later", "refusing", recipient="later@lab.test", state="queued", cause="greylisted", code=451),
    Case("full", "refusing", recipient="full@lab.test", state="queued", cause="mailbox_full", code=452),
    Case("greylist", "greylisting", state="queued", cause="greylisted", code=451),
    Case("closed-port", "", state="queued", cause="connection_refused"),
]
BLOCKING = [
    Case(
        "wrong-password",
        "submission",
        STARTTLS | login(password="wrong"),
        copies=3,
        cause="credentials_wrong",
        code=535,
    ),
    Case("expired", "expired", STARTTLS, cause="certificate_expired"),
    Case("wrong-host", "wrong_host", STARTTLS, cause="certificate_name"),
    Case("untrusted", "untrusted", TLS, cause="certificate_untrusted"),
    Case("no-private-ca", "starttls", STARTTLS | {"ca_certificate": ""}, cause="certificate_untrusted"),
    Case("no-starttls", "bare", STARTTLS, cause="starttls_missing"),
    Case("no-login", "starttls", STARTTLS | login(), cause="auth_unavailable"),
    Case("tls-on-plain", "plain", TLS, cause="tls_not_spoken"),
]
FEW = Case("few", "few", {"max_connections": 6}, copies=40)

SEND = """
import json, sys
from django.core.files.base import ContentFile
from django.db import transaction
from mail.addresses import Mailbox
from mail.attachments import store
from mail.models import Content, Server
from mail.queue import Recipient, enqueue

for case in json.loads(sys.argv[1]):
    with transaction.atomic():
        content = Content.objects.create(
            subject=case["subject"], author_name="Mª José Ñíguez, de Levante", author_address=case["author"],
            text="Buenos días:\\n\\n.un punto al principio\\nFrom here\\n",
            html='<p>Buenos días: <strong>¿de acuerdo?</strong> <img src="cid:logo@miempresa.test"></p>',
            message_id=case["message_id"], references="<root.of.a.thread@miempresa.test>", auto_submitted=case["auto"],
        )
        data = bytes(range(256)) * (case["bytes"] // 256 + 1)
        pdf = store(ContentFile(data), name=case["attachment"], content_type="application/pdf", owner=None)
        image = store(ContentFile(b"\\x89PNG" + bytes(20)), name="logo.png", content_type="image/png", owner=None)
        image.content_id = "logo@miempresa.test"
        image.save(update_fields=["content_id"])
        content.attachments.set([pdf, image])
        recipients = [Recipient(Mailbox("Julia Ferrer Pérez", case["to"]))] * case["copies"]
        enqueue(content, recipients, asked_server=Server.objects.get(name=case["name"]))
"""


def server_entry(case: Case, postfix: Postfix, authority: Authority) -> dict[str, Any]:
    """The case's server as `mail_config` reads it."""
    where = {"host": postfix.host, "port": postfix.ports.get(case.listener) or free_port()}
    trust = {"ca_certificate": authority.pem} if case.server.get("security") else {}
    return {"name": case.name, **where, **trust, **case.server}


def message_id(case: Case) -> str:
    return f"<{case.name}.a-rather-long-identifier-that-the-standard-library-would-encode.{'0' * 40}@miempresa.test>"


def send(stack: Stack, *cases: Case) -> None:
    """Queue the mail of each case; how it goes is up to whoever delivers."""
    asked = [
        {
            "name": case.name,
            "author": case.author,
            "to": case.to,
            "subject": SUBJECT,
            "message_id": message_id(case),
            "attachment": ATTACHMENT,
            "bytes": case.bytes,
            "copies": case.copies,
            "auto": case.name == "tls",
        }
        for case in cases
    ]
    stack.python(SEND, json.dumps(asked))


@pytest.fixture(scope="module")
def sent(
    postfix: Postfix, authority: Authority, migrated_sqlite: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Stack:
    """An installation with a server for every case, after one delivery of everything that the cases send."""
    stack = Stack(tmp_path_factory.mktemp("postfix") / "stack", MAIL_BACKOFF_SECONDS=3600)
    stack.copy_database(migrated_sqlite)
    cases = [*ARRIVING, *STAYING, *BLOCKING, FEW]
    configure(stack, [server_entry(case, postfix, authority) for case in cases])
    send(stack, *cases)
    stack.manage("mail_work", "--until-empty")
    return stack


def configure(stack: Stack, servers: list[dict[str, Any]]) -> None:
    file = Path(stack.folder / "configuration.json")
    file.write_text(json.dumps({"servers": servers}))
    stack.manage_json("mail_config", "import", str(file))


def fates(stack: Stack, case: Case) -> list[tuple[Any, ...]]:
    """(state, cause, reply code) of the case's mails."""
    query = """SELECT m.state, m.cause, m.reply_code FROM mail_mail m JOIN mail_server s ON s.id = m.asked_server_id
               WHERE s.name = %s"""
    return stack.sql(query, case.name)


def by_name(cases: list[Case]) -> Callable[..., Any]:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@by_name(ARRIVING)
def test_a_mail_arrives_whole(sent: Stack, postfix: Postfix, case: Case) -> None:
    assert fates(sent, case) == [("sent", "", None)]
    (delivered,) = postfix.wait_for(case.to)
    message = delivered.message

    assert delivered.return_path == case.author
    assert not message.defects
    assert_headers(message, case)
    assert_parts(message)
    assert_bytes(delivered)
    assert message.get("Auto-Submitted") == ("auto-generated" if case.name == "tls" else None)


def assert_headers(message: EmailMessage, case: Case) -> None:
    (author,) = message["From"].addresses
    (recipient,) = message["To"].addresses
    assert (author.display_name, author.addr_spec) == ("Mª José Ñíguez, de Levante", case.author)
    assert (recipient.display_name, recipient.addr_spec) == ("Julia Ferrer Pérez", case.to)
    assert message["Subject"] == SUBJECT
    assert message["Date"].datetime.tzinfo is not None
    # Threads live by these: they arrive in one line, as they were made.
    assert message["Message-ID"] == message_id(case)
    assert message["References"] == "<root.of.a.thread@miempresa.test>"
    assert [name for name in ("Cc", "Bcc", "Return-Receipt-To", "X-Mailer") if name in message] == []


def assert_parts(message: EmailMessage) -> None:
    text, html = message.get_body(["plain"]), message.get_body(["html"])
    assert text
    assert html
    assert text.get_content().splitlines() == ["Buenos días:", "", ".un punto al principio", "From here"]
    assert "<strong>¿de acuerdo?</strong>" in html.get_content()
    (image,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert (image["Content-ID"], image.get_content_disposition()) == ("<logo@miempresa.test>", "inline")
    (pdf,) = [part for part in message.walk() if part.get_content_type() == "application/pdf"]
    assert (pdf.get_filename(), pdf.get_content_disposition()) == (ATTACHMENT, "attachment")
    assert pdf.get_content() == bytes(range(256))


def assert_bytes(delivered: Delivered) -> None:
    head, _, body = delivered.data.partition(b"\n\n")
    assert max(map(len, delivered.data.split(b"\n"))) <= 998
    assert body.isascii()
    # Addresses beyond ASCII travel as they are (RFC 6532); everything else is encoded.
    assert head.isascii() or not delivered.recipient.isascii()


@by_name(STAYING)
def test_a_refused_mail_lands_in_its_state_with_its_cause(sent: Stack, postfix: Postfix, case: Case) -> None:
    assert fates(sent, case) == [(case.state, case.cause, case.code)]
    assert postfix.mails_to(case.to) == []


@by_name(BLOCKING)
def test_what_a_person_must_mend_blocks_the_server_and_its_mail_waits(sent: Stack, case: Case) -> None:
    assert [row[0] for row in fates(sent, case)] == ["queued"] * case.copies
    assert (case.cause, case.code) in [row[1:] for row in fates(sent, case)]
    assert sent.sql("SELECT blocked_cause FROM mail_server WHERE name = %s", case.name) == [(case.cause,)]


def test_a_wrong_password_is_tried_once(sent: Stack, postfix: Postfix) -> None:
    tried = "SELECT count(*) FROM mail_attempt WHERE server_name = %s AND phase = %s"
    assert sent.sql(tried, "wrong-password", "auth") == [(1,)]
    assert postfix.whole_log().count("authentication failed") == 1


def test_mail_behind_a_blocked_server_leaves_once_it_is_mended(
    sent: Stack, postfix: Postfix, authority: Authority
) -> None:
    case = next(case for case in BLOCKING if case.name == "wrong-password")
    configure(sent, [{**server_entry(case, postfix, authority), "password": USERS[ALICE]}])

    sent.manage("mail_work", "--until-empty")

    assert fates(sent, case) == [("sent", "", None)] * case.copies
    postfix.wait_for(case.to, case.copies)


def test_a_greylisted_mail_arrives_when_it_is_sent_again(sent: Stack, postfix: Postfix) -> None:
    case = next(case for case in STAYING if case.name == "greylist")
    words = sent.sql("SELECT failure FROM mail_mail WHERE recipient_address = %s", case.to)[0][0]
    assert "Greylisted, please try again" in words

    sent.manage("mail_retry", "--server", case.name)
    sent.manage("mail_work", "--until-empty")

    assert fates(sent, case) == [("sent", "", None)]
    postfix.wait_for(case.to)


@pytest.mark.parametrize(
    ("name", "last_phase"), [("starttls-password", "mail"), ("expired", "starttls"), ("closed-port", "connect")]
)
def test_a_server_is_tested_step_by_step(sent: Stack, name: str, last_phase: str) -> None:
    done = sent.manage("mail_test", name, "--json", check=False)
    report = json.loads(done.stdout)

    assert (done.returncode == 0, report["ok"]) == (name == "starttls-password",) * 2
    assert report["steps"][-1]["phase"] == last_phase
    assert [step["ok"] for step in report["steps"][:-1]] == [True] * (len(report["steps"]) - 1)


def test_a_limited_server_gets_the_rest_later(sent: Stack, postfix: Postfix, authority: Authority) -> None:
    case = Case("limited", "limited", copies=5)
    configure(sent, [server_entry(case, postfix, authority)])
    send(sent, case)

    sent.manage("mail_work", "--until-empty")

    told, spared = ("queued", "rate_limited", 450), ("queued", "", None)
    first, second, *others = sorted(fates(sent, case), key=str)
    assert others == [("sent", "", None)] * 3
    # Whoever is not on the wire yet when the server finds it too much is spared the refusal.
    assert (first, second) in {(told, told), (spared, told)}
    slowed = "SELECT count(*) FROM mail_server WHERE name = %s AND slowed_until IS NOT NULL"
    assert sent.sql(slowed, case.name) == [(1,)]
    assert len(postfix.wait_for(case.to, 3)) == 3


def test_mail_waits_for_the_few_connections_that_are_allowed(sent: Stack, postfix: Postfix) -> None:
    assert fates(sent, FEW) == [("sent", "", None)] * FEW.copies
    postfix.wait_for(FEW.to, FEW.copies)
    assert "Connection concurrency limit exceeded" in postfix.whole_log()
    # Nobody was refused, and nothing is held against the server.
    outcomes = "SELECT outcome, count(*) FROM mail_attempt WHERE server_name = %s GROUP BY outcome"
    assert sent.sql(outcomes, FEW.name) == [("accepted", FEW.copies)]
    at_rest = "SELECT failures, slowed_until, resting_until FROM mail_server WHERE name = %s"
    assert sent.sql(at_rest, FEW.name) == [(0, None, None)]
