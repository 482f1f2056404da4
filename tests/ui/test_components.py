"""What the components draw, and the widgets that forms are made of."""

from datetime import timedelta
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.template import Context, RequestContext, Template
from django.test import RequestFactory
from django.utils import translation
from django.utils.timezone import now

from daeris.ui import components
from daeris.ui import forms as widgets
from daeris.ui.htmx import is_partial, redirect, respond, toast
from daeris.ui.views import Option, options
from mail.models import Contact


def draw(source: str, **values: Any) -> str:
    request = RequestFactory().get("/page/?state=failed&after=key&n=80&q=a b")
    request.user = AnonymousUser()
    request.htmx = False  # type: ignore[attr-defined]
    with translation.override("en"):
        return Template("{% load i18n ui %}" + source).render(RequestContext(request, values))


def test_what_people_wrote_is_escaped_everywhere() -> None:
    bad = "<script>alert(1)</script>"
    page = draw(
        "{% pill bad %}{% avatar bad bad %}{% crumb bad bad %}{% copy bad %}{% file bad url=bad %}"
        "{% card title=bad %}{{ bad }}{% endcard %}{% alert title=bad %}{{ bad }}{% endalert %}"
        "{% menu 'm' text=bad %}{{ bad }}{% endmenu %}{% dialog 'd' title=bad %}{{ bad }}{% enddialog %}"
        "{% tabs 't' %}{% tab 'a' bad %}{{ bad }}{% endtab %}{% endtabs %}"
        "{% group bad help=bad %}{{ bad }}{% endgroup %}"
        "{% fact bad %}{{ bad }}{% endfact %}{% figure bad %}{{ bad }}{% endfigure %}"
        "{% nothing icon='x' text=bad %}{{ bad }}{% endnothing %}{% moment title=bad %}{{ bad }}{% endmoment %}"
        "{% progress 1 2 label=bad %}",
        bad=bad,
    )

    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("current", "states"),
    [("new", ["current", "todo"]), ("won", ["done", "current"]), ("lost", ["todo", "todo", "current"])],
)
def test_steps_know_where_they_are(current: str, states: list[str]) -> None:
    assert [step.state for step in components.steps([("new", "New"), ("won", "Won")], current)] == states


def test_a_failed_step_says_so_in_words() -> None:
    steps = components.steps([("queued", "Queued"), ("sent", "Sent")], "sent", failed=True, failed_label="Failed")

    page = draw("{% steps steps %}", steps=steps)

    assert 'steps__step--failed" aria-current="step"' in page
    assert "Failed" in page
    assert "Completed:" in page


@pytest.mark.parametrize(
    ("name", "letters"), [("Marta Solano", "MS"), ("Ana de la Ruiz", "AR"), ("óscar", "Ó"), ("", "?"), ("«»", "«")]
)
def test_initials(name: str, letters: str) -> None:
    assert components.initials(name) == letters


def test_a_hue_is_the_same_every_time() -> None:
    assert {components.hue(key) for key in range(200)} == {1, 2, 3, 4, 5, 6}
    assert components.hue(7) == components.hue("7")


@pytest.mark.parametrize(("number", "text"), [(0, "0 B"), (999, "999 B"), (284_400, "284 kB"), (1_250_000, "1.2 MB")])
def test_sizes_are_for_people(number: int, text: str) -> None:
    with translation.override("en"):
        assert components.human_size(number) == text


def test_files_show_their_kind() -> None:
    page = draw("{% file 'A-very-long-name-of-an-offer.pdf' size=284000 url='/f/1/' %}")

    assert "PDF · 284 kB" in page
    assert '<span class="cut" aria-hidden="true">A-very-long-name-of-an-o</span>' in page
    assert '<span aria-hidden="true">ffer.pdf</span>' in page
    assert components.file_icon("a.xlsx") == "file-spreadsheet"
    assert components.file_icon("strange", "image/png") == "file-image"
    assert components.extension(".htaccess") == ""


def test_times_are_short_and_their_titles_whole() -> None:
    today = draw("{% when at %}", at=now())
    old = draw("{% when at %}", at=now() - timedelta(days=800))

    assert "title=" in today
    assert len(old) > 0
    assert draw("{% when at %}", at=None) == ""


def test_tabs_show_the_first_panel_and_hide_the_others() -> None:
    page = draw(
        "{% tabs 'r' %}{% tab 'a' 'One' count=3 %}first{% endtab %}"
        "{% tab 'b' 'Two' src='/b/' %}{% endtab %}{% endtabs %}"
    )

    assert page.count('role="tab"') == 2
    assert page.count("hidden>") == 1
    assert 'data-src="/b/"' in page
    assert '<span class="badge">3</span>' in page


def test_a_query_changes_one_thing_and_forgets_the_page() -> None:
    assert draw("{% query state='sent' q=None %}") == "/page/?state=sent"


def test_alert_buttons_stand_beside_the_words() -> None:
    page = draw(
        '{% alert tone="danger" title="T" %}Words<div class="alert__actions"><button>B</button></div>{% endalert %}'
    )

    assert 'role="alert"' in page
    assert 'Words</div><div class="alert__actions">' in page


# -- Forms ------------------------------------------------------------------------------------------
class SampleForm(forms.Form):
    name = forms.CharField(help_text="As on the door")
    secret = forms.CharField(widget=widgets.SecretInput(stored=True), required=False)
    active = forms.BooleanField(widget=widgets.Switch, required=False)
    on = forms.DateField(widget=widgets.DateInput, required=False)


def test_a_field_ties_its_help_and_its_errors_to_it() -> None:
    form = SampleForm({"name": ""})

    html = form["name"].as_field_group()

    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_name_helptext id_name_error"' in html or 'aria-describedby="id_name_helptext"' in html
    assert 'id="id_name_helptext"' in html
    assert '<label class="field__label" for="id_name">' in html
    assert "field--invalid" in html


def test_a_secret_is_never_sent_back() -> None:
    html = str(SampleForm({"name": "x", "secret": "hunter2"})["secret"])

    assert "hunter2" not in html
    assert 'autocomplete="new-password"' in html
    assert "placeholder=" in html


def test_dates_are_iso_for_the_browser() -> None:
    with translation.override("es"):
        html = str(SampleForm(initial={"on": now().date()})["on"])

    assert f'value="{now().date().isoformat()}"' in html
    assert 'type="date"' in html


def test_a_switch_is_a_switch() -> None:
    html = str(SampleForm(initial={"active": True})["active"])

    assert 'role="switch"' in html
    assert "checked" in html


class ContactForm(forms.Form):
    contact = forms.ModelChoiceField(
        Contact.objects.order_by("pk"), widget=widgets.Combobox(url="/contacts/options/"), required=False
    )


@pytest.mark.django_db
def test_a_combobox_offers_the_first_rows_and_the_chosen_one(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(widgets, "MOST_OPTIONS", 3)
    people = Contact.objects.bulk_create([Contact(name=f"P{number}") for number in range(6)])

    with django_assert_num_queries(2):
        html = str(ContactForm(initial={"contact": people[5].pk})["contact"])

    assert 'data-url="/contacts/options/"' in html
    assert [f"P{number}" in html for number in range(6)] == [True, True, True, False, False, True]
    assert f'<option value="{people[5].pk}" selected>' in html
    assert "selected" not in str(ContactForm({"contact": "not a key"})["contact"])


def test_options_offer_to_create_what_was_not_found() -> None:
    request = RequestFactory().get("/options/?q=<Nuria>")
    request.user = AnonymousUser()

    with translation.override("en"):
        some = options(request, [Option("7", "Nuria", "n@a.example")], create="yes").content.decode()
        none = options(request, []).content.decode()

    assert 'data-value="7"' in some
    assert 'data-value="new:&lt;Nuria&gt;"' in some
    assert "Nothing found" in none


# -- htmx -------------------------------------------------------------------------------------------
def request_of(*, htmx: bool, history: bool = False) -> Any:
    from django_htmx.middleware import HtmxDetails

    headers = {"HX-Request": "true"} if htmx else {}
    if history:
        headers["HX-History-Restore-Request"] = "true"
    request: Any = RequestFactory().get("/", headers=headers)
    request.htmx = HtmxDetails(request)
    request.user = AnonymousUser()
    return request


def test_htmx_gets_the_part_and_everyone_else_the_page() -> None:
    assert is_partial(request_of(htmx=True))
    assert not is_partial(request_of(htmx=False))
    assert not is_partial(request_of(htmx=True, history=True))
    answer = respond(request_of(htmx=True), "ui/search.html", "ui/_hits.html", {"groups": [], "words": "x"}, status=422)
    assert (answer.status_code, answer.headers["Vary"]) == (422, "HX-Request")
    assert b"<html" not in answer.content


def test_a_toast_travels_in_a_header() -> None:
    assert '"tone": "danger"' in toast(HttpResponse(), "No", tone="danger").headers["HX-Trigger"]


def test_a_redirect_takes_the_whole_page() -> None:
    assert redirect(request_of(htmx=True), "/there/").headers["HX-Redirect"] == "/there/"
    plain = redirect(request_of(htmx=False), "/there/")
    assert (plain.status_code, plain.headers["Location"]) == (303, "/there/")


def test_the_gallery_needs_no_context_processor_for_errors() -> None:
    for name in ("403", "404", "500"):
        page = Template(f'{{% include "{name}.html" %}}').render(Context())
        assert "<html" in page
