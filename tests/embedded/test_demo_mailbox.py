"""The demo mailbox: who opens it, and what is seen of friendly and of hostile mail."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from daeris.demo.models import CapturedMail
from daeris.models import User
from tests.embedded.letters import letter

HOSTILE = """<p onclick="steal()">Hola</p><script>steal()</script><iframe src="https://evil.example"></iframe>
<img src="https://evil.example/pixel.gif"><a href="javascript:steal()">Pulse</a>
<form action="https://evil.example"><input name="password"></form><base href="https://evil.example">
<meta http-equiv="refresh" content="0;url=https://evil.example"><style>p{background:url(https://evil.example)}</style>"""


def captured(raw: bytes, **fields: str) -> CapturedMail:
    fields = {"sender": "marta@miempresa.example", "recipient": "julia@levante.example", **fields}
    return CapturedMail.objects.create(raw=raw, from_header="Marta", **fields)


def urls(mail: CapturedMail) -> list[str]:
    pages = [reverse(f"demo:{name}", args=[mail.pk]) for name in ("message", "body", "raw")]
    return [reverse("demo:mailbox"), *pages, reverse("demo:attachment", args=[mail.pk, 2])]  # after text and HTML


@pytest.fixture
def mail(db: None) -> CapturedMail:
    raw = letter(subject="Presupuesto nº 3", html="<p>Hola, Julia</p>", files={"oferta.pdf": b"%PDF-1.4"})
    return captured(raw, subject="Presupuesto nº 3")


@pytest.fixture
def page(client: Client, bob: User) -> Client:
    """A browser in which Bob reads English."""
    client.force_login(bob)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def test_colleagues_open_everything(client: Client, alice: User, bob: User, mail: CapturedMail) -> None:
    for user in (alice, bob):
        client.force_login(user)
        for url in urls(mail):
            assert client.get(url).status_code == 200, url


def test_whoever_reads_no_notes_opens_nothing(client: Client, charlie: User, mail: CapturedMail) -> None:
    client.force_login(charlie)

    assert [client.get(url).status_code for url in urls(mail)] == [403] * 5
    assert reverse("demo:mailbox") not in client.get(reverse("home"), follow=True).content.decode()


def test_strangers_log_in_first(client: Client, mail: CapturedMail) -> None:
    for url in urls(mail):
        answer = client.get(url)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"{reverse('login')}?next={url}")


def test_the_list_asks_for_itself_and_is_told_when_nothing_came(page: Client, mail: CapturedMail) -> None:
    url = reverse("demo:mailbox")
    htmx = {"HX-Request": "true", "X-Daeris-Version": page.get(url).context["version"]}
    assert page.get(url, headers=htmx).status_code == 204

    captured(bytes(mail.raw), subject="Otro")

    assert page.get(url, headers=htmx).status_code == 200


def test_nothing_there_can_be_changed(client: Client, alice: User, mail: CapturedMail) -> None:
    client.force_login(alice)

    for url in urls(mail):
        for method in (client.post, client.put, client.delete, client.patch):
            assert method(url).status_code == 405
    assert CapturedMail.objects.count() == 1


def test_what_is_not_there_is_not_found(page: Client, mail: CapturedMail) -> None:
    for name in ("message", "body", "raw"):
        assert page.get(reverse(f"demo:{name}", args=[mail.pk + 1])).status_code == 404
    for number in (0, 99):
        assert page.get(reverse("demo:attachment", args=[mail.pk, number])).status_code == 404


def test_the_list_shows_who_got_what_and_finds_it(page: Client, mail: CapturedMail) -> None:
    captured(letter(), subject="Otra cosa", recipient="cleo@levante.example")

    html = page.get(reverse("demo:mailbox")).content.decode()
    found = page.get(reverse("demo:mailbox"), {"q": "julia presupuesto"}).content.decode()

    assert html.index("Otra cosa") < html.index("Presupuesto nº 3")
    assert "In production there is neither that server nor this page." in html
    assert "Presupuesto nº 3" in found
    assert "Otra cosa" not in found


def test_an_empty_mailbox_says_what_to_do(page: Client) -> None:
    assert "Nothing has arrived yet" in page.get(reverse("demo:mailbox")).content.decode()


def test_the_list_costs_the_same_with_many(
    page: Client, mail: CapturedMail, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(60):
        captured(letter(), subject=str(number))

    with django_assert_max_num_queries(10):
        html = page.get(reverse("demo:mailbox")).content.decode()

    assert html.count("row-link") == 40


def test_a_mail_is_shown_as_its_recipient_sees_it(page: Client, mail: CapturedMail) -> None:
    html = page.get(reverse("demo:message", args=[mail.pk])).content.decode()
    body = page.get(reverse("demo:body", args=[mail.pk])).content.decode()

    for words in ("Presupuesto nº 3", "marta@miempresa.example", "julia@levante.example", "oferta.pdf"):
        assert words in html
    assert "sandbox=" in html
    assert "Hola, Julia" not in html.split('class="source"')[0]  # the body is in the frame alone
    assert "Hola, Julia" in body


def test_hostile_mail_stays_in_its_sandbox(page: Client) -> None:
    mail = captured(letter(html=HOSTILE, subject="<script>steal()</script>"), subject="<script>steal()</script>")

    body = page.get(reverse("demo:body", args=[mail.pk]))
    html = page.get(reverse("demo:message", args=[mail.pk])).content.decode()

    policy = body.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy + html
    assert body.headers["X-Frame-Options"] == "SAMEORIGIN"
    shown = body.content.decode()
    for word in ("<script", "onclick", "javascript:", "<iframe", "<form", "<base", "http-equiv=", 'src="https:'):
        assert word not in shown
    # Subject and source are text there, nothing more.
    assert "<script>steal()" not in html
    assert "&lt;script&gt;steal()" in html


def test_files_are_saved_and_never_shown(page: Client) -> None:
    name = 'a "b" ñ.html'
    mail = captured(letter(files={name: b"<script>steal()</script>"}))

    answer = page.get(reverse("demo:attachment", args=[mail.pk, 1]))

    assert answer.content == b"<script>steal()</script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_source_is_saved_byte_by_byte(page: Client, mail: CapturedMail) -> None:
    answer = page.get(reverse("demo:raw", args=[mail.pk]))

    assert answer.content == bytes(mail.raw)
    assert answer.headers["Content-Type"] == "message/rfc822"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{mail.pk}.eml"'


BROKEN = [
    b"",
    b"\x00" * 10,
    b"\xff\xfe\xfd",
    b"Content-Type: multipart/mixed\r\n\r\nno boundary",
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: multipart/related\r\n\r\n--c',
    b"Content-Type: text/html; charset=nobody\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
    b"From: =?utf-8?b?!!?= <\r\nSubject: =?x?q?=FF?=\r\nMessage-ID: <<>>\r\nDate: ayer\r\n\r\nHola",
    b"Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nx",
    b'Content-Type: x\r\nContent-Disposition: attachment; filename="a\x00\x1b/b"; filename*0*=%\r\n\r\nx',
]


@pytest.mark.parametrize("raw", BROKEN)
def test_broken_mail_gives_no_broken_page(page: Client, raw: bytes) -> None:
    mail = captured(raw)

    for url in urls(mail)[:-1]:
        assert page.get(url).status_code == 200
    for number in range(3):
        assert page.get(reverse("demo:attachment", args=[mail.pk, number])).status_code in {200, 404}
