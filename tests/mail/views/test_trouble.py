"""The alert above the list: one line for each reason, the page that helps, and a button for exactly those mails."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from django.utils.html import strip_tags
from django.utils.timezone import now

from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Content, Mail, Server
from mail.views import trouble
from mail.views.trouble import Reason, in_trouble, reason_of, trouble_of
from tests.mail.views.conftest import MakeMail

URL, BULK = reverse("mail:mails"), reverse("mail:mails_bulk")


@pytest.fixture
def gmail(db: None) -> Server:
    return Server.objects.create(name="Gmail ventas", host="smtp.gmail.example")


def alert(client: Client) -> str:
    """The alert as it is read; "" when there is none."""
    found = re.search(r'<ul class="trouble">.*?</ul>', client.get(URL).content.decode(), re.DOTALL)
    return " ".join(strip_tags(found[0]).split()) if found else ""


def links(client: Client) -> list[str]:
    found = re.search(r'<ul class="trouble">.*?</ul>', client.get(URL).content.decode(), re.DOTALL)
    return re.findall(r'<a href="([^"]+)"', found[0]) if found else []


def retry(client: Client, cause: str, server: Any = "") -> None:
    client.post(BULK, {"action": "retry", "scope": "trouble", "cause": cause, "server": server})


def states(*mails: Mail) -> list[str]:
    return [Mail.objects.get(pk=mail.pk).state for mail in mails]


def test_mails_are_grouped_by_reason_and_server_the_stopped_server_first(
    make_mail: MakeMail, bob: User, gmail: Server, blocked: Server, as_bob: Client
) -> None:
    for _ in range(3):
        make_mail(bob, state="failed", server=gmail)
    make_mail(bob, state="failed", server=gmail, cause="spam")
    make_mail(bob, state="queued", server=blocked)
    make_mail(bob, state="queued", server=blocked, cause="credentials_wrong")

    html = alert(as_bob)

    assert "5 e-mails" not in html
    first, second, third = (html.index(words) for words in ("2 × User name", "3 × Address", "1 × Taken for spam"))
    assert first < second < third
    assert "2 × User name or password rejected on Respaldo" in html
    assert "3 × Address does not exist · Gmail ventas" in html
    assert "Retry all 2" in html
    assert "Retry it" in html
    assert "6 e-mails have not left." in as_bob.get(URL).content.decode()


def test_three_reasons_are_shown_and_the_others_counted(make_mail: MakeMail, bob: User, as_bob: Client) -> None:
    for cause in ("spam", "too_large", "mailbox_full", "sending_limit", "no_server"):
        make_mail(bob, state="failed", cause=cause)

    html = alert(as_bob)

    assert html.count("×") == 3
    assert "and 2 more reasons See all" in html


def test_in_spanish(make_mail: MakeMail, bob: User, blocked: Server) -> None:
    client = Client(headers={"accept-language": "es"})
    client.force_login(bob)
    for _ in range(9):
        make_mail(bob, state="queued", server=blocked)

    with translation.override("es"):
        html = alert(client)

    assert "9 × Usuario o contraseña rechazados en Respaldo" in html
    assert "Reintentar los 9" in html


class TestRetry:
    def test_exactly_those_of_the_line(
        self, make_mail: MakeMail, bob: User, gmail: Server, blocked: Server, as_bob: Client
    ) -> None:
        meant = [make_mail(bob, state=state, server=gmail) for state in ("failed", "bounced")]
        others = [
            make_mail(bob, state="failed", server=gmail, cause="spam"),
            make_mail(bob, state="failed", server=blocked),
            make_mail(bob, state="failed"),
            make_mail(bob, state="failed", server=gmail, settled_at=now() - timedelta(hours=2)),
        ]

        retry(as_bob, "recipient_unknown", gmail.pk)

        assert states(*meant) == ["queued", "queued"]
        assert states(*others) == ["failed"] * 4

    def test_what_waits_behind_a_stopped_server(
        self, make_mail: MakeMail, bob: User, gmail: Server, blocked: Server, as_bob: Client
    ) -> None:
        waiting = make_mail(bob, state="queued", server=blocked)
        other = make_mail(bob, state="queued", server=gmail)

        retry(as_bob, "credentials_wrong", blocked.pk)

        assert Mail.objects.get(pk=waiting.pk).urgent
        assert not Mail.objects.get(pk=other.pk).urgent

    def test_without_a_server(self, make_mail: MakeMail, bob: User, gmail: Server, as_bob: Client) -> None:
        mail = make_mail(bob, state="failed", cause="no_server")
        other = make_mail(bob, state="failed", cause="no_server", server=gmail)

        retry(as_bob, "no_server")

        assert states(mail, other) == ["queued", "failed"]

    def test_never_other_peoples(self, make_mail: MakeMail, bob: User, gmail: Server, as_charlie: Client) -> None:
        mail = make_mail(bob, state="failed", server=gmail)
        retry(as_charlie, "recipient_unknown", gmail.pk)
        assert states(mail) == ["failed"]

    def test_an_administrator_retries_everyones(
        self, make_mail: MakeMail, bob: User, gmail: Server, as_alice: Client
    ) -> None:
        mail = make_mail(bob, state="failed", server=gmail)
        retry(as_alice, "recipient_unknown", gmail.pk)
        assert states(mail) == ["queued"]

    def test_what_is_being_sent_meanwhile_stays(
        self, make_mail: MakeMail, bob: User, gmail: Server, as_bob: Client
    ) -> None:
        mail = make_mail(bob, state="sending", server=gmail, cause="recipient_unknown")
        retry(as_bob, "recipient_unknown", gmail.pk)
        assert states(mail) == ["sending"]

    @pytest.mark.parametrize("server", ["", "x", "-1", "٣", "9" * 30])
    @pytest.mark.parametrize("cause", ["", "never heard of", "\0", "x" * 500])
    def test_odd_reasons_choose_nothing(self, make_mail: MakeMail, bob: User, cause: str, server: str) -> None:
        make_mail(bob, state="failed")
        chosen = in_trouble(Mail.objects.visible_to(bob), {}, reason_of(cause, server))
        assert not chosen.exists()


class TestHelp:
    def test_the_server_for_whoever_may_mend_it(
        self, make_mail: MakeMail, bob: User, blocked: Server, as_alice: Client, as_bob: Client
    ) -> None:
        make_mail(bob, state="queued", server=blocked)

        assert links(as_alice) == [reverse("mail:server", args=[blocked.pk])]
        assert links(as_bob) == [f"{URL}?state=failed&amp;server={blocked.pk}"]

    def test_never_the_form_of_the_environments_server(
        self, make_mail: MakeMail, bob: User, blocked: Server, as_alice: Client
    ) -> None:
        Server.objects.filter(pk=blocked.pk).update(is_environment=True)
        make_mail(bob, state="queued", server=blocked)

        assert reverse("mail:server", args=[blocked.pk]) not in links(as_alice)

    def test_the_record_whose_address_is_wrong(
        self, make_mail: MakeMail, alice: User, opportunity: Opportunity, as_alice: Client
    ) -> None:
        make_mail(alice, state="failed", document=opportunity)
        assert links(as_alice) == [opportunity.get_absolute_url()]

        make_mail(alice, state="failed")  # another one, about nothing
        assert links(as_alice) == [f"{URL}?state=failed"]

    def test_no_record_that_may_not_be_read(
        self, make_mail: MakeMail, charlie: User, opportunity: Opportunity, as_charlie: Client
    ) -> None:
        make_mail(charlie, state="failed", document=opportunity)
        assert links(as_charlie) == [f"{URL}?state=failed"]

    @pytest.mark.parametrize(
        ("cause", "name"), [("from_missing", "mail:options"), ("no_server", "mail:servers"), ("spam", "")]
    )
    def test_the_page_of_the_remedy(
        self, make_mail: MakeMail, bob: User, as_alice: Client, cause: str, name: str
    ) -> None:
        make_mail(bob, state="failed", cause=cause)
        assert links(as_alice) == [reverse(name) if name else f"{URL}?state=failed"]


def test_it_looks_at_the_newest_only(
    monkeypatch: pytest.MonkeyPatch, bob: User, blocked: Server, gmail: Server, make_mail: MakeMail
) -> None:
    monkeypatch.setattr(trouble, "MOST_MAILS", 5)
    content = make_mail(bob, state="failed", server=gmail).content
    _many(content, bob, 20, state="failed", cause="spam", server=gmail, settled_at=now())
    _many(content, bob, 20, state="queued", server=blocked)

    with CaptureQueriesContext(connection) as queries:
        found = trouble_of(Mail.objects.filter(user=bob), Server.objects.in_bulk(), bob)

    assert found is not None
    assert (found.count.number, found.count.more) == (10, True)
    assert str(found.lines[0].count).endswith("+")
    mails = [query["sql"] for query in queries if 'FROM "mail_mail"' in query["sql"]]
    assert len(mails) <= 2
    assert all("LIMIT 6" in sql for sql in mails)


def test_what_failed_lately_counts_however_many_newer_mails_failed_before(
    monkeypatch: pytest.MonkeyPatch, bob: User, gmail: Server, make_mail: MakeMail
) -> None:
    monkeypatch.setattr(trouble, "MOST_MAILS", 5)
    # Sent again by somebody, and failed again just now.
    old = [make_mail(bob, state=state, server=gmail) for state in ("failed", "bounced")]
    for state in ("failed", "bounced"):
        _many(old[0].content, bob, 20, state=state, cause="spam", settled_at=now() - timedelta(hours=2))

    found = trouble_of(Mail.objects.filter(user=bob), Server.objects.in_bulk(), bob)

    assert found is not None
    assert [(line.cause, str(line.count)) for line in found.lines] == [("recipient_unknown", "2")]
    assert str(found.count) == "2"


def test_only_the_numbers_that_go_on_say_so(
    monkeypatch: pytest.MonkeyPatch, bob: User, blocked: Server, gmail: Server, make_mail: MakeMail
) -> None:
    monkeypatch.setattr(trouble, "MOST_MAILS", 5)
    content = make_mail(bob, state="queued", server=blocked).content
    for cause in ("spam", "too_large", "mailbox_full", "sending_limit"):
        _many(content, bob, 2, state="failed", cause=cause, server=gmail, settled_at=now())

    found = trouble_of(Mail.objects.filter(user=bob), Server.objects.in_bulk(), bob)

    assert found is not None
    # The stopped server is told all the same, with its whole number.
    assert [str(line.count) for line in found.lines] == ["1", "2+", "2+"]
    assert found.lines[0].server == "Respaldo"
    assert (str(found.count), str(found.more)) == ("6+", "1+")


def test_a_reason_is_its_cause_and_its_server() -> None:
    assert reason_of("spam", "7") == Reason("spam", 7)
    assert reason_of("spam", "") == Reason("spam", None)


def _many(content: Content, user: User, number: int, **fields: Any) -> None:
    Mail.objects.bulk_create(
        Mail(content=content, user=user, recipient_address="julia@levante.example", **fields) for _ in range(number)
    )
