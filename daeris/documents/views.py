"""The pages of the business records: each serves every kind of record in the catalogue."""

from copy import copy
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from daeris.documents import listing, saving
from daeris.documents.catalogue import CONTACT
from daeris.documents.cells import Row
from daeris.documents.deleting import Kept, delete, obstacle
from daeris.documents.kinds import Kind
from daeris.documents.origins import origin_of
from daeris.documents.presentation import page_of
from daeris.ui import language
from daeris.ui.htmx import redirect, respond
from daeris.ui.views import MOST_HITS, Option, options

OK, REFUSED = 200, 422


@require_GET
@login_required
def listed(request: HttpRequest, kind: Kind) -> HttpResponse:
    """The records of this kind that the user may see."""
    panel = listing.panel_of(kind, request)
    listing.fill(kind, panel, request.user)
    root, query = kind.list_url, listing.query_of(panel)
    context = {
        "kind": kind,
        "panel": panel,
        "rows": [Row(kind, one, f"{root}{one.pk}/{query}") for one in panel.page or ()],
        "may_add": kind.allows(request.user, "add"),
    }
    return respond(request, "documents/records.html", "documents/_records.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new(request: HttpRequest, kind: Kind) -> HttpResponse:
    """An empty sheet, or one begun with what another record says; sent back, it makes the record once."""
    if not kind.allows(request.user, "add"):
        raise PermissionDenied
    if request.method == "POST":
        sheet = saving.fill(kind, request.user, kind.model(), request.POST)
        if sheet.is_valid():
            record = sheet.save()
            messages.success(request, _("“%(record)s” has been created.") % {"record": record})
            return redirect(request, kind.url(pk=record.pk))
        return _sheet(request, sheet, status=REFUSED)
    return _sheet(request, saving.fill(kind, request.user, kind.model(), **origin_of(kind, request)))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def record(request: HttpRequest, kind: Kind, pk: int) -> HttpResponse:
    """A record, as values for who reads it and as a sheet to fill in for who may change it.

    The sheet is sent back by *Save*, or by a stage: then the record is saved and taken there.
    """
    found = _found(request, kind, pk)
    if not found.may_change:
        if request.method == "POST":
            raise PermissionDenied
        return render(request, "documents/record.html", page_of(request, kind, found))
    if request.method != "POST":
        return _sheet(request, saving.fill(kind, request.user, found))
    # A form writes into its instance before it is known to be right; the page keeps the record as it is.
    sheet = saving.fill(kind, request.user, copy(found), request.POST)
    if not sheet.is_valid():
        return _sheet(request, sheet, found, status=REFUSED)
    stage = request.POST.get("stage", "")
    if stage and stage not in dict(kind.stages):
        raise Http404
    try:
        sheet.save(stage)
    except kind.model.DoesNotExist:
        raise Http404 from None
    if kind is CONTACT and sheet.record.user_id == request.user.pk:
        language.prefer(request, sheet.record.language)
    messages.success(request, _("Saved."))
    return redirect(request, request.get_full_path())


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def deletion(request: HttpRequest, kind: Kind, pk: int) -> HttpResponse:
    """Ask before a record is deleted, in the dialog or on a page; sent back, delete it."""
    found = _found(request, kind, pk)
    if not found.may_delete:
        raise PermissionDenied
    reason = ""
    if request.method == "POST":
        try:
            delete(kind, found)
        except Kept as kept:
            reason = str(kept)
        else:
            messages.success(request, _("“%(record)s” has been deleted.") % {"record": found})
            return redirect(request, kind.list_url + _query(request))
    context = {
        "kind": kind,
        "record": found,
        "reason": reason or obstacle(kind, found),
        "delete_url": kind.url("delete", pk) + _query(request),
        "cancel_url": kind.url(pk=pk) + _query(request),
    }
    status = REFUSED if reason else OK
    return respond(request, "documents/delete.html", "documents/_delete.html", context, status=status)


@require_GET
@login_required
def contact_options(request: HttpRequest) -> HttpResponse:
    """Contacts for the combobox that looks for a customer."""
    panel = listing.panel_of(CONTACT, request)
    rows = listing.rows_of(CONTACT, panel, request.user).order_by("name", "pk")[:MOST_HITS]
    found = [Option(str(one.pk), one.name, " · ".join(filter(None, (one.company, one.email)))) for one in rows]
    return options(request, found)


def _sheet(request: HttpRequest, sheet: saving.Sheet, record: Any = None, *, status: int = OK) -> HttpResponse:
    context = page_of(request, sheet.kind, record or sheet.record, sheet)
    return render(request, "documents/record.html", context, status=status)


def _found(request: HttpRequest, kind: Kind, pk: int) -> Any:
    """The record with all that its page shows of it, and what this user may do to it."""
    every = kind.model._default_manager
    may = {"may_change": every.editable_by(request.user), "may_delete": every.deletable_by(request.user)}
    allowed = {name: Exists(rows.filter(pk=OuterRef("pk"))) for name, rows in may.items()}
    return get_object_or_404(kind.listed(every.visible_to(request.user)).annotate(**allowed), pk=pk)


def _query(request: HttpRequest) -> str:
    """The query string as it came: it says from which list the record was opened."""
    query = request.META.get("QUERY_STRING", "")
    return f"?{query}" if query else ""
