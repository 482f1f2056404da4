"""Two worker processes that log in by OAuth: one token for both, renewed once, taken back, and given again."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.lab.ca import Authority
from tests.lab.fixtures import StartStack
from tests.lab.identity import CLIENT_SECRET, Identity
from tests.lab.stack import Stack
from tests.lab.waiting import eventually
from tests.peers.installation import FILL, fill
from tests.smtp_double import SmtpDouble

pytestmark = pytest.mark.peers

CONNECT = """
import sys
from mail import oauth_tokens
from mail.models import Options, Server
from mail.oauth import Tokens
from mail.releasing import release

port, user, ca, access, refresh = sys.argv[1:]
Options.objects.update_or_create(pk=1, defaults={"custom_servers": True})
server, _ = Server.objects.get_or_create(name="Gmail", defaults={
    "host": "127.0.0.1", "port": int(port), "security": "starttls", "authentication": "google", "username": user,
    "ca_certificate": open(ca).read(), "max_connections": 2,
})
oauth_tokens.keep(server, Tokens(access, refresh, 3600, "mail", user), None)
release(server)
"""
# One process less to wait for.
CONNECT_AND_FILL = f"{CONNECT}\nsys.argv[1:] = ['440', '20']\n{FILL}"


def connect(stack: Stack, double: SmtpDouble, identity: Identity, authority: Authority, code: str = CONNECT) -> None:
    """What the callback does when a person comes back from the provider."""
    place = str(double.port), identity.account, str(authority.certificate)
    stack.python(code, *place, *identity.grant())


def test_two_workers_renew_once_and_wait_for_a_person_when_it_is_taken_back(
    start_stack: StartStack,
    smtp_doubles: Callable[..., SmtpDouble],
    identity: Identity,
    authority: Authority,
) -> None:
    tls = authority.server.server_context()
    double = smtp_doubles(security="starttls", tls=tls, accepts_token=identity.accepts)
    stack = start_stack("postgres", LOG_LEVEL="DEBUG", MAIL_BACKOFF_SECONDS=1, **identity.environment)
    connect(stack, double, identity, authority, CONNECT_AND_FILL)
    double.delay("FINAL", 0.02)
    identity.slowness = 0.3  # so that the others want one while the first asks
    workers = [stack.worker(name=name) for name in ("one", "two")]

    # The token ends in the middle. Connections that are logged in go on; each carries a hundred mails, and the
    # next ones need another token.
    double.wait_for(60)
    identity.end_access()
    eventually(lambda: stack.states() == {"sent": 440}, deadline=60, says=lambda: str(stack.states()))

    assert identity.refreshes == 1
    assert Counter(mail.recipients[0] for mail in double.mails) == Counter(f"customer{n}@acme.test" for n in range(440))
    assert len(set(double.tokens)) == 2
    assert stack.sql("SELECT count(DISTINCT worker), count(*) FROM mail_attempt") == [(2, 440)]

    # Taken back, as with a changed password: the server stops, and what waits is red.
    double.stop()
    identity.revoke()
    double.start()
    fill(stack, 20)
    stopped = "SELECT blocked_cause FROM mail_server WHERE name = 'Gmail'"
    eventually(lambda: stack.sql(stopped) == [("reconnect_needed",)], deadline=20)
    eventually(lambda: stack.states() == {"sent": 440, "queued": 20}, says=lambda: str(stack.states()))
    assert stack.sql("SELECT DISTINCT cause FROM mail_mail WHERE state = 'queued' AND tries > 0") == [
        ("reconnect_needed",)
    ]
    assert stack.sql("SELECT failure FROM mail_grant") == [("invalid_grant",)]
    assert identity.refreshes == 2

    # A person connects again, and does nothing else.
    connect(stack, double, identity, authority)
    eventually(lambda: stack.states() == {"sent": 460}, deadline=20, says=lambda: str(stack.states()))
    assert identity.refreshes == 2

    told = "".join(worker.output() for worker in workers) + str(stack.sql("SELECT * FROM mail_grant"))
    told += str(stack.sql("SELECT reply_text, explanation FROM mail_attempt"))
    assert len(identity.issued) == 6
    assert not [secret for secret in [*identity.issued, CLIENT_SECRET] if secret in told]
