"""A mail from the queue to its outcome, against a real server that does what it is told."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils.timezone import now

from mail import queue
from mail.models import Attempt, Mail, Server
from mail.signals import mail_failed, mail_sent
from tests.mail.conftest import MakeMails, deliver_all
from tests.smtp_double import SmtpDouble

pytestmark = pytest.mark.django_db


def test_a_mail_leaves_and_its_attempt_tells_everything(
    server: Server, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    [mail] = make_mails("julia@levante.example")

    deliver_all()

    mail.refresh_from_db()
    assert (mail.state, mail.cause, mail.tries) == (Mail.State.SENT, "", 1)
    [received] = smtp_double.mails
    assert received.recipients == ("julia@levante.example",)
    attempt = mail.attempts.get()
    assert attempt.outcome == Attempt.Outcome.ACCEPTED
    assert (attempt.server_id, attempt.step, attempt.reply_code) == (server.pk, "no_filter", 250)
    assert attempt.header_from == "Ana Gil <ana@miempresa.example>"
    assert attempt.envelope_from == "ana@miempresa.example"


def test_a_busy_server_is_asked_again_later(server: Server, smtp_double: SmtpDouble, make_mails: MakeMails) -> None:
    smtp_double.answer("RCPT", "451 4.7.1 Greylisted, try again later")
    [mail] = make_mails()

    deliver_all()

    mail.refresh_from_db()
    assert mail.state == Mail.State.QUEUED
    assert "Greylisted, try again later" in mail.failure
    assert mail.due_at > now()
    assert Mail.objects.red().count() == 1


def test_an_unknown_mailbox_is_given_up_at_once(server: Server, smtp_double: SmtpDouble, make_mails: MakeMails) -> None:
    smtp_double.answer("RCPT", "550 5.1.1 No such user", address="nadie@levante.example")
    good, bad = make_mails("julia@levante.example", "nadie@levante.example")

    deliver_all()

    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.state, bad.state) == (Mail.State.SENT, Mail.State.FAILED)
    assert bad.reply_code == 550
    assert bad.attempts.get().enhanced_code == "5.1.1"


def test_a_wrong_password_is_tried_once_and_blocks_the_server(
    make_server: Callable[..., Server], smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    smtp_double.users["ana"] = "right"
    server = make_server(smtp_double, authentication="password", username="ana")
    server.set_password("wrong")
    server.save()
    mails = make_mails(*[f"r{number}@levante.example" for number in range(12)])

    deliver_all()

    server.refresh_from_db()
    assert server.blocked_cause
    assert smtp_double.log_ins == 1
    assert {mail.state for mail in Mail.objects.all()} == {Mail.State.QUEUED}
    assert Mail.objects.red().count() == len(mails)
    assert Attempt.objects.count() == 1

    server.set_password("right")
    server.save()
    server.unblock()
    deliver_all()

    assert Mail.objects.filter(state=Mail.State.SENT).count() == len(mails)


def test_the_next_server_under_the_same_from_takes_over(
    make_server: Callable[..., Server], smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    dead = SmtpDouble()
    dead.start()
    dead.stop()
    first = make_server(dead, name="Dead", priority=1)
    second = make_server(smtp_double, name="Alive", priority=2)
    [mail] = make_mails()

    deliver_all()

    mail.refresh_from_db()
    assert mail.state == Mail.State.SENT
    assert [attempt.server_id for attempt in mail.attempts.all()] == [first.pk, second.pk]
    assert mail.attempts.first().outcome == Attempt.Outcome.TEMPORARY


def test_a_dead_server_is_left_alone_and_its_mail_waits_in_red(
    make_server: Callable[..., Server], make_mails: MakeMails
) -> None:
    dead = SmtpDouble()
    dead.start()
    dead.stop()
    server = make_server(dead)
    make_mails(*[f"r{number}@levante.example" for number in range(6)])

    deliver_all()

    server.refresh_from_db()
    assert server.is_resting
    assert server.trouble_since is not None
    assert Mail.objects.filter(state=Mail.State.QUEUED).count() == 6
    assert Attempt.objects.count() == 3  # the breaker opened; the others were given back untouched
    tried = Mail.objects.exclude(cause="")
    assert tried.count() == 3
    assert tried.filter(due_at__gt=now()).count() == 3


def test_an_answer_lost_after_the_final_dot_is_uncertain_and_given_up_the_third_time(
    server: Server, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    smtp_double.close("FINAL")
    [mail] = make_mails()
    states = []
    for _ in range(3):
        deliver_all()
        mail.refresh_from_db()
        states.append((mail.state, mail.uncertain))
        Mail.objects.filter(pk=mail.pk).update(due_at=now() - timedelta(seconds=1))
        Server.objects.update(resting_until=None, failures=0)

    assert states == [("queued", 1), ("queued", 2), ("failed", 3)]
    assert {attempt.outcome for attempt in mail.attempts.all()} == {Attempt.Outcome.UNCERTAIN}


def test_a_mail_nobody_could_take_for_two_days_is_given_up(
    server: Server, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    smtp_double.answer("RCPT", "451 4.7.1 Later")
    [mail] = make_mails()
    Mail.objects.filter(pk=mail.pk).update(first_attempt_at=now() - timedelta(hours=48), tries=9)

    deliver_all()

    mail.refresh_from_db()
    assert (mail.state, mail.cause) == (Mail.State.FAILED, "expired")


def test_what_cannot_be_written_as_a_header_fails_with_its_reason(
    server: Server, make_mails: MakeMails, make_content: Callable[..., object]
) -> None:
    [mail] = make_mails(content=make_content(subject="Hola\r\nBcc: todos@levante.example"))

    deliver_all()

    mail.refresh_from_db()
    assert (mail.state, mail.cause) == (Mail.State.FAILED, "message_invalid")


def test_without_a_server_the_mail_waits_as_failed_and_goes_when_one_is_added(
    company: object, make_mails: MakeMails, make_server: Callable[..., Server], smtp_double: SmtpDouble
) -> None:
    [mail] = make_mails()
    assert (mail.state, mail.cause) == (Mail.State.FAILED, "no_server")

    make_server(smtp_double)
    assert queue.retry(Mail.objects.all()) == 1
    deliver_all()

    mail.refresh_from_db()
    assert mail.state == Mail.State.SENT


def test_the_envelope_sender_bears_a_token_once_bounces_have_a_mailbox(
    server: Server, company: object, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    company.bounce = "bounce"  # type: ignore[attr-defined]
    company.save()  # type: ignore[attr-defined]
    [mail] = make_mails()

    deliver_all()

    from mail import tokens

    sender = smtp_double.mails[0].sender
    local, _, domain = sender.partition("@")
    assert domain == "miempresa.example"
    assert tokens.read("bounce", local.removeprefix("bounce+")) == mail.pk


def test_connections_are_reused(server: Server, smtp_double: SmtpDouble, make_mails: MakeMails) -> None:
    make_mails(*[f"r{number}@levante.example" for number in range(60)])

    deliver_all()

    assert Mail.objects.filter(state=Mail.State.SENT).count() == 60
    assert smtp_double.connections <= server.max_connections


def test_a_sensitive_body_is_gone_once_it_is_sent(
    server: Server, make_mails: MakeMails, make_content: Callable[..., object]
) -> None:
    content = make_content(sensitive=True)
    make_mails("julia@levante.example", "ana@levante.example", content=content)

    deliver_all()

    content.refresh_from_db()  # type: ignore[attr-defined]
    assert (content.html, content.text) == ("", "")  # type: ignore[attr-defined]


def test_signals_tell_what_was_sent_and_what_failed(
    server: Server, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    heard: list[tuple[str, list[int]]] = []

    def on_sent(mails: list[int], **kwargs: object) -> None:
        heard.append(("sent", mails))

    def on_failed(mails: list[int], **kwargs: object) -> None:
        heard.append(("failed", mails))

    mail_sent.connect(on_sent)
    mail_failed.connect(on_failed)
    smtp_double.answer("RCPT", "550 5.1.1 No such user", address="nadie@levante.example")
    good, bad = make_mails("julia@levante.example", "nadie@levante.example")

    deliver_all()

    assert sorted(heard) == [("failed", [bad.pk]), ("sent", [good.pk])]


def test_a_resting_server_gives_its_mail_to_the_next_one(
    make_server: Callable[..., Server], smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    resting = make_server(smtp_double, name="Resting", priority=1)
    other = make_server(smtp_double, name="Other", priority=2)
    [mail] = make_mails()
    assert mail.server_id == resting.pk
    Server.objects.filter(pk=resting.pk).update(resting_until=now() + timedelta(minutes=5), failures=3)
    Mail.objects.update(plan_version=0)

    deliver_all()

    assert mail.attempts.get().server_id == other.pk


def test_send_now_passes_a_resting_server(server: Server, smtp_double: SmtpDouble, make_mails: MakeMails) -> None:
    Server.objects.update(resting_until=now() + timedelta(minutes=5), failures=3)
    [mail] = make_mails()
    deliver_all()
    mail.refresh_from_db()
    assert mail.state == Mail.State.QUEUED

    assert mail.retry()
    deliver_all()

    mail.refresh_from_db()
    assert mail.state == Mail.State.SENT
