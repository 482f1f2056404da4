"""One mail, opened by the user who caused it to be sent and by nobody else."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils.timezone import now

from daeris.models import User
from mail.attachments import store
from mail.models import Attempt, Content, Mail, Server
from tests.mail.views.conftest import HTMX, MakeMail


def url(mail: Mail, part: str = "") -> str:
    return f"/settings/mail/mails/{mail.pk}/{part}"


def attempt(mail: Mail, **fields: object) -> Attempt:
    values = {
        "outcome": "temporary",
        "cause": "greylisted",
        "server_name": "Corporativo",
        "started_at": now(),
        "seconds": 0.42,
        "tls": "TLSv1.3",
        "reply_code": 451,
        "enhanced_code": "4.7.1",
        "reply_text": "Greylisted, try again",
        "header_from": "Ana Gil <notificaciones@miempresa.example>",
        "envelope_from": "notificaciones@miempresa.example",
        "explanation": {"why": ["asked_uncovered", {"server": "Corporativo"}], "warnings": []},
    }
    return Attempt.objects.create(mail=mail, **{**values, **fields})


@pytest.mark.parametrize("part", ["", "body/", "attachments/1/"])
class TestNobodyElse:
    def test_opens_it(
        self, make_mail: MakeMail, bob: User, as_alice: Client, as_charlie: Client, stranger: Client, part: str
    ) -> None:
        mail = make_mail(bob)
        assert as_charlie.get(url(mail, part)).status_code == 404
        assert as_alice.get(url(mail, part)).status_code == 404  # an administrator neither
        assert stranger.get(url(mail, part)).url.startswith("/login/")

    def test_opens_mail_of_the_system(self, make_mail: MakeMail, as_alice: Client, part: str) -> None:
        assert as_alice.get(url(make_mail(None), part)).status_code == 404

    def test_posts_to_it(self, make_mail: MakeMail, bob: User, as_bob: Client, part: str) -> None:
        assert as_bob.post(url(make_mail(bob), part)).status_code == 405


class TestTheMail:
    def test_shows_what_became_of_it(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        due = now() + timedelta(minutes=5)
        mail = make_mail(bob, state="queued", cause="greylisted", failure="451 4.7.1 Greylisted", due_at=due)
        attempt(mail)

        html = as_bob.get(url(mail)).content.decode()

        assert "Will be retried" in html
        assert "451 4.7.1 Greylisted, try again" in html
        assert "«Corporativo» was asked for, and no other server is tried." in html
        assert "TLSv1.3" in html
        assert "0.42 s" in html
        assert "Next attempt" in html
        assert "Who must act" in html

    def test_says_what_helps_as_things_stand_now(
        self, make_mail: MakeMail, bob: User, as_bob: Client, blocked: Server
    ) -> None:
        def words(**fields: object) -> str:
            return as_bob.get(url(make_mail(bob, **fields))).content.decode()

        failed = words(state="failed", cause="rate_limited", failure="550 5.7.28 Too much")
        assert "Who must act: You" in failed
        assert "Send it again." in failed
        assert "by itself" not in failed
        assert "Who must act: Nobody" in words(state="queued", cause="uncertain")
        stopped = words(state="queued", cause="greylisted", failure="451 4.7.1 Greylisted", server=blocked)
        assert "User name or password rejected" in stopped
        assert "Greylisted" not in stopped

    def test_shows_its_headers_as_the_last_attempt_wrote_them(
        self, make_mail: MakeMail, make_content: Callable[..., Content], bob: User, as_bob: Client
    ) -> None:
        mail = make_mail(
            bob, content=make_content(message_id="<uno@miempresa.example>", in_reply_to="<cero@x.example>")
        )
        attempt(mail, outcome="accepted", cause="")

        lines = dict(as_bob.get(url(mail)).context["headers"])

        assert lines["From"] == "Ana Gil <notificaciones@miempresa.example>"
        assert lines["Reply-To"] == "Ana Gil <ana@miempresa.example>"  # rewritten: answers still reach the author
        assert lines["To"] == "julia@levante.example"
        assert lines["Message-ID"] == "<uno@miempresa.example>"
        assert lines["In-Reply-To"] == "<cero@x.example>"
        assert lines["Envelope: from"] == "notificaciones@miempresa.example"

    @pytest.mark.parametrize(
        ("fields", "states", "label"),
        [
            ({"state": "queued"}, ["current", "todo", "todo"], "Queued"),
            ({"state": "queued", "due_at": now() + timedelta(days=1)}, ["current", "todo", "todo"], "Scheduled"),
            ({"state": "queued", "cause": "greylisted"}, ["failed", "todo", "todo"], "Will be retried"),
            ({"state": "sending"}, ["done", "current", "todo"], "Sending"),
            ({"state": "sent"}, ["done", "done", "current"], "Sent"),
            ({"state": "failed"}, ["done", "failed", "todo"], "Failed"),
            ({"state": "bounced"}, ["done", "done", "failed"], "Bounced"),
            ({"state": "cancelled"}, ["done", "current"], "Cancelled"),
        ],
    )
    def test_stands_at_a_step(
        self, make_mail: MakeMail, bob: User, as_bob: Client, fields: dict, states: list[str], label: str
    ) -> None:
        steps = as_bob.get(url(make_mail(bob, **fields))).context["steps"]
        assert [step.state for step in steps] == states
        assert next(step.label for step in steps if step.state in {"current", "failed"}) == label

    def test_leads_with_retry_only_when_red(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        red = as_bob.get(url(make_mail(bob, state="failed"))).content.decode()
        sent = as_bob.get(url(make_mail(bob))).content.decode()
        assert "<span>Retry</span>" in red
        assert "/retry/" not in sent

    def test_names_the_other_recipients_of_the_same_content(
        self, make_mail: MakeMail, make_content: Callable[..., Content], bob: User, charlie: User, as_bob: Client
    ) -> None:
        content = make_content()
        mail = make_mail(bob, content=content)
        make_mail(bob, content=content, to="pedro@levante.example", state="failed")
        make_mail(charlie, content=content, to="secreto@levante.example")

        html = as_bob.get(url(mail)).content.decode()

        assert "pedro@levante.example" in html
        assert "secreto@levante.example" not in html

    def test_refreshes_itself_only_when_something_happened(
        self, make_mail: MakeMail, bob: User, as_bob: Client
    ) -> None:
        mail = make_mail(bob, state="queued")
        version = as_bob.get(url(mail)).context["version"]
        assert as_bob.get(url(mail), headers={**HTMX, "X-Daeris-Version": version}).status_code == 204
        Mail.objects.filter(pk=mail.pk).update(state="sent")
        part = as_bob.get(url(mail), headers={**HTMX, "X-Daeris-Version": version})
        assert part.status_code == 200
        assert b"<html" not in part.content

    def test_behind_a_stopped_server_says_that_a_person_must_act(
        self, make_mail: MakeMail, bob: User, blocked: Server, as_bob: Client
    ) -> None:
        response = as_bob.get(url(make_mail(bob, state="queued", server=blocked)))
        assert response.context["problem"].next_attempt is None
        assert "Next attempt" not in response.content.decode()

    def test_numbers_are_written_whole_in_addresses(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        mail = make_mail(bob, id=12345, state="failed")
        html = as_bob.get("/settings/mail/mails/").content.decode() + as_bob.get(url(mail)).content.decode()
        assert "12,345" not in html
        assert "/settings/mail/mails/12345/body/" in html


class TestItsBody:
    def test_answers_with_a_policy_of_its_own(
        self, make_mail: MakeMail, make_content: Callable[..., Content], bob: User, as_bob: Client
    ) -> None:
        html = '<p onclick="x()">Hola</p><script>alert(1)</script><img src="https://spy.example/x.gif"><a href="https://a.example">a</a>'
        response = as_bob.get(url(make_mail(bob, content=make_content(html=html)), "body/"))
        body = response.content.decode()
        assert response["Content-Security-Policy"] == (
            "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
            "style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
        )
        assert response["X-Frame-Options"] == "SAMEORIGIN"
        assert "Hola" in body
        assert "script" not in body
        assert "onclick" not in body
        assert "spy.example" not in body
        assert 'target="_blank"' in body

    def test_plain_text_is_shown_as_paragraphs(
        self, make_mail: MakeMail, make_content: Callable[..., Content], bob: User, as_bob: Client
    ) -> None:
        content = make_content(html="", text="Hola <b>\n\nAdiós")
        assert "<p>Hola &lt;b&gt;</p>" in as_bob.get(url(make_mail(bob, content=content), "body/")).content.decode()

    def test_content_that_was_given_up_says_so(
        self, make_mail: MakeMail, make_content: Callable[..., Content], bob: User, as_bob: Client
    ) -> None:
        html = as_bob.get(url(make_mail(bob, content=make_content(html="", text="")))).content.decode()
        assert "The content is not kept any more." in html


class TestItsFiles:
    def test_are_downloaded_by_the_sender_only(
        self,
        make_mail: MakeMail,
        make_content: Callable[..., Content],
        bob: User,
        as_bob: Client,
        as_alice: Client,
        as_charlie: Client,
    ) -> None:
        content = make_content()
        file = store(ContentFile(b"%PDF-1.7"), name="Oferta.pdf", content_type="application/pdf")
        content.attachments.add(file)
        mail = make_mail(bob, content=content)
        address = url(mail, f"attachments/{file.pk}/")

        response = as_bob.get(address)

        assert b"".join(response.streaming_content) == b"%PDF-1.7"
        assert response["Content-Disposition"].startswith('attachment; filename="Oferta.pdf"')
        assert address in as_bob.get(url(mail)).content.decode()
        assert as_alice.get(address).status_code == as_charlie.get(address).status_code == 404

    def test_belong_to_their_mail(
        self, make_mail: MakeMail, make_content: Callable[..., Content], bob: User, as_bob: Client
    ) -> None:
        foreign = store(ContentFile(b"x"), name="x.txt", content_type="text/plain")
        assert as_bob.get(url(make_mail(bob), f"attachments/{foreign.pk}/")).status_code == 404

    def test_a_picture_in_the_body_is_found_there(
        self, make_mail: MakeMail, make_content: Callable[..., Content], bob: User, as_bob: Client
    ) -> None:
        content = make_content(html='<img src="cid:logo">')
        picture = store(ContentFile(b"GIF89a"), name="l.gif", content_type="image/gif", content_id="logo")
        content.attachments.add(picture)
        mail = make_mail(bob, content=content)
        address = url(mail, f"attachments/{picture.pk}/")
        assert f'src="{address}"' in as_bob.get(url(mail, "body/")).content.decode()
        response = as_bob.get(address)
        assert response["Content-Disposition"].startswith("inline")
        response.close()


class TestWhatIsNoLongerKept:
    def test_words_and_files(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        mail = make_mail(bob, state="bounced")
        Content.objects.update(text="", html="", forgotten_at=now())

        html = as_bob.get(url(mail)).content.decode()

        assert "The text and the files of this e-mail are no longer kept. They were removed on" in html
        assert "<iframe" not in html
        assert url(mail, "retry/") not in html

    def test_and_so_cannot_be_sent_again(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        mail = make_mail(bob, state="cancelled")
        Content.objects.update(text="", html="", forgotten_at=now())

        answer = as_bob.post(url(mail, "retry/"), headers=HTMX)

        assert "no longer kept" in json.loads(answer["HX-Trigger"])["toast"]["text"]
        assert Mail.objects.get(pk=mail.pk).state == "cancelled"

    def test_is_not_offered_again_in_the_list(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        mail = make_mail(bob, state="bounced")
        assert url(mail, "retry/") in as_bob.get("/settings/mail/mails/").content.decode()

        Content.objects.update(text="", html="", forgotten_at=now())

        assert url(mail, "retry/") not in as_bob.get("/settings/mail/mails/").content.decode()

    def test_attempts(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        mail = make_mail(bob, state="sent", tries=1)
        assert "The attempts are no longer kept" in as_bob.get(url(mail)).content.decode()

        attempt(mail, outcome="accepted", cause="")

        assert "no longer kept" not in as_bob.get(url(mail)).content.decode()

    def test_attempts_before_those_that_are(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        long_ago = now() - timedelta(days=300)
        mail = make_mail(bob, state="sent", tries=1, fence=3, created_at=long_ago)
        last = attempt(mail, outcome="accepted", cause="")
        assert "Attempts made longer ago are no longer kept." in as_bob.get(url(mail)).content.decode()

        Attempt.objects.filter(pk=last.pk).update(started_at=long_ago)

        assert "no longer kept" not in as_bob.get(url(mail)).content.decode()
