"""A small site that shows every component, for the eye and for axe. It exists in tests only."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.utils.timezone import now

from daeris import views
from daeris.ui import components
from daeris.ui import forms as widgets
from daeris.ui.lists import ControlPanel, Filter, Tab
from daeris.ui.paging import Count, Page
from daeris.ui.views import Option, options

STATES = {
    "queued": ("En cola", "warning", "clock"),
    "sent": ("Enviado", "success", "check"),
    "failed": ("Fallido", "danger", "triangle-alert"),
    "sending": ("Enviando", "info", "loader"),
    "cancelled": ("Cancelado", "neutral", "ban"),
}
MAILS = [
    ("Presupuesto S00187 — Renovación de flota", "compras@grupolevante.example", "S00187", "queued", ""),
    ("Factura FAC/2026/00412 lista para descargar", "administracion@bodegasarce.example", "FAC/2026/00412", "sent", ""),
    (
        "Re: Condiciones de mantenimiento anual",
        "j.ferrer@grupolevante.example",
        "Renovación flota Levante",
        "failed",
        "550 5.1.1 — El buzón del destinatario no existe",
    ),
    ("Recordatorio de pago: FAC/2026/00398", "pagos@hotelmirador.example", "FAC/2026/00398", "sending", ""),
    ("Propuesta técnica revisada (v3)", "direccion@astillerosduna.example", "Astilleros Duna", "cancelled", ""),
    ("Confirmación de pedido S00183", "logistica@textilesnorte.example", "S00183", "sent", ""),
]
PATH = [("new", "Nueva"), ("qualified", "Cualificada"), ("proposal", "Propuesta"), ("won", "Ganada")]


class SampleForm(forms.Form):
    """A field of every kind."""

    company = forms.CharField(label="Empresa", initial="Grupo Levante Logística")
    contact = forms.ChoiceField(
        label="Contacto",
        choices=[("", "—"), ("1", "Julia Ferrer"), ("2", "Iván Pardo")],
        initial="1",
        widget=widgets.Combobox(url="/options/"),
    )
    email = forms.EmailField(label="Correo", initial="no-es-una-direccion")
    priority = forms.ChoiceField(label="Prioridad", choices=[("low", "Baja"), ("high", "Alta")], initial="high")
    closes_on = forms.DateField(label="Cierre previsto", widget=widgets.DateInput, required=False)
    revenue = forms.DecimalField(label="Importe", widget=widgets.MoneyInput, initial="48600.00")
    notes = forms.CharField(label="Notas", widget=widgets.Textarea(rows=2), required=False)


class SettingsForm(forms.Form):
    custom = forms.BooleanField(
        label="Servidores de correo electrónico personalizados",
        help_text="Los servidores de la lista deciden por dónde sale cada correo.",
        widget=widgets.Switch,
        initial=True,
        required=False,
    )
    domain = forms.CharField(label="Alias del dominio", help_text="Por ejemplo miempresa.example", required=False)
    password = forms.CharField(label="Contraseña", widget=widgets.SecretInput(stored=True), required=False)
    security = forms.ChoiceField(
        label="Seguridad", choices=[("a", "Ninguna"), ("b", "STARTTLS")], widget=widgets.Radios, initial="b"
    )
    archived = forms.BooleanField(label="Activo", required=False, initial=True)


def panel_of(request: HttpRequest) -> ControlPanel:
    panel = ControlPanel(
        request,
        placeholder="Asunto, destinatario o documento…",
        tabs=[
            Tab("", "Todos", Count(1000, more=True)),
            Tab("queued", "En cola", 12),
            Tab("failed", "Fallidos", 23, tone="danger"),
            Tab("cancelled", "Cancelados", 27),
        ],
        filters=[Filter("day", "Fecha", [("today", "Hoy"), ("week", "Esta semana")])],
        groupings=[("state", "Estado")],
        sorts={"date": ("created_at", "pk"), "subject": ("subject", "pk")},
        default_sort="-date",
    )
    rows: list[Any] = [
        {
            "pk": number,
            "subject": subject,
            "to": to,
            "document": document,
            "state": state,
            "reason": reason,
            "look": STATES[state],
            "at": now() - timedelta(minutes=9 * number),
        }
        for number, (subject, to, document, state, reason) in enumerate(MAILS, 1)
    ]
    panel.page = Page(rows, 1, {"after": "x", "n": "6"}, None, Count(1000, more=True))
    return panel


def mails(request: HttpRequest) -> HttpResponse:
    return render(request, "gallery/mails.html", {"panel": panel_of(request)})


def record(request: HttpRequest) -> HttpResponse:
    form = SampleForm({**{name: field.initial for name, field in SampleForm.base_fields.items()}, "closes_on": ""})
    steps = components.steps(PATH, "proposal")
    failed = components.steps([("q", "En cola"), ("s", "Enviando"), ("d", "Enviado")], "s", failed=True)
    many = components.steps([(str(n), f"Paso {n}") for n in range(1, 7)], "3")
    return render(
        request,
        "gallery/record.html",
        {"form": form, "steps": steps, "failed": failed, "many": many, "now": now(), "names": NAMES},
    )


NAMES = ["Marta Solano", "Iván Pardo", "Julia Ferrer", "Ana Ruiz Gil", "Óscar Peña", "Nuria Vidal"]


def settings(request: HttpRequest) -> HttpResponse:
    return render(request, "gallery/settings.html", {"form": SettingsForm()})


def choices(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("q", "").casefold()
    found = [Option(str(n), name, "a@b.example") for n, name in enumerate(NAMES, 1) if words in name.casefold()]
    return options(request, found, create="yes")


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("as the test asked")


def forbidden(request: HttpRequest) -> HttpResponse:
    return render(request, "403.html", status=403)


urlpatterns = [
    path("", views.home, name="home"),
    path("gallery/mails/", mails, name="gallery-mails"),
    path("gallery/record/", record, name="gallery-record"),
    path("gallery/settings/", settings, name="gallery-settings"),
    path("options/", choices, name="gallery-options"),
    path("broken/", broken, name="broken"),
    path("forbidden/", forbidden, name="forbidden"),
    path("", include("daeris.ui.urls")),
]
handler500 = views.server_error
