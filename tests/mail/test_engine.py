"""The engine when things go wrong around it: none of it may lose a mail, tell a lie about one, or end the engine."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from mail import attachments, claiming, engine, planning, queue, replanning, rounds
from mail.claiming import Claimed, Hands
from mail.engine import Engine
from mail.models import Attempt, Content, Lane, Mail, Options, Server
from mail.settling import Fate, ServerNews, Settlement, Try, settle_all
from tests.lab.waiting import eventually
from tests.mail.conftest import MakeMails, deliver_all
from tests.mail.smtp_client import Doubles
from tests.smtp_double import SmtpDouble

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)
MakeServer = Callable[..., Server]
MakeContent = Callable[..., Content]


def many(number: int) -> list[str]:
    return [f"r{index}@levante.example" for index in range(number)]


def claim_all(lane: str = Lane.TRANSACTIONAL) -> list[Claimed]:
    return claiming.claim(lane, owner="me", hands=Hands())


def take(*lanes: str, hands: Hands | None = None) -> rounds.Round:
    return rounds.take(lanes, owner="me", hands=hands or Hands(lanes))


@contextmanager
def running(*lanes: str) -> Iterator[Engine]:
    """An engine in threads of its own, as a worker has it."""
    worker = Engine(lanes or Lane.values)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def states() -> set[str]:
    return set(Mail.objects.values_list("state", flat=True))


# -- Servers in trouble ------------------------------------------------------------------------------


def test_a_wrong_password_is_tried_once_even_when_everything_is_urgent(
    make_server: MakeServer, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    smtp_double.users["ana"] = "right"
    server = make_server(smtp_double, authentication="password", username="ana")
    server.set_password("wrong")
    server.save()
    make_mails(*many(12))
    queue.retry(Mail.objects.all())

    deliver_all()

    assert smtp_double.log_ins == 1
    assert states() == {"queued"}


@in_threads
def test_a_first_mail_whose_answer_takes_long_does_not_hold_up_the_others(
    server: Server, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    smtp_double.hang("FINAL", times=1)
    make_mails(*many(5))

    with running():
        smtp_double.wait_for(4)
        eventually(lambda: Mail.objects.filter(state="sent").count() == 4)
        smtp_double.stop()


def test_a_server_that_takes_few_connections_is_in_no_trouble(
    make_server: MakeServer, smtp_doubles: Doubles, make_mails: MakeMails
) -> None:
    double = smtp_doubles(connections_at_most=2)
    server = make_server(double, max_connections=6)
    make_mails(*many(40))

    deliver_all()

    assert len(double.mails) == 40
    assert double.turned_away
    # The mail waited for a free connection: nothing failed, and nothing is held against the server.
    assert set(Attempt.objects.values_list("outcome", flat=True)) == {"accepted"}
    server.refresh_from_db()
    assert (server.failures, server.slowed_until, server.resting_until) == (0, None, None)


def test_a_server_that_takes_no_connection_is_left_alone_for_a_while(
    make_server: MakeServer, smtp_doubles: Doubles, make_mails: MakeMails
) -> None:
    double = smtp_doubles(connections_at_most=0)
    server = make_server(double, max_connections=6)
    make_mails(*many(10))

    deliver_all()

    assert double.connections == 1
    server.refresh_from_db()
    assert server.slowed_until is not None
    assert states() == {"queued"}


def test_what_is_queued_while_its_server_rests_goes_by_the_next_one(
    make_server: MakeServer, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    make_server(smtp_double, name="Resting", priority=1, resting_until=now() + timedelta(minutes=5), failures=3)
    other = make_server(smtp_double, name="Other", priority=2)
    [mail] = make_mails()

    deliver_all()

    assert mail.attempts.get().server_id == other.pk


def test_nothing_falls_back_on_a_server_that_rests(
    make_server: MakeServer, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    smtp_double.answer("MAIL", "421 4.3.2 Closing", times=1)
    make_server(smtp_double, name="First", priority=1)
    make_server(smtp_double, name="Resting", priority=2, resting_until=now() + timedelta(minutes=5), failures=3)
    make_server(smtp_double, name="Third", priority=3)
    [mail] = make_mails()

    deliver_all()

    assert [attempt.server_name for attempt in mail.attempts.all()] == ["First", "Third"]


def test_one_mail_that_a_server_stumbles_over_does_not_make_the_server_rest(
    server: Server, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    smtp_double.close("DATA")
    [mail] = make_mails()
    for _ in range(4):
        deliver_all()
        Mail.objects.update(due_at=now() - timedelta(seconds=1))

    server.refresh_from_db()
    assert mail.attempts.count() == 4
    assert (server.failures, server.resting_until) == (1, None)


# -- Rows that change or vanish meanwhile ------------------------------------------------------------


@in_threads
def test_a_server_deleted_while_its_mail_is_on_the_way_leaves_the_outcome_written(
    server: Server, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    smtp_double.delay("FINAL", 1, times=1)
    smtp_double.answer("RCPT", "421 4.3.2 Closing", address="r1@levante.example")
    make_mails(*many(2))

    with running():
        eventually(lambda: "DATA" in [command.upper() for command in smtp_double.commands])
        Server.objects.get().delete()
        eventually(lambda: states() == {"sent", "failed"}, says=lambda: str(states()))

    accepted = Attempt.objects.get(outcome="accepted")
    assert (accepted.server_id, accepted.server_name) == (None, "Corporativo")
    assert Mail.objects.get(state="failed").cause == "no_server"


def test_one_outcome_that_cannot_be_written_does_not_hold_up_the_others(server: Server, make_mails: MakeMails) -> None:
    good, bad = make_mails(*many(2))
    claimed = {mail.id: mail for mail in claim_all()}
    story = Try("accepted", server.pk, server.name, started_at=now(), seconds=0.1)
    beyond = Try("accepted", server.pk, server.name, started_at=now(), seconds=0.1, reply_code=-1)

    settle_all(
        [
            Settlement(claimed[bad.pk], Fate.SENT, (beyond,)),
            Settlement(claimed[good.pk], Fate.SENT, (story,)),
        ],
        [ServerNews(server.pk + 1, failed=True)],
    )

    assert states() == {"sent"}
    assert Attempt.objects.get().mail_id == good.pk


def test_a_worker_does_not_give_up_what_it_has_in_hand_itself(server: Server, make_mails: MakeMails) -> None:
    mine, lost = make_mails(*many(2))
    claim_all()
    Mail.objects.update(lease_until=now() - timedelta(seconds=1))

    assert claiming.recover(but=[mine.pk]) == 1

    assert Mail.objects.get(state="queued").pk == lost.pk


# -- Contents ----------------------------------------------------------------------------------------


def test_a_file_that_is_gone_is_named_and_the_mail_goes_once_it_is_back(
    server: Server, make_content: MakeContent, make_mails: MakeMails
) -> None:
    content = make_content()
    stored = attachments.store(ContentFile(b"%PDF-1.4"), name="oferta.pdf")
    content.attachments.add(stored)
    path = stored.blob.file.name
    default_storage.delete(path)
    gone, other = make_mails(content=content) + make_mails(content=make_content())

    deliver_all()

    gone.refresh_from_db()
    other.refresh_from_db()
    assert (gone.state, gone.cause, gone.failure) == ("failed", "file_gone", "oferta.pdf")
    assert other.state == "sent"

    default_storage.save(path, ContentFile(b"%PDF-1.4"))
    gone.retry()
    deliver_all()
    gone.refresh_from_db()
    assert gone.state == "sent"


def test_a_storage_with_a_bad_moment_is_asked_again(
    server: Server, make_content: MakeContent, make_mails: MakeMails
) -> None:
    content = make_content()
    stored = attachments.store(ContentFile(b"%PDF-1.4"), name="oferta.pdf")
    content.attachments.add(stored)
    path = stored.blob.file.name
    default_storage.delete(path)
    default_storage.save(f"{path}/x", ContentFile(b""))  # a folder in its place: an error, but not "not found"
    [mail] = make_mails(content=content)

    deliver_all()

    mail.refresh_from_db()
    assert (mail.state, mail.cause) == ("queued", "files_unreadable")
    assert mail.due_at > now()


def test_a_content_that_cannot_be_read_fails_alone(
    server: Server, make_content: MakeContent, make_mails: MakeMails
) -> None:
    [broken] = make_mails(content=make_content(extra_headers=5))
    [good] = make_mails(content=make_content())

    deliver_all()

    broken.refresh_from_db()
    good.refresh_from_db()
    assert (broken.state, broken.cause) == ("failed", "internal")
    assert good.state == "sent"


def test_a_secret_that_was_erased_is_not_sent_as_an_empty_mail(
    server: Server, smtp_double: SmtpDouble, make_content: MakeContent, make_mails: MakeMails
) -> None:
    [mail] = make_mails(content=make_content(sensitive=True, html=""))

    deliver_all()

    mail.refresh_from_db()
    assert (mail.state, mail.cause) == ("failed", "content_forgotten")
    assert not smtp_double.mails


@in_threads
def test_large_mails_are_not_all_in_memory_at_once(
    server: Server,
    smtp_double: SmtpDouble,
    make_content: MakeContent,
    make_mails: MakeMails,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mail.bodies.MOST_BYTES", 50_000)
    for number in range(4):
        content = make_content()
        content.attachments.add(attachments.store(ContentFile(b"%d" % number * 20_000), name="plano.bin"))
        make_mails(f"c{number}@acme.example", content=content)
    smtp_double.delay("FINAL", 0.05)

    with running():
        eventually(lambda: states() == {"sent"})

    assert smtp_double.most_open == 1


# -- Lanes -------------------------------------------------------------------------------------------


def test_both_lanes_together_take_no_more_than_twice_the_connections(
    make_server: MakeServer, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    make_server(smtp_double, max_connections=4)
    make_mails(*many(20))
    make_mails(*many(20), lane="mass")

    assert len(take("transactional", "mass").jobs) == 8


def test_mass_mail_leaves_connections_for_what_a_person_waits_for(
    make_server: MakeServer, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    make_server(smtp_double, max_connections=4)
    make_mails(*many(20), lane="mass")
    hands = Hands(("transactional", "mass"))

    assert len(take("transactional", "mass", hands=hands).jobs) == 2
    make_mails(*many(20))
    assert len(take("transactional", "mass", hands=hands).jobs) == 6
    assert len(take("mass").jobs) == 8  # a worker of its own uses them all


@in_threads
@pytest.mark.parametrize("was_blocked", [False, True])
def test_an_old_password_blocks_no_server_whose_password_was_corrected(
    make_server: MakeServer, smtp_double: SmtpDouble, make_mails: MakeMails, was_blocked: bool
) -> None:
    smtp_double.users["ana"] = "right"
    server = make_server(smtp_double, authentication="password", username="ana")
    server.set_password("wrong")
    server.save()
    smtp_double.delay("AUTH", 1.5, times=1)
    [mail] = make_mails()

    with running():
        eventually(lambda: smtp_double.log_ins == 1)
        if was_blocked:  # by another worker
            server.block(cause="credentials_wrong", reply="535")
        server.set_password("right")
        server.save()
        server.unblock()
        # What the old password led to is written down after that.
        eventually(lambda: mail.attempts.exists())
        eventually(lambda: states() == {"sent"})

    server.refresh_from_db()
    assert server.blocked_cause == ""
    assert [attempt.cause for attempt in mail.attempts.order_by("pk")] == ["credentials_wrong", ""]


@in_threads
def test_a_failure_from_before_a_server_was_mended_does_not_block_it_again(
    make_server: MakeServer, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    smtp_double.users["ana"] = "not yet known there"
    server = make_server(smtp_double, authentication="password", username="ana")
    server.set_password("right")
    server.save()
    smtp_double.delay("AUTH", 1.5, times=1)
    [mail] = make_mails()

    with running():
        eventually(lambda: smtp_double.log_ins == 1)
        # Somebody mends the server itself, and it tests well: nothing of what we know of it changes.
        smtp_double.users["ana"] = "right"
        server.unblock()
        eventually(lambda: mail.attempts.exists())
        eventually(lambda: states() == {"sent"})
    server.refresh_from_db()
    assert server.blocked_cause == ""

    # What goes wrong after that does.
    smtp_double.users["ana"] = "changed again"
    make_mails()
    with running():
        eventually(lambda: Server.objects.filter(blocked_cause="credentials_wrong").exists())


# -- Planning anew -----------------------------------------------------------------------------------


def test_planning_thousands_anew_takes_few_queries_and_goes_by_batches(
    make_server: MakeServer, smtp_double: SmtpDouble, make_mails: MakeMails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replanning, "BATCH", 200)
    server = make_server(smtp_double)
    make_mails(*many(300))
    better = make_server(smtp_double, name="Better", priority=1)

    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert replanning.plan_anew(planning.snapshot()) == 200
    assert len(asked) < 25
    # What is not planned yet waits for it, rather than going the old way.
    assert {
        mail.server_id
        for mail in claiming.claim("transactional", owner="me", hands=Hands(), plan_version=Options.load().version)
    } == {better.pk}
    assert replanning.plan_anew(planning.snapshot()) == 100
    assert replanning.plan_anew(planning.snapshot()) == 0
    assert not Mail.objects.filter(server=server).exists()


@in_threads
def test_an_idle_round_writes_nothing(server: Server, make_mails: MakeMails) -> None:
    make_mails(due_at=now() + timedelta(hours=1))
    take("transactional", "mass")

    with CaptureQueriesContext(connection) as asked:
        take("transactional", "mass")

    statements = [query["sql"] for query in asked.captured_queries]
    assert all(statement.startswith("SELECT") for statement in statements), statements
    assert len(statements) <= 6


# -- The engine's life -------------------------------------------------------------------------------


@in_threads
def test_the_engine_goes_on_after_a_round_that_failed(
    server: Server, make_mails: MakeMails, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "POLL_SECONDS", 0.1)
    make_mails()
    settings.MAIL_SERVER_URL = "nonsense://"

    with running() as worker:
        eventually(lambda: any(thread.name == "mail-loop" for thread in threading.enumerate()))
        worker.wake()
        settings.MAIL_SERVER_URL = ""
        eventually(lambda: states() == {"sent"})


def test_a_command_that_waits_for_an_empty_queue_tells_why_it_never_will_be(
    server: Server, make_mails: MakeMails, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "WAITS", (0.01,))
    make_mails()
    settings.MAIL_SERVER_URL = "nonsense://"

    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL"):
        deliver_all()

    assert states() == {"queued"}


@in_threads
@pytest.mark.parametrize(("point", "outcome"), [("FINAL", "uncertain"), ("RCPT", None)])
def test_a_stopped_worker_says_of_what_it_drops_whether_it_may_have_arrived(
    server: Server,
    smtp_double: SmtpDouble,
    make_mails: MakeMails,
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    outcome: str | None,
) -> None:
    monkeypatch.setattr(engine, "DRAIN_SECONDS", 0.1)
    smtp_double.hang(point)
    [mail] = make_mails()

    with running():
        last = {"FINAL": "DATA", "RCPT": "RCPT"}[point]
        eventually(lambda: any(command.upper().startswith(last) for command in smtp_double.commands))

    mail.refresh_from_db()
    assert mail.state == "queued"
    assert [attempt.outcome for attempt in mail.attempts.all()] == ([outcome] if outcome else [])
    assert (mail.uncertain, mail.cause) == ((1, "worker_stopped") if outcome else (0, ""))
