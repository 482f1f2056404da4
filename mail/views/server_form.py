"""The form of an outgoing server."""

import json
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from daeris.ui.htmx import is_partial, redirect
from mail import audit, causes, oauth_tokens, presets
from mail.exceptions import DeliveryError
from mail.forms import server_login
from mail.forms.server_fields import SizeField
from mail.forms.servers import ServerForm
from mail.leaving import farewell_of
from mail.models import Mail, Server
from mail.oauth_health import health_of
from mail.probe_fixes import words_of
from mail.releasing import release
from mail.replies import classify
from mail.sizes import ask_size
from mail.views import default_from, oauth
from mail.views.access import manages_servers
from mail.views.servers import condition_of

# Never in an error report.
SECRETS = ("password", "client_file_password")
# Without these a connection up to EHLO can be made all the same.
NOT_FOR_EHLO = ("username", "password")


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
@sensitive_post_parameters(*SECRETS)
def server(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The form of one server, or of a new one."""
    if request.method != "POST" or "fill" in request.POST:
        form = _suggested(request, pk)
        return render(request, "mail/server.html", context_of(form))
    form = form_of(request, pk)
    if not form.is_valid():
        return render(request, "mail/server.html", context_of(form), status=422)
    # Somebody counts on it: everything is saved but that it goes, and that is asked by itself.
    asks_first = _is_needed(form.instance)
    if asks_first:
        form.instance.active = True
    with audit.recording(request.user), transaction.atomic():
        saved = form.save()
        if form.connects_anew:
            # A worker may have stopped it while somebody wrote the password that it lacked.
            saved.refresh_from_db(fields=["blocked_cause"])
            if saved.blocked_cause:
                release(saved)
        oauth_tokens.settle(saved)
    if form.connects:
        return oauth.begin(request, saved, archives=asks_first)
    messages.success(request, _("The server “%(name)s” was saved.") % {"name": saved.name})
    if "use_as_default" in request.POST:
        return default_from.begin(request, saved, archives=asks_first)
    if asks_first:
        return redirect(request, reverse("mail:server_active", args=[saved.pk]))
    return redirect(request, reverse("mail:server", args=[saved.pk]))


@require_POST
@manages_servers
@sensitive_post_parameters(*SECRETS)
def size(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Ask the server on the screen, saved or not, how large a mail it takes, and put that into the form."""
    form = form_of(request, pk)
    context: dict[str, Any] = {}
    try:
        found = _asked_size(form)
        context["found"] = _found(found)
        shown = {"largest_mail": found} if found else {}
    except _Unasked as reason:
        context["trouble"], shown = str(reason), {}
    # Unbound: nobody asked what is wrong with the rest.
    typed = {**_typed(request), **shown}
    context |= context_of(ServerForm(instance=_instance(pk), initial=typed), filled=request.POST.get("filled", ""))
    if is_partial(request):
        return render(request, "mail/_server_size.html", context)
    return render(request, "mail/server.html", context)


def _is_needed(server: Server) -> bool:
    """Whether the form archives a server on which somebody counts."""
    stored = None if server.active else Server.objects.custom().filter(pk=server.pk, active=True).first()
    return stored is not None and farewell_of(stored).matters


class _Unasked(Exception):
    """Says why the server could not be asked."""


def _asked_size(form: ServerForm) -> int:
    wrong = {label: errors for label, errors in form.connection_errors.items() if label not in _labels(form)}
    if wrong:
        raise _Unasked(" ".join(f"{label}: {error}" for label, errors in wrong.items() for error in errors))
    try:
        return ask_size(form.endpoint())
    except DeliveryError as error:
        cause = classify(error).cause
        raise _Unasked(f"{causes.describe(cause).title}. {words_of(error, cause)}") from None


def _labels(form: ServerForm) -> set[str]:
    return {str(form.fields[name].label) for name in NOT_FOR_EHLO}


def _found(size: int) -> str:
    if not size:
        return _("The server names no limit.")
    return _("The server takes up to %(size)s MB.") % {"size": SizeField.shown(size)}


# -- What the page is made of --------------------------------------------------------------------------


def form_of(request: HttpRequest, pk: int | None) -> ServerForm:
    """The form as it was sent, or as the server is stored; 404 for a server that nobody may edit."""
    if request.method == "POST":
        return ServerForm(request.POST, request.FILES, instance=_instance(pk))
    return ServerForm(instance=_instance(pk))


def context_of(form: ServerForm, *, filled: str | None = None) -> dict[str, Any]:
    """What the page of a server needs; `filled` is the provider whose values are in the form."""
    known = Server.objects.filter(pk=form.instance.pk).first() if form.instance.pk else None
    chosen = form.chosen_preset
    if filled is None:
        filled = form.data.get("filled", form.initial.get("filled", _filled_in(known)))
    return {
        "form": form,
        # As it is stored: the title and the state do not change while someone types.
        "server": known,
        "condition": condition_of(known) if known else None,
        "waiting": Mail.objects.filter(server=known, state=Mail.State.QUEUED).count() if known else 0,
        "ports": json.dumps({str(security.value): port for security, port in Server.PORTS.items()}),
        "presets": json.dumps(_presets_for_script()),
        "advice": [(presets.preset(code), code == chosen) for code in Server.Preset.values],
        "filled": filled,
        "needy": [code for code, one in presets.PRESETS.items() if one.needs_filter],
        "is_needy": presets.preset(chosen).needs_filter,
        "warnings": form.filter_warnings,
        "oauth": health_of(known),
        "size_url": _url("size", known),
        "test_url": _url("test", known),
    }


def _filled_in(server: Server | None) -> str:
    """The provider, and its region, that the values of a stored server may be from."""
    return f"{server.preset}/{presets.region_of(server.preset, server.host)}" if server else ""


def _url(part: str, server: Server | None) -> str:
    return reverse(f"mail:server_{part}", args=[server.pk]) if server else reverse(f"mail:server_{part}_new")


def _instance(pk: int | None) -> Server:
    return get_object_or_404(Server.objects.custom(), pk=pk) if pk else Server()


def _suggested(request: HttpRequest, pk: int | None) -> ServerForm:
    """The form with what is known of the provider that was asked for; what someone typed stays."""
    instance = _instance(pk)
    if request.method == "POST":
        typed = _typed(request)
    else:
        code = request.GET.get("preset", "")
        if code not in presets.PRESETS or pk:
            return ServerForm(instance=instance)
        typed = {"preset": code, "region": f"{code}/{request.GET.get('region', '')}"}
    code, before = str(typed.get("preset") or ""), str(typed.get("filled") or "")
    if code not in presets.PRESETS:
        code = Server.Preset.OTHER
    wanted = _values(code, str(typed.get("region") or ""))
    former = _values(before.partition("/")[0], before) if before else presets.UNTOUCHED
    values, kept = presets.filled(typed, wanted, former)
    if presets.preset(code).needs_filter and not str(typed.get("from_filter") or "").strip():
        values["from_filter"] = values["username"]
    if kept:
        messages.info(request, _("What was typed was kept."))
    region = presets.region_of(code, str(values["host"]))
    return ServerForm(
        instance=instance,
        initial={**typed, **values, "preset": code, "region": f"{code}/{region}", "filled": f"{code}/{region}"},
    )


def _values(code: str, region: str) -> dict[str, Any]:
    of, slash, name = region.rpartition("/")
    return presets.values_of(code, name if not slash or of == code else "", offered=server_login.OFFERED)


def _typed(request: HttpRequest) -> dict[str, Any]:
    """What stands on the screen, but for secrets and files."""
    boxes = ("active", "verify_certificate", "forget_ca")
    texts = {name: value for name, value in request.POST.items() if name not in (*SECRETS, "csrfmiddlewaretoken")}
    return {**texts, **{name: name in request.POST for name in boxes}}


def _presets_for_script() -> dict[str, Any]:
    return {
        code: {
            **presets.values_of(code, offered=server_login.OFFERED),
            "regions": {region.code: region.host for region in one.regions},
            "needy": one.needs_filter,
        }
        for code, one in presets.PRESETS.items()
    }
