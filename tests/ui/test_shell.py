"""Log-in, theme, language, menus, errors: what stands around every screen."""

from collections.abc import Iterable
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from daeris.models import User
from daeris.ui import navigation

pytestmark = pytest.mark.django_db
ENGLISH = {"accept-language": "en"}
HTMX = {"HX-Request": "true", "accept-language": "en"}


@pytest.fixture
def person() -> User:
    return User.objects.create_user("marta", "marta@miempresa.example", "una-clave-larga", first_name="Marta")


@pytest.fixture
def marta(client: Client, person: User, gallery: None) -> Client:
    client.force_login(person)
    return client


# -- Security policy --------------------------------------------------------------------------------
def test_every_answer_carries_the_policy(client: Client) -> None:
    for path in ("/login/", "/healthz", "/nothing-here/"):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


def test_a_view_may_bring_its_own_policy(rf: Any) -> None:
    from django.http import HttpResponse

    from daeris.ui.middleware import ContentSecurityPolicyMiddleware

    own = HttpResponse(headers={"Content-Security-Policy": "sandbox"})

    answer = ContentSecurityPolicyMiddleware(lambda request: own)(rf.get("/"))

    assert answer.headers["Content-Security-Policy"] == "sandbox"


# -- The door ---------------------------------------------------------------------------------------
def test_health_needs_no_log_in(client: Client) -> None:
    answer = client.get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok")


def test_logging_in_leads_where_one_wanted_to_go(client: Client, person: User, gallery: None) -> None:
    assert "match" in client.post("/login/", {"username": "marta", "password": "x"}, headers=ENGLISH).content.decode()

    answer = client.post(
        "/login/", {"username": "marta", "password": "una-clave-larga", "next": "/gallery/mails/"}, headers=ENGLISH
    )

    assert answer.headers["Location"] == "/gallery/mails/"


def test_logging_out_is_a_post(marta: Client) -> None:
    assert marta.get("/logout/").status_code == 405

    assert marta.post("/logout/").headers["Location"] == "/login/"


def test_htmx_takes_the_whole_page_to_the_log_in(client: Client) -> None:
    wanted = {**HTMX, "HX-Current-URL": "http://testserver/gallery/mails/?state=failed"}

    answer = client.get(reverse("login"), headers=wanted)

    assert answer.headers["HX-Redirect"] == "/login/?next=%2Fgallery%2Fmails%2F%3Fstate%3Dfailed"


# -- Theme and language -----------------------------------------------------------------------------
def test_the_theme_is_a_cookie_that_the_server_reads(marta: Client) -> None:
    assert "data-theme" not in marta.get("/gallery/settings/").content.decode()[:200]

    answer = marta.post("/theme/", {"theme": "dark", "next": "/gallery/settings/"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/gallery/settings/")
    assert '<html lang="es" data-theme="dark">' in marta.get("/gallery/settings/").content.decode()
    marta.post("/theme/", {"theme": ""})
    assert "data-theme=" not in marta.get("/gallery/settings/").content.decode()[:200]


def test_script_changes_the_theme_without_a_page(marta: Client) -> None:
    answer = marta.post("/theme/", {"theme": "light"}, headers={"HX-Request": "true"})

    assert answer.status_code == 204
    assert marta.cookies["theme"].value == "light"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_no_form_leads_to_strangers(marta: Client, target: str) -> None:
    for path in ("/theme/", "/language/"):
        assert marta.post(path, {"theme": "dark", "language": "en", "next": target}).headers["Location"] == "/"


def test_theme_and_language_are_posts(client: Client) -> None:
    assert client.get("/theme/").status_code == 405
    assert client.get("/language/").status_code == 405


@pytest.mark.parametrize(
    ("header", "language"), [("", "es"), ("en", "en"), ("fr", "es"), ("fr, en;q=0.5", "en"), ("es-MX", "es")]
)
def test_the_browser_says_which_language(client: Client, header: str, language: str) -> None:
    answer = client.get("/login/", headers={"accept-language": header})

    assert f'<html lang="{language}"' in answer.content.decode()
    assert answer.headers["Content-Language"] == language
    assert "Accept-Language" in answer.headers["Vary"]


def test_a_chosen_language_wins_and_lasts(client: Client) -> None:
    client.post("/language/", {"language": "en"})
    assert '<html lang="en"' in client.get("/login/", headers={"accept-language": "es"}).content.decode()

    client.post("/language/", {"language": "tlh"})
    assert '<html lang="en"' in client.get("/login/").content.decode()


def test_the_language_of_the_users_own_contact_comes_first(person: User) -> None:
    person.contact.language = "en"
    person.contact.save()
    client = Client(headers={"accept-language": "es"})
    client.cookies["django_language"] = "es"
    assert client.get("/login/").headers["Content-Language"] == "es"

    client.post("/login/", {"username": "marta", "password": "una-clave-larga"})

    assert client.get("/search/").headers["Content-Language"] == "en"
    client.post("/logout/")
    assert client.get("/login/").headers["Content-Language"] == "es"


def test_a_preference_costs_no_question_of_its_own(person: User, client: Client) -> None:
    client.force_login(person)
    with CaptureQueriesContext(connection) as without:
        client.get("/search/")

    client.post("/language/", {"language": "en"})

    with CaptureQueriesContext(connection) as with_one:
        client.get("/search/")
    assert len(with_one) == len(without)


def test_what_a_user_chooses_becomes_the_preference(person: User, client: Client) -> None:
    client.force_login(person)
    client.post("/language/", {"language": "en"})

    assert client.get("/").headers["Content-Language"] == "en"
    assert client.cookies["django_language"].value == "en"
    person.contact.refresh_from_db()
    assert person.contact.language == "en"
    # On another machine, too.
    other = Client(headers={"accept-language": "es"})
    other.force_login(person)
    assert other.get("/").headers["Content-Language"] == "en"


def test_a_language_that_is_no_longer_offered_is_no_preference(person: User, client: Client) -> None:
    person.contact.language = "tlh"
    person.contact.save()
    client.force_login(person)

    assert client.get("/", headers=ENGLISH).headers["Content-Language"] == "en"


# -- Menus ------------------------------------------------------------------------------------------
def test_menus_show_what_may_be_opened(client: Client, person: User, gallery: None) -> None:
    navigation.entry("settings", label="Keys", url="gallery-options", icon="key", permission="mail.manage_servers")
    navigation.entry("settings", label="Lost", url="nowhere", icon="x")
    navigation.entry(
        "settings", label="Owners", url="gallery-record", icon="x", permission=lambda user: user.is_superuser
    )
    navigation.entry("settings", label="Either", url="home", icon="x", permission=("a.b", "mail.manage_servers"))

    def labels(user: User) -> set[str]:
        return {str(entry.label) for app, entry, _ in navigation.open_entries(user) if app.name == "settings"}

    assert labels(person) == {"Opciones generales", "Correos electrónicos"}
    boss = User.objects.create_superuser("boss", "boss@miempresa.example", "x")
    assert labels(boss) == {"Opciones generales", "Correos electrónicos", "Keys", "Owners", "Either"}


def test_the_current_page_is_marked_in_its_group(marta: Client) -> None:
    page = marta.get("/gallery/mails/").content.decode()

    side = page[page.index('id="sidenav"') : page.index("</nav>", page.index('id="sidenav"'))]
    assert side.count('aria-current="page"') == 1
    assert side.index('aria-current="page"') > side.index("Correo electrónico")
    assert '<span class="badge badge--danger">23<span class="visually-hidden"> fallidos</span></span>' in side


def test_home_is_the_first_page_one_may_open(marta: Client) -> None:
    assert marta.get("/").headers["Location"] == "/gallery/record/"


def test_who_may_open_nothing_is_told_so(client: Client, person: User, settings: Any, menus: Any) -> None:
    client.force_login(person)

    answer = client.get("/", headers=ENGLISH)

    assert answer.status_code == 200
    assert "Nothing is open to you yet" in answer.content.decode()


def test_home_asks_to_log_in(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/login/?next=/"


def test_the_bell_counts_and_is_hidden_without_its_provider(marta: Client) -> None:
    assert '<span class="topbar__count">' in marta.get("/gallery/settings/").content.decode()

    navigation.registry.bell = None

    assert "topbar__count" not in marta.get("/gallery/settings/").content.decode()


# -- The palette ------------------------------------------------------------------------------------
def test_the_palette_finds_pages_and_what_apps_find(marta: Client, person: User) -> None:
    def find(request: HttpRequest, words: str) -> Iterable[navigation.Hit]:
        assert request.user == person
        yield navigation.Hit(f"Offer <b>{words}</b>", "/offers/7/", "file", "S00007", "Offers")

    navigation.search_provider(find)

    part = marta.get("/search/", {"q": "CORREOS"}, headers=HTMX).content.decode()

    assert "<html" not in part
    assert 'href="/gallery/mails/"' in part
    assert 'href="/gallery/settings/"' not in part
    assert "Offer &lt;b&gt;CORREOS&lt;/b&gt;" in part
    assert "<html" in marta.get("/search/", {"q": "correos"}).content.decode()
    assert "Nothing found" not in part


def test_the_palette_is_for_those_logged_in(client: Client, gallery: None) -> None:
    assert client.get("/search/").headers["Location"] == "/login/?next=/search/"


# -- Errors -----------------------------------------------------------------------------------------
def test_what_is_not_there_says_so(client: Client) -> None:
    answer = client.get("/nothing-here/", headers=ENGLISH)

    assert answer.status_code == 404
    assert "This page does not exist" in answer.content.decode()


@pytest.mark.parametrize("multipart", [True, False])
def test_a_form_that_is_too_large_is_refused_in_words(client: Client, settings: Any, multipart: bool) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    form: Any = {"name": "x" * 1001} if multipart else f"name={'x' * 1001}"
    kind = {} if multipart else {"content_type": "application/x-www-form-urlencoded"}

    page = client.post("/login/", form, headers=ENGLISH, **kind)
    part = client.post("/login/", form, headers=HTMX, **kind)

    assert (page.status_code, part.status_code) == (413, 413)
    assert "This is too much text" in page.content.decode()
    assert part.content.decode().startswith("The text is too long to be sent.")
    assert part.headers["Content-Type"].startswith("text/plain")


def test_other_bad_requests_stay_as_they_are(client: Client) -> None:
    answer = client.get("/", headers={"host": "evil.example"})

    assert answer.status_code == 400
    assert "too much" not in answer.content.decode()


def test_what_may_not_be_opened_says_so(client: Client, gallery: None) -> None:
    answer = client.get("/forbidden/", headers=ENGLISH)

    assert answer.status_code == 403
    assert "You may not open this page" in answer.content.decode()


def test_our_own_mistakes_need_no_database(client: Client, gallery: None, django_assert_num_queries: Any) -> None:
    client.raise_request_exception = False

    with django_assert_num_queries(0):
        answer = client.get("/broken/", headers=ENGLISH)

    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.content.decode()


def test_even_a_broken_error_page_answers(client: Client, gallery: None, settings: Any) -> None:
    client.raise_request_exception = False
    # No static file can be found: the page of the error cannot be drawn either.
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "daeris.ui.storage.ManifestStorage"}}

    answer = client.get("/broken/")

    assert answer.status_code == 500
    assert b"<h1>500</h1>" in answer.content


def test_an_old_form_is_told_to_reload(person: User) -> None:
    careful = Client(enforce_csrf_checks=True)

    answer = careful.post("/login/", {"username": "marta", "password": "x"}, headers=ENGLISH)

    assert answer.status_code == 403
    assert "The form has expired" in answer.content.decode()
