"""Sales: what a customer orders."""

from django.db import models
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _

from daeris.documents.models.base import Document, Line


class SaleOrder(Document):
    """A quotation that becomes an order."""

    class Stage(models.TextChoices):
        DRAFT = "draft", _("Quotation")
        SENT = "sent", _("Quotation sent")
        CONFIRMED = "confirmed", _("Sale order")
        CANCELLED = "cancelled", _("Cancelled")

    path = (Stage.DRAFT, Stage.SENT, Stage.CONFIRMED)
    icon = "shopping-cart"
    deadline = "valid_until"
    open_stages = (Stage.DRAFT, Stage.SENT)
    tracked_fields = ("stage", "responsible", "customer")

    stage = models.CharField(_("stage"), max_length=10, choices=Stage, default=Stage.DRAFT)
    ordered_on = models.DateField(_("order date"), default=localdate)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    reference = models.CharField(_("customer reference"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("sale order")
        verbose_name_plural = _("sale orders")
        ordering = ["-pk"]

    def get_absolute_url(self) -> str:
        return reverse("documents:order", args=[self.pk])

    @classmethod
    def numbered(cls, position: int) -> str:
        return f"S{position:05d}"


class SaleOrderLine(Line):
    document = models.ForeignKey(SaleOrder, models.CASCADE, related_name="lines")
