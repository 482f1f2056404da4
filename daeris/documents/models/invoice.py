"""Invoicing: what a customer owes."""

from django.db import models
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from daeris.documents.models.base import Document, Line


class Invoice(Document):
    """What a customer is asked to pay."""

    class Stage(models.TextChoices):
        DRAFT = "draft", _("Draft")
        POSTED = "posted", _("Posted")
        PAID = "paid", _("Paid")
        CANCELLED = "cancelled", pgettext_lazy("invoice", "Cancelled")

    path = (Stage.DRAFT, Stage.POSTED, Stage.PAID)
    icon = "receipt-euro"
    deadline = "due_on"
    open_stages = (Stage.POSTED,)
    tracked_fields = ("stage", "responsible", "customer", "due_on")

    stage = models.CharField(_("stage"), max_length=10, choices=Stage, default=Stage.DRAFT)
    invoiced_on = models.DateField(_("invoice date"), default=localdate)
    due_on = models.DateField(_("due date"), null=True, blank=True)
    order = models.ForeignKey(
        "documents.SaleOrder",
        models.SET_NULL,
        verbose_name=_("sale order"),
        null=True,
        blank=True,
        related_name="invoices",
    )

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        ordering = ["-pk"]

    def get_absolute_url(self) -> str:
        return reverse("documents:invoice", args=[self.pk])

    @classmethod
    def numbered(cls, position: int) -> str:
        return f"FAC/{localdate().year}/{position:05d}"


class InvoiceLine(Line):
    document = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
