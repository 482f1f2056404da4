"""What has been kept long enough goes; what may still be needed stays."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from pytest_django import Settings

from chatter.models import Message
from daeris.documents.models import Opportunity
from daeris.models import User
from mail import attachments, retention, tasks
from mail.models import Attachment, Attempt, Blob, Content, Mail

MakeOld = Callable[..., Mail]
Tried = Callable[..., Attempt]


@pytest.fixture(autouse=True)
def _kept(settings: Settings) -> None:
    settings.MAIL_KEEP_BODIES_DAYS, settings.MAIL_KEEP_ATTEMPTS_DAYS = 365, 180


@pytest.fixture
def make_old(make_content: Callable[..., Content]) -> MakeOld:
    """A mail of so many days ago, settled where its state says so."""

    def make(state: str = "sent", *, days: float = 400, content: Content | None = None, **fields: Any) -> Mail:
        moment = now() - timedelta(days=days)
        if content is None:
            content = make_content(text="Hola, Julia", html="<p>Hola, Julia</p>")
            Content.objects.filter(pk=content.pk).update(created_at=moment)
        needed = {"lease_until": now()} if state == "sending" else {}
        settled_at = None if state in {"queued", "sending"} else moment
        row = {"created_at": moment, "settled_at": settled_at, "tries": 1, "fence": 1, **needed, **fields}
        return Mail.objects.create(content=content, state=state, recipient_address="julia@levante.example", **row)

    return make


@pytest.fixture
def tried(db: None) -> Tried:
    def make(mail: Mail, *, days: float = 400) -> Attempt:
        return Attempt.objects.create(mail=mail, outcome="accepted", started_at=now() - timedelta(days=days))

    return make


def words(mail: Mail) -> tuple[str, str]:
    content = Content.objects.get(pk=mail.content_id)
    return content.text, content.html


class TestBodies:
    @pytest.mark.parametrize("state", ["sent", "bounced", "cancelled"])
    def test_of_old_mail_go_and_the_rest_of_it_stays(self, make_old: MakeOld, state: str) -> None:
        mail = make_old(state)

        retention.sweep()

        content = Content.objects.get(pk=mail.content_id)
        assert words(mail) == ("", "")
        assert content.is_forgotten
        assert content.forgotten_at is not None
        assert (content.subject, content.author_address) == ("Presupuesto S00187", "ana@miempresa.example")
        assert Mail.objects.get(pk=mail.pk).state == state

    @pytest.mark.parametrize("state", ["queued", "sending", "failed"])
    def test_of_what_may_still_be_sent_stay(self, make_old: MakeOld, state: str) -> None:
        mail = make_old(state)
        make_old("sent", content=mail.content)

        retention.sweep()

        assert words(mail) == ("Hola, Julia", "<p>Hola, Julia</p>")

    def test_of_young_mail_stay(self, make_old: MakeOld) -> None:
        mail = make_old(days=364)

        retention.sweep()

        assert words(mail)[0] == "Hola, Julia"

    def test_stay_for_as_long_once_a_late_copy_was_sent(self, make_old: MakeOld) -> None:
        mail = make_old(settled_at=now() - timedelta(days=3))

        retention.sweep()

        assert words(mail)[0] == "Hola, Julia"

    @pytest.mark.parametrize("days", [0, None])
    def test_stay_for_ever_where_nobody_wants_them_gone(self, make_old: MakeOld, settings: Settings, days: Any) -> None:
        settings.MAIL_KEEP_BODIES_DAYS = days
        mail = make_old(days=4000)

        retention.sweep()

        assert words(mail)[0] == "Hola, Julia"

    def test_of_what_a_person_decided_go_in_the_next_round(self, make_old: MakeOld) -> None:
        mail = make_old("failed")
        retention.sweep()

        Mail.objects.filter(pk=mail.pk).cancel()
        Mail.objects.filter(pk=mail.pk).update(settled_at=now() - timedelta(days=366))
        retention.sweep()

        assert words(mail) == ("", "")

    def test_are_not_sent_again_without_them(self, make_old: MakeOld) -> None:
        bounced = make_old("bounced", cause="recipient_unknown")
        retention.sweep()

        assert Mail.objects.filter(pk=bounced.pk).retry() == 0
        again = Mail.objects.get(pk=bounced.pk)
        assert (again.state, again.cause, again.is_retryable) == ("bounced", "recipient_unknown", False)

    def test_go_with_their_files(self, make_old: MakeOld, alice: User) -> None:
        mail = make_old()
        file = attachments.store(ContentFile(b"%PDF"), name="quote.pdf", owner=alice)
        attachments.post([file])
        mail.content.attachments.add(file)
        long_ago = now() - timedelta(days=2)
        Attachment.objects.update(created_at=long_ago)
        Blob.objects.update(created_at=long_ago)

        retention.sweep()
        tasks.tidy()

        assert not mail.content.attachments.exists()
        assert not Attachment.objects.exists()
        assert not Blob.objects.exists()

    def test_leave_the_files_that_a_message_shows(
        self, make_old: MakeOld, alice: User, opportunity: Opportunity
    ) -> None:
        mail = make_old()
        file = attachments.store(ContentFile(b"%PDF"), name="quote.pdf", owner=alice)
        attachments.post([file])
        mail.content.attachments.add(file)
        message = Message.objects.create(thread=opportunity.thread, author=alice.contact, body="<p>Hola</p>")
        message.attachments.add(file)
        Attachment.objects.update(created_at=now() - timedelta(days=2))

        retention.sweep()
        tasks.tidy()

        assert not mail.content.attachments.exists()
        assert list(message.attachments.all()) == [file]
        assert Message.objects.get(pk=message.pk).body == "<p>Hola</p>"

    def test_go_in_small_batches_and_the_next_run_goes_on(
        self, make_old: MakeOld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retention, "CONTENTS", 2)
        kept = [make_old("failed", days=500) for _ in range(3)]
        gone = [make_old() for _ in range(3)]

        for _ in range(3):
            retention.sweep(most_seconds=0)

        # A batch each time; what has to stay was passed over, and keeps nobody from what comes after it.
        assert [words(mail) for mail in gone] == [("", "")] * 3
        assert all(words(mail)[0] for mail in kept)

    def test_are_found_by_an_index_that_knows_only_what_is_kept(self, make_old: MakeOld) -> None:
        make_old()

        with CaptureQueriesContext(connection) as captured:
            retention.sweep()

        first = next(query["sql"] for query in captured if 'FROM "mail_content"' in query["sql"])
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {first}")
            assert "content_kept" in str(cursor.fetchall())


class TestAttempts:
    @pytest.mark.parametrize("state", ["sent", "failed", "bounced", "cancelled"])
    def test_of_settled_mail_go(self, make_old: MakeOld, tried: Tried, state: str) -> None:
        mail = make_old(state, days=200, cause="recipient_unknown")
        tried(mail, days=200)

        retention.sweep()

        assert not mail.attempts.exists()
        assert Mail.objects.get(pk=mail.pk).cause == "recipient_unknown"

    @pytest.mark.parametrize("state", ["queued", "sending"])
    def test_of_mail_on_its_way_stay(self, make_old: MakeOld, tried: Tried, state: str) -> None:
        mail = make_old(state, days=200)
        tried(mail, days=200)

        retention.sweep()

        assert mail.attempts.count() == 1

    def test_stay_all_of_them_while_one_is_young(self, make_old: MakeOld, tried: Tried) -> None:
        mail = make_old(days=200)
        tried(mail, days=200)
        tried(mail, days=1)

        retention.sweep()

        assert mail.attempts.count() == 2

    def test_stay_for_ever_where_nobody_wants_them_gone(
        self, make_old: MakeOld, tried: Tried, settings: Settings
    ) -> None:
        settings.MAIL_KEEP_ATTEMPTS_DAYS = 0
        mail = make_old()
        tried(mail, days=4000)

        retention.sweep()

        assert mail.attempts.count() == 1

    def test_go_in_small_batches_and_the_next_run_goes_on(
        self, make_old: MakeOld, tried: Tried, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retention, "ATTEMPTS", 2)
        mails = [make_old() for _ in range(3)]
        for mail in mails:
            tried(mail)

        retention.sweep(most_seconds=0)
        assert Attempt.objects.count() == 1
        retention.sweep(most_seconds=0)
        assert Attempt.objects.count() == 0


def test_the_schedule_takes_both_away(make_old: MakeOld, tried: Tried, settings: Settings) -> None:
    mail = make_old()
    tried(mail)

    assert settings.CELERY_BEAT_SCHEDULE["let_go"]["task"] == tasks.let_go.name
    tasks.let_go()

    assert words(mail) == ("", "")
    assert not mail.attempts.exists()
