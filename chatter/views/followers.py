"""Who follows a conversation."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from chatter.access import may_post, thread_or_404
from chatter.composing import people_for
from chatter.models import Follower, Thread
from chatter.recipients import WANTED, internal_contacts, mailbox_of
from chatter.summary import summary
from chatter.views.thread import number
from daeris.ui.forms import Combobox
from daeris.ui.htmx import is_partial, redirect, respond
from mail.models import Contact

MOST_FOLLOWERS = 200
CHOICES = 50


@login_required
@require_safe
def followers(request: HttpRequest, pk: int) -> HttpResponse:
    """The followers, each with the kinds of message wanted."""
    thread, record = thread_or_404(request.user, pk)
    context = _context(request, thread, record)
    return respond(request, "chatter/followers.html", "chatter/_followers.html", context)


@login_required
@require_POST
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    """Subscribe oneself, or the contact named."""
    thread, record = thread_or_404(request.user, pk)
    if contact_id := request.POST.get("contact"):
        record.follow(_contact(request.user, record, contact_id))
    else:
        record.follow(request.user)
    return _changed(request, thread, record)


@login_required
@require_POST
def unfollow(request: HttpRequest, pk: int) -> HttpResponse:
    """Unsubscribe oneself, or the follower named."""
    thread, record = thread_or_404(request.user, pk)
    if follower_id := request.POST.get("follower"):
        _follower(request.user, thread, follower_id).delete()
    else:
        record.unfollow(request.user)
    return _changed(request, thread, record)


@login_required
@require_POST
def wishes(request: HttpRequest, pk: int) -> HttpResponse:
    """Which kinds of message a follower wants."""
    thread, record = thread_or_404(request.user, pk)
    follower = _follower(request.user, thread, request.POST.get("follower", ""))
    # Boxes without a tick are not sent.
    Follower.objects.filter(pk=follower.pk).update(**{kind: kind in request.POST for kind in WANTED.values()})
    return _changed(request, thread, record)


def _contact(user: Any, record: Any, pk: str) -> Contact:
    if not may_post(user):
        raise PermissionDenied
    contact: Contact = get_object_or_404(people_for(user, record), pk=number(pk))
    return contact


def _follower(user: Any, thread: Thread, pk: str) -> Follower:
    """A follower of this thread: anyone for internal users, only themselves for others."""
    own = thread.followers.select_related("contact")
    follower = get_object_or_404(own, pk=number(pk))
    if not may_post(user) and follower.contact.user_id != user.pk:
        raise PermissionDenied
    return follower


def _changed(request: HttpRequest, thread: Thread, record: Any) -> HttpResponse:
    if not is_partial(request):
        back = record.get_absolute_url() if request.POST.get("back") == "record" else None
        return redirect(request, back or reverse("chatter:followers", args=[thread.pk]))
    context = _context(request, thread, record) | {"changed": True, "summary": summary(thread, request.user)}
    response = respond(request, "chatter/followers.html", "chatter/_followers.html", context)
    # The "To" line hears of it and asks who would get a message now.
    return trigger_client_event(response, "followers:changed", {})


def _context(request: HttpRequest, thread: Thread, record: Any) -> dict[str, Any]:
    found = list(thread.followers.select_related("contact").order_by("contact__name", "pk")[: MOST_FOLLOWERS + 1])
    inside = set(
        internal_contacts().filter(pk__in=[follower.contact_id for follower in found]).values_list("pk", flat=True)
    )
    rows = [
        {
            "follower": follower,
            "contact": follower.contact,
            "inside": follower.contact_id in inside,
            "has_address": mailbox_of(follower.contact) is not None,
            "is_me": follower.contact.user_id == request.user.pk,
        }
        for follower in found[:MOST_FOLLOWERS]
    ]
    writes = may_post(request.user)
    return {
        "thread": thread,
        "record": record,
        "rows": rows,
        "more": len(found) > MOST_FOLLOWERS,
        "may_post": writes,
        "following": thread.followers.filter(contact__user=request.user.pk).exists(),
        "adder": _adder(request.user, record, thread) if writes else "",
    }


def _adder(user: Any, record: Any, thread: Thread) -> str:
    """The box in which a contact or a user is looked for."""
    first = people_for(user, record).exclude(follows__thread=thread).order_by("name", "pk")[:CHOICES]
    box = Combobox(url=f"{reverse('chatter:people', args=[thread.pk])}?new")
    box.choices = [("", ""), *((contact.pk, contact.name) for contact in first)]
    return box.render("contact", "", {"id": f"follower-new-{thread.pk}", "aria-label": _("Add a contact or a user")})
