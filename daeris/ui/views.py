"""What the shell itself answers: theme, language, palette, log-in."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import Any

from django.conf import settings
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.text import normalize_newlines
from django.utils.translation import check_for_language, gettext, ngettext
from django.views import defaults
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from daeris.ui import language, navigation, theme
from daeris.ui.htmx import SeeOther, is_partial, respond
from daeris.ui.throttle import Throttle

LONGEST_SEARCH = 100
MOST_HITS = 20
MOST_THROWN_AWAY = 100  # megabytes of a form that is refused anyway


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a combobox."""

    value: str
    label: str | Promise
    detail: str | Promise = ""


def safe_next(request: HttpRequest) -> str:
    """Where the form wants to go on; home when that is not a page of ours."""
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        return target
    return reverse("home")


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember light or dark; anything else follows the system again."""
    response: HttpResponse = HttpResponse(status=204) if is_partial(request) else SeeOther(safe_next(request))
    chosen = request.POST.get("theme", "")
    if chosen in theme.THEMES:
        _remember(request, response, theme.COOKIE, chosen)
    else:
        response.delete_cookie(theme.COOKIE)
    return response


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Remember the reader's language: in the browser, and with the user who is logged in."""
    response = SeeOther(safe_next(request))
    chosen = request.POST.get("language", "")
    if chosen in dict(settings.LANGUAGES) and check_for_language(chosen):
        _remember(request, response, settings.LANGUAGE_COOKIE_NAME, chosen)
        if request.user.is_authenticated:
            language.prefer(request, chosen)
            language.language_chosen.send(sender=type(request.user), user=request.user, language=chosen)
    return response


def _remember(request: HttpRequest, response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=theme.YEAR, samesite="Lax", secure=request.is_secure(), httponly=True, path="/"
    )


@require_safe
@login_required
def search(request: HttpRequest) -> HttpResponse:
    """The palette: pages that can be opened, then what the apps find."""
    words = normalize_newlines(request.GET.get("q", "")).replace("\0", "").strip()[:LONGEST_SEARCH]
    context = {"words": words, "groups": grouped(list(hits(request, words)))}
    return respond(request, "ui/search.html", "ui/_hits.html", context)


def hits(request: HttpRequest, words: str) -> Iterable[navigation.Hit]:
    """Every page whose name holds the words, and every record an app finds by them."""
    for app, entry, path in navigation.open_entries(request.user):
        where = [str(app.label), *([str(entry.group)] if entry.group else [])]
        if all(word in " ".join([*where, str(entry.label)]).casefold() for word in words.casefold().split()):
            yield navigation.Hit(entry.label, path, entry.icon, " › ".join(where), translation.gettext("Go to"))
    if words:
        for find in navigation.registry.search_providers:
            yield from find(request, words)


def grouped(found: list[navigation.Hit]) -> list[tuple[str, list[navigation.Hit]]]:
    """Hits under their headings, in the order they came."""
    groups: dict[str, list[navigation.Hit]] = {}
    for hit in found:
        groups.setdefault(str(hit.group), []).append(hit)
    return list(groups.items())


def options(request: HttpRequest, found: Iterable[Option], create: str = "") -> HttpResponse:
    """The answer of a combobox: at most twenty options, then "Create «…»"."""
    context = {
        "options": list(found)[:MOST_HITS],
        "create": create,
        "words": request.GET.get("q", "").strip()[:LONGEST_SEARCH],
    }
    return render(request, "ui/components/options.html", context)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """For `handler400`: a form that is larger than the server takes is told in words, and to htmx in a sentence."""
    if not isinstance(exception, RequestDataTooBig):
        return defaults.bad_request(request, exception)
    _take_the_rest(request)
    if is_partial(request):
        words = gettext("The text is too long to be sent. Shorten it; a long text is better attached as a file.")
        return HttpResponse(words, status=413, content_type="text/plain; charset=utf-8")
    return render(request, "413.html", status=413)


def _take_the_rest(request: HttpRequest) -> None:
    """Read what is still coming, within reason: a browser that is cut off while it sends never reads the answer."""
    with suppress(OSError):
        for _megabyte in range(MOST_THROWN_AWAY):
            if not request.read(1024 * 1024):
                break


class LoginView(auth_views.LoginView):
    """The log-in page. Asked for by htmx, it takes the whole page there and back again."""

    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        htmx = getattr(request, "htmx", None)
        if htmx and request.method == "GET":
            back = urlencode({"next": htmx.current_url_abs_path or resolve_url(settings.LOGIN_REDIRECT_URL)})
            return HttpResponseClientRedirect(f"{reverse('login')}?{back}")
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Look at the password, unless too many wrong ones came just before."""
        name = request.POST.get("username", "")
        self.throttle = Throttle(request, name)
        if seconds := self.throttle.enter():
            form = self.get_form_class()(request, initial={"username": name})
            context = self.get_context_data(form=form, wait=_in_words(seconds))
            return self.render_to_response(context, status=429, headers={"Retry-After": str(seconds)})
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        self.throttle.clear()
        return super().form_valid(form)


def _in_words(seconds: int) -> str:
    if seconds <= 60:
        return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}
    minutes = ceil(seconds / 60)
    return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}
