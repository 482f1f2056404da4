"""Postfix asks for a certificate: whom it lets in, and what becomes of the mail of all others."""

import json
from typing import Any

import pytest

from tests.lab.ca import Authority, Certificate
from tests.lab.postfix import Postfix
from tests.lab.stack import Stack
from tests.peers.test_postfix import STARTTLS, TLS, Case, configure, fates, send, server_entry

pytestmark = pytest.mark.peers

ARRIVING = [Case("own-starttls", "certificate", STARTTLS), Case("own-tls", "certificates", TLS)]
# 421 is "come back later" whatever Postfix says beside it: the server is not stopped, and its mail is red and waits.
STAYING = [
    Case("unknown", "certificate", STARTTLS, state="queued", cause="client_certificate_refused", code=421),
    Case("none", "certificate", STARTTLS, state="queued", cause="client_certificate_refused", code=421),
    Case("unlisted", "certificate", STARTTLS, state="failed", cause="policy_refused", code=554),
]
STOPPED = [
    Case("expired", "certificates", TLS, copies=3, cause="client_certificate_expired"),
    Case("wrong-key", "certificate", STARTTLS, copies=3, cause="client_certificate_invalid"),
]
# What no form and no file would store: the certificate was good then, or the key was lost and mended by hand.
SPOIL = """
import json, sys
from mail.fields import encrypt
from mail.models import Server

for name, (certificate, key) in json.loads(sys.argv[1]).items():
    Server.objects.filter(name=name).update(client_certificate=certificate, client_key=encrypt(key))
"""


def shown(case: Case, authority: Authority) -> dict[str, Any]:
    """What the server of this case is configured with: always a pair that is good."""
    if case.name == "none":
        return {}
    stranger = Authority(authority.folder / "strange-client", "Somebody else's CA")
    pair = {"unknown": stranger.other_client, "unlisted": authority.other_client}.get(case.name, authority.client)
    return {
        "authentication": "certificate",
        "client_certificate": pair.pem,
        "client_key": pair.key.read_text(),
    }


@pytest.fixture(scope="module")
def sent(
    postfix: Postfix, authority: Authority, migrated_sqlite: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Stack:
    stack = Stack(tmp_path_factory.mktemp("certificates") / "stack", MAIL_BACKOFF_SECONDS=3600)
    stack.copy_database(migrated_sqlite)
    cases = [*ARRIVING, *STAYING, *STOPPED]
    configure(stack, [server_entry(case, postfix, authority) | shown(case, authority) for case in cases])
    old, own = authority.issue("old-client", days=(-20, -10), purpose="client"), authority.client
    mixed = [own.pem, authority.other_client.key.read_text()]
    stack.python(SPOIL, json.dumps({"expired": _pair(old), "wrong-key": mixed}))
    send(stack, *cases)
    stack.manage("mail_work", "--until-empty")
    return stack


def _pair(one: Certificate) -> list[str]:
    return [one.pem, one.key.read_text()]


@pytest.mark.parametrize("case", ARRIVING, ids=lambda case: case.name)
def test_who_is_listed_is_let_in(sent: Stack, postfix: Postfix, case: Case) -> None:
    assert fates(sent, case) == [("sent", "", None)]
    (delivered,) = postfix.wait_for(case.to)
    assert delivered.return_path == case.author


@pytest.mark.parametrize("case", STAYING, ids=lambda case: case.name)
def test_the_mail_of_all_others_stays(sent: Stack, postfix: Postfix, case: Case) -> None:
    assert fates(sent, case) == [(case.state, case.cause, case.code)]
    assert postfix.mails_to(case.to) == []


@pytest.mark.parametrize("case", STOPPED, ids=lambda case: case.name)
def test_what_cannot_be_shown_stops_the_server_at_once(sent: Stack, case: Case) -> None:
    tried, *others = fates(sent, case)
    assert tried == ("queued", case.cause, None)
    assert others == [("queued", "", None)] * 2
    assert sent.sql("SELECT blocked_cause FROM mail_server WHERE name = %s", case.name) == [(case.cause,)]


def test_no_key_is_written_down_in_the_clear(sent: Stack, authority: Authority) -> None:
    secret = authority.client.key.read_text().splitlines()[1]
    kept = [path for path in sent.folder.rglob("*") if path.is_file() and path.name != "configuration.json"]
    assert kept
    assert [path for path in kept if secret.encode() in path.read_bytes()] == []
