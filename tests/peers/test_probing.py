"""The test of a server against real ones: what it finds, it finds before any mail is lost."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from mail.endpoint import Endpoint
from mail.probing import ProbeReport, Sender, Trial, probe_now
from tests.lab import exim as other_make
from tests.lab.ca import Authority
from tests.lab.exim import Exim
from tests.lab.postfix import USERS, Postfix

pytestmark = pytest.mark.peers
ALICE, BOB = "alice@lab.test", "bob@lab.test"


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def probed(postfix: Postfix, authority: Authority) -> Any:
    """Tests a listener of Postfix."""

    def probe(listener: str, *senders: str, recipient: str = "", sends: bool = False, **changes: Any) -> ProbeReport:
        where = {"host": postfix.host, "port": postfix.ports[listener], "ca_certificate": authority.pem}
        trial = Trial(Endpoint(**{**where, **changes}), tuple(map(Sender, senders)), 0, recipient, sends)
        return probe_now(trial)

    return probe


def logged_in(user: str = ALICE, password: str = "") -> dict[str, str]:
    return {"security": "starttls", "username": user, "password": password or USERS[user]}


def test_a_sender_that_is_not_the_accounts_is_found_before_any_mail_is_lost(probed: Any, postfix: Postfix) -> None:
    report = probed("submission", ALICE, BOB, recipient="probed@example.test", **logged_in())

    assert report.refused == [BOB]
    assert "not owned by user" in next(step.detail for step in report.steps if step.address == BOB)
    assert report.narrow_filter == report.account == ALICE
    assert report.steps[-1].phase == "rcpt"
    assert report.steps[-1].ok
    assert postfix.mails_to("probed@example.test") == []


def test_it_is_found_without_a_recipient_too(probed: Any) -> None:
    assert probed("submission", ALICE, BOB, **logged_in()).refused == [BOB]


def test_a_mail_is_sent_when_it_is_asked_for(probed: Any, postfix: Postfix) -> None:
    report = probed("submission", ALICE, recipient="tested@example.test", sends=True, **logged_in())

    (mail,) = postfix.wait_for("tested@example.test")
    assert report.ok
    assert mail.return_path == ALICE
    assert mail.message["Message-ID"] == report.steps[-1].message_id
    assert "It left as alice@lab.test and has arrived" in mail.data.decode()


@pytest.mark.parametrize(
    ("listener", "changes", "cause", "fix"),
    [
        ("bare", {"security": "starttls"}, "starttls_missing", "takes it away"),
        ("wrong_host", {"security": "starttls"}, "certificate_name", "The certificate is for mail.elsewhere.test"),
        ("expired", {"security": "starttls"}, "certificate_expired", "expired 10 days ago"),
        ("untrusted", {"security": "tls"}, "certificate_untrusted", "private CA"),
        ("tls", {"security": "tls", "ca_certificate": ""}, "certificate_untrusted", "private CA"),
        ("plain", {"security": "tls"}, "tls_not_spoken", "This port begins without encryption and offers STARTTLS"),
        ("submission", logged_in(password="wrong"), "credentials_wrong", "application password"),
        ("starttls", logged_in(), "auth_unavailable", "no authentication"),
    ],
)
def test_each_failure_brings_its_fix(probed: Any, listener: str, changes: dict[str, Any], cause: str, fix: str) -> None:
    report = probed(listener, ALICE, **changes)

    assert not report.connects
    assert report.steps[-1].cause == cause
    assert fix in report.steps[-1].fix


def test_a_port_that_speaks_tls_already(probed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mail.probing.STEP_SECONDS", 1)

    assert "choose SSL/TLS" in probed("tls", ALICE).steps[-1].fix


def test_a_server_of_another_make(exim: Exim, authority: Authority) -> None:
    where = {"host": exim.host, "port": exim.port, "ca_certificate": authority.pem}
    good = Endpoint(**where, **logged_in(password=other_make.PASSWORD))
    bad = Endpoint(**where, **logged_in(password="wrong"))

    wrong = probe_now(Trial(bad, (Sender(ALICE),)))
    refused = probe_now(Trial(good, (Sender(ALICE), Sender(BOB)), recipient="nobody@lab.test", sends=True))
    sent = probe_now(Trial(good, (Sender(ALICE),), recipient="julia@lab.test", sends=True))

    assert wrong.steps[-1].cause == "credentials_wrong"
    assert wrong.steps[-1].detail == "535 Incorrect authentication data"
    assert refused.refused == [BOB]
    assert refused.steps[-1].cause == "recipient_unknown"
    assert sent.ok
    assert exim.wait_for(sent.steps[-1].message_id)["From"] == ALICE
