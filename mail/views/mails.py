"""The list of e-mails, and what can be done from it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from daeris.ui.htmx import is_partial, redirect, respond, toast
from mail import causes, queue
from mail.holds import hold_of
from mail.models import Mail, Server
from mail.models.mail import FORGOTTEN, MailQuerySet
from mail.views.listing import listing_of, rows_of
from mail.views.trouble import in_trouble, reason_of

# Sent by the list that refreshes itself: the version it shows.
VERSION_HEADER = "X-Daeris-Version"


@require_safe
@login_required
def mails(request: HttpRequest) -> HttpResponse:
    """The list; 204 for a list that still shows how things are."""
    listing = listing_of(request)
    if is_partial(request) and request.headers.get(VERSION_HEADER) == listing.version:
        return HttpResponse(status=204)
    return respond(request, "mail/mails.html", "mail/_mails.html", {"listing": listing, "panel": listing.panel})


@require_POST
@login_required
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Send one mail now."""
    mail = get_object_or_404(Mail.objects.manageable_by(request.user), pk=pk)
    if queue.retry(Mail.objects.filter(pk=mail.pk)):
        again = Mail.objects.select_related("server").get(pk=mail.pk)
        if hold := hold_of(again):
            return _answer(request, again, hold.words, "warning")
        return _answer(request, again, _("The e-mail is in the queue and goes out now."), "success")
    if mail.cause == FORGOTTEN:
        cause = causes.describe(FORGOTTEN)
        return _answer(request, mail, f"{cause.explanation} {cause.action}", "warning")
    if mail.content.forgotten_at:
        return _answer(request, mail, _("Its text is no longer kept, so it cannot be sent again."), "warning")
    return _answer(request, mail, _("Too late: the e-mail is being sent or has left."), "warning")


@require_POST
@login_required
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Give one mail up."""
    mail = get_object_or_404(Mail.objects.manageable_by(request.user), pk=pk)
    if queue.cancel(Mail.objects.filter(pk=mail.pk)):
        return _answer(request, mail, _("The e-mail was cancelled."), "success")
    return _answer(request, mail, _("Too late: the e-mail is being sent or has left."), "warning")


@require_POST
@login_required
def bulk(request: HttpRequest) -> HttpResponse:
    """Retry or cancel the chosen mails, or with `scope=trouble` what the alert, or one line of it, speaks of."""
    work = {"retry": queue.retry, "cancel": queue.cancel}.get(request.POST.get("action", ""))
    if work is None:
        raise Http404
    done = work(_chosen(request))
    sentence = {
        "retry": ngettext("%(count)s e-mail goes out now.", "%(count)s e-mails go out now.", done),
        "cancel": ngettext("%(count)s e-mail was cancelled.", "%(count)s e-mails were cancelled.", done),
    }[request.POST["action"]] % {"count": done}
    tone = "success" if done else "warning"
    if not is_partial(request):
        messages.add_message(request, messages.SUCCESS if done else messages.WARNING, sentence)
        return redirect(request, _way_back(request))
    return toast(_list_again(request), sentence, tone=tone)


def _chosen(request: HttpRequest) -> MailQuerySet:
    mine = Mail.objects.manageable_by(request.user)
    if request.POST.get("scope") == "trouble":
        reason = reason_of(request.POST["cause"], request.POST.get("server", "")) if "cause" in request.POST else None
        return in_trouble(mine, Server.objects.in_bulk(), reason)
    ids = [int(text) for text in request.POST.getlist("ids") if text.isascii() and text.isdigit() and len(text) < 19]
    return mine.filter(pk__in=ids)


def _answer(request: HttpRequest, mail: Mail, sentence: str, tone: str) -> HttpResponse:
    """The row anew for htmx; for a plain form, the page it came from."""
    if not is_partial(request):
        level = messages.SUCCESS if tone == "success" else messages.WARNING
        messages.add_message(request, level, sentence)
        return redirect(request, _way_back(request))
    anew = Mail.objects.visible_to(request.user).as_rows(request.user).filter(pk=mail.pk)
    (row,) = rows_of(list(anew), request.user, Server.objects.in_bulk())  # type: ignore[arg-type]
    response = toast(render(request, "mail/_mail_row.html", {"row": row}), sentence, tone=tone)
    # The list around the row looks again: tabs, alert and menu count anew.
    return trigger_client_event(response, "ui:moved")


def _list_again(request: HttpRequest) -> HttpResponse:
    """The list as it was asked for by the page that this form stands in."""
    _path, _mark, query = _way_back(request).partition("?")
    request.GET = request.GET.__class__(query)
    request.path = reverse("mail:mails")
    listing = listing_of(request)
    return render(request, "mail/_mails.html", {"listing": listing, "panel": listing.panel})


def _way_back(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    if wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return wanted
    return reverse("mail:mails")
