"""What people do with the queue, and how it is entered."""

from collections.abc import Callable
from datetime import timedelta
from email.utils import getaddresses, parseaddr

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives, send_mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st

from daeris.documents.models import Opportunity
from mail import backend, claiming, queue
from mail.backend import SENSITIVE_HEADER
from mail.claiming import Hands
from mail.models import Attempt, Content, Mail, Server
from mail.models.mail import MailQuerySet
from tests.mail.conftest import MakeMails, deliver_all
from tests.smtp_double import SmtpDouble

pytestmark = pytest.mark.django_db

STATES = list(Mail.State.values)


def put(mail: Mail, state: str) -> None:
    """Put a mail into a state as if it had got there."""
    lease = now() + timedelta(minutes=1) if state == "sending" else None
    Mail.objects.filter(pk=mail.pk).update(state=state, lease_until=lease, cause="" if state == "sent" else "refused")


@pytest.mark.parametrize(
    ("state", "after_retry", "after_cancel"),
    [
        ("queued", "queued", "cancelled"),
        ("sending", "sending", "sending"),
        ("sent", "sent", "sent"),
        ("failed", "queued", "cancelled"),
        ("cancelled", "queued", "cancelled"),
        ("bounced", "queued", "bounced"),
    ],
)
def test_retry_and_cancel_move_only_what_may_move(
    server: Server, make_mails: MakeMails, state: str, after_retry: str, after_cancel: str
) -> None:
    retried, cancelled = make_mails("a@levante.example", "b@levante.example")
    put(retried, state)
    put(cancelled, state)

    assert queue.retry(Mail.objects.filter(pk=retried.pk)) == (after_retry != state or state == "queued")
    assert queue.cancel(Mail.objects.filter(pk=cancelled.pk)) == (after_cancel != state)

    retried.refresh_from_db()
    cancelled.refresh_from_db()
    assert (retried.state, cancelled.state) == (after_retry, after_cancel)


def test_one_mail_and_many_move_alike(server: Server, make_mails: MakeMails) -> None:
    for state in STATES:
        alone, among = make_mails("a@levante.example", "b@levante.example")
        put(alone, state)
        put(among, state)
        alone.refresh_from_db()

        assert alone.retry() == bool(queue.retry(Mail.objects.filter(pk=among.pk)))

        among.refresh_from_db()
        assert (alone.state, alone.urgent, alone.cause) == (among.state, among.urgent, among.cause)


def test_a_retry_holds_nothing_against_the_mail(server: Server, make_mails: MakeMails) -> None:
    [mail] = make_mails()
    Mail.objects.filter(pk=mail.pk).update(
        state="failed", cause="mailbox_unknown", failure="550 5.1.1", reply_code=550, tries=7, uncertain=2
    )

    queue.retry(Mail.objects.all())

    mail.refresh_from_db()
    assert (mail.cause, mail.failure, mail.reply_code, mail.tries, mail.uncertain) == ("", "", None, 0, 0)
    assert mail.urgent
    assert not Mail.objects.red().exists()


def test_a_secret_that_is_cancelled_loses_its_words_and_cannot_be_sent_again(
    server: Server, make_mails: MakeMails, make_content: Callable[..., Content]
) -> None:
    secret, open_ = make_content(sensitive=True), make_content()
    first, last = make_mails("a@levante.example", "b@levante.example", content=secret)
    [other] = make_mails(content=open_)

    queue.cancel(Mail.objects.filter(pk__in=[first.pk, other.pk]))

    secret.refresh_from_db()
    assert secret.html, "the other copy still needs it"
    assert queue.retry(Mail.objects.filter(pk=first.pk)) == 1

    queue.cancel(Mail.objects.filter(content=secret))

    secret.refresh_from_db()
    open_.refresh_from_db()
    assert (secret.html, secret.text) == ("", "")
    assert open_.html
    assert queue.retry(Mail.objects.all()) == 1
    first.refresh_from_db()
    last.refresh_from_db()
    other.refresh_from_db()
    assert [(mail.state, mail.cause) for mail in (first, last)] == [("cancelled", "content_forgotten")] * 2
    assert (first.is_retryable, first.retry(), other.state) == (False, False, "queued")


def test_what_was_cancelled_while_others_left_is_told_when_its_words_go(
    server: Server, make_mails: MakeMails, make_content: Callable[..., Content]
) -> None:
    cancelled, _sent = make_mails("a@levante.example", "b@levante.example", content=make_content(sensitive=True))
    assert cancelled.cancel()

    deliver_all()

    cancelled.refresh_from_db()
    assert (cancelled.state, cancelled.cause) == ("cancelled", "content_forgotten")


def test_the_command_says_which_cannot_be_sent_again(
    server: Server, make_mails: MakeMails, make_content: Callable[..., Content], capsys: pytest.CaptureFixture[str]
) -> None:
    [mail] = make_mails(content=make_content(sensitive=True))
    queue.cancel(Mail.objects.all())

    call_command("mail_retry", str(mail.pk))

    assert "0 to be sent now; 1 cannot" in capsys.readouterr().out


@pytest.mark.parametrize("move", [queue.retry, queue.cancel])
def test_the_row_itself_is_asked_for_its_state(
    server: Server, make_mails: MakeMails, move: Callable[[MailQuerySet], int]
) -> None:
    # On PostgreSQL, a row that a worker took meanwhile is asked again only for what stands beside the chosen keys.
    make_mails()
    with CaptureQueriesContext(connection) as asked:
        move(Mail.objects.filter(server__blocked_cause=""))

    [statement] = [query["sql"] for query in asked.captured_queries if query["sql"].startswith("UPDATE")]
    assert '"state" IN' in statement.partition(" IN (SELECT")[0]


def test_an_address_that_is_none_fails_at_once_and_is_seen(server: Server, make_mails: MakeMails) -> None:
    good, bad = make_mails("a@levante.example", "no es una dirección")

    assert (good.state, bad.state, bad.cause) == ("queued", "failed", "recipient_invalid")


def test_a_change_of_settings_plans_waiting_mail_anew(
    make_server: Callable[..., Server], smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    first = make_server(smtp_double, name="Primero", priority=1)
    second = make_server(smtp_double, name="Segundo", priority=2)
    [mail] = make_mails()
    assert mail.server_id == first.pk

    first.active = False
    first.save(update_fields=["active"])
    deliver_all()

    mail.refresh_from_db()
    assert (mail.state, mail.server_id) == ("sent", second.pk)


def test_a_deleted_server_leaves_its_mail_to_the_others(
    make_server: Callable[..., Server], smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    first = make_server(smtp_double, name="Primero", priority=1)
    make_server(smtp_double, name="Segundo", priority=2)
    [mail] = make_mails()

    first.delete()
    deliver_all()

    mail.refresh_from_db()
    assert mail.state == "sent"


def test_a_dead_workers_mail_comes_back_as_uncertain(
    server: Server, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    [mail] = make_mails()
    [claimed] = claiming.claim("transactional", owner="dead", hands=Hands())
    assert claimed.id == mail.pk
    Mail.objects.filter(pk=mail.pk).update(lease_until=now() - timedelta(seconds=1))

    assert claiming.recover() == 1

    mail.refresh_from_db()
    assert (mail.state, mail.uncertain, mail.cause) == ("queued", 1, "worker_lost")
    assert mail.attempts.get().outcome == Attempt.Outcome.UNCERTAIN
    deliver_all()
    mail.refresh_from_db()
    assert mail.state == "sent"


def test_a_lease_that_was_taken_over_is_not_extended(server: Server, make_mails: MakeMails) -> None:
    mine, taken = make_mails("a@levante.example", "b@levante.example")
    held = {claimed.id: claimed.fence for claimed in claiming.claim("transactional", owner="me", hands=Hands())}
    Mail.objects.filter(pk=taken.pk).update(fence=held[taken.pk] + 1)

    assert claiming.extend(held) == {mine.pk}


def test_a_claim_keeps_to_the_capacity_of_each_server(
    make_server: Callable[..., Server], smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    make_server(smtp_double, max_connections=2)
    make_mails(*[f"r{number}@levante.example" for number in range(9)])
    hands = Hands()

    assert len(claiming.claim("transactional", owner="me", hands=hands)) == 4
    assert claiming.claim("transactional", owner="me", hands=hands) == []
    assert claiming.claim("mass", owner="me", hands=Hands()) == []


def test_a_mail_for_later_waits(server: Server, smtp_double: SmtpDouble, make_mails: MakeMails) -> None:
    [mail] = make_mails(due_at=now() + timedelta(hours=1))

    deliver_all()

    mail.refresh_from_db()
    assert mail.state == "queued"
    assert smtp_double.mails == []


# -- Django's own send_mail -------------------------------------------------------------------------


def test_send_mail_goes_through_the_queue(server: Server, smtp_double: SmtpDouble, settings: object) -> None:
    settings.EMAIL_BACKEND = "mail.backend.QueueBackend"  # type: ignore[attr-defined]

    assert send_mail("Hola", "Qué tal", "Ana Gil <ana@miempresa.example>", ["julia@levante.example"]) == 1
    deliver_all()

    mail = Mail.objects.get()
    assert (mail.state, mail.user_id) == ("sent", None)
    assert b"Subject: Hola" in smtp_double.mails[0].data


def test_to_and_cc_are_kept_and_bcc_is_shown_to_nobody(
    server: Server, smtp_double: SmtpDouble, settings: object
) -> None:
    settings.EMAIL_BACKEND = "mail.backend.QueueBackend"  # type: ignore[attr-defined]
    message = EmailMultiAlternatives(
        "Acta",
        "texto",
        "ana@miempresa.example",
        ["a@levante.example", "b@levante.example"],
        cc=["c@levante.example"],
        bcc=["d@levante.example"],
        reply_to=["grupo@miempresa.example"],
        headers={"X-Proyecto": "42", SENSITIVE_HEADER: "yes"},
    )
    message.attach_alternative("<p>texto</p>", "text/html")
    message.attach("acta.pdf", b"%PDF-1.4", "application/pdf")

    assert message.send() == 1
    deliver_all()

    assert len(smtp_double.mails) == 4
    assert all(b"d@levante.example" not in received.data for received in smtp_double.mails)
    data = smtp_double.mails_to("d@levante.example")[0].data
    for line in (b"To: a@levante.example, b@levante.example", b"Cc: c@levante.example", b"X-Proyecto: 42"):
        assert line in data
    assert b"Reply-To: grupo@miempresa.example" in data
    assert b"Sensitive" not in data
    assert b"acta.pdf" in data
    assert Content.objects.get().html == ""


def test_send_mail_refuses_a_line_break_in_a_header(server: Server, settings: object) -> None:
    settings.EMAIL_BACKEND = "mail.backend.QueueBackend"  # type: ignore[attr-defined]

    with pytest.raises(ValueError, match="newline"):
        EmailMessage("Hola\nBcc: x@y.example", "", "ana@miempresa.example", ["julia@levante.example"]).send()

    assert not Mail.objects.exists()


def parts(letters: str) -> st.SearchStrategy[str]:
    return st.lists(st.text(letters, min_size=1, max_size=5), min_size=1, max_size=3).map(".".join)


@given(parts("azAZ09_+-"), parts("azAZ09-"))
def test_an_address_alone_is_read_as_the_standard_library_reads_it(local: str, domain: str) -> None:
    address = f"{local}@{domain}"
    assert backend._BARE.fullmatch(address)
    assert getaddresses([address]) == [parseaddr(address)] == [("", address)]


# -- Commands ----------------------------------------------------------------------------------------


def test_a_command_without_a_selector_does_nothing_but_say_so(server: Server, make_mails: MakeMails) -> None:
    make_mails()

    for command in ("mail_retry", "mail_cancel"):
        with pytest.raises(CommandError, match="Say which mails"):
            call_command(command)

    assert Mail.objects.get().state == "queued"


def test_cancelled_mail_comes_back_only_by_its_id(
    server: Server, make_mails: MakeMails, capsys: pytest.CaptureFixture[str]
) -> None:
    failed, cancelled = make_mails("a@levante.example", "b@levante.example")
    put(failed, "failed")
    put(cancelled, "cancelled")

    call_command("mail_retry", all=True, json=True)
    assert capsys.readouterr().out.strip() == '{"retried": 1}'
    call_command("mail_retry", cancelled.pk, json=True)
    assert capsys.readouterr().out.strip() == '{"retried": 1}'


def test_mail_queue_counts_by_state_and_lane(
    server: Server, make_mails: MakeMails, capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    make_mails("a@levante.example", "b@levante.example")
    make_mails("c@levante.example", lane="mass")

    call_command("mail_queue", json=True)

    counts = json.loads(capsys.readouterr().out)
    assert (counts["queued"], counts["lanes"]["mass"]["queued"]) == (3, 1)
    assert counts["oldest_due_seconds"] >= 0


# -- Who sees what -----------------------------------------------------------------------------------


def test_nobody_sees_or_finds_what_is_not_theirs(
    server: Server, make_mails: MakeMails, alice: object, bob: object, opportunity: Opportunity
) -> None:
    [mail] = make_mails("julia@levante.example", user=bob, document=opportunity)

    assert list(Mail.objects.visible_to(alice)) == [mail]  # an administrator sees the row
    assert not Mail.objects.opened_by(alice).exists()  # and opens nothing
    assert not Mail.objects.searched("presupuesto", alice).exists()
    assert not Mail.objects.searched("levante flota", alice).exists()
    assert Mail.objects.searched("JULIA", alice).exists()
    assert Mail.objects.searched("presupuesto flota", bob).exists()
    assert Mail.objects.searched("RENOVACION flotá", bob).exists()
