"""CRM: something that may be sold."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from daeris.documents.models.base import Document, Line


class Opportunity(Document):
    """Something that may be sold to a customer."""

    class Stage(models.TextChoices):
        NEW = "new", pgettext_lazy("opportunity", "New")
        QUALIFIED = "qualified", _("Qualified")
        PROPOSAL = "proposal", _("Proposal")
        WON = "won", _("Won")
        LOST = "lost", _("Lost")

    class Priority(models.TextChoices):
        LOW = "low", _("Low")
        NORMAL = "normal", _("Normal")
        HIGH = "high", _("High")

    path = (Stage.NEW, Stage.QUALIFIED, Stage.PROPOSAL, Stage.WON)
    icon = "handshake"
    deadline = "closes_on"
    open_stages = (Stage.NEW, Stage.QUALIFIED, Stage.PROPOSAL)
    # How likely a sale is as it enters each stage, until someone knows better.
    USUAL_PROBABILITY: ClassVar[dict[str, int]] = {
        Stage.NEW: 10,
        Stage.QUALIFIED: 30,
        Stage.PROPOSAL: 60,
        Stage.WON: 100,
        Stage.LOST: 0,
    }
    tracked_fields = ("stage", "expected_revenue", "responsible", "customer")

    name = models.CharField(_("opportunity"), max_length=200)
    stage = models.CharField(_("stage"), max_length=10, choices=Stage, default=Stage.NEW)
    expected_revenue = models.DecimalField(
        _("expected revenue"), max_digits=12, decimal_places=2, default=0, validators=[MinValueValidator(0)]
    )
    probability = models.PositiveSmallIntegerField(_("probability"), default=10, validators=[MaxValueValidator(100)])
    closes_on = models.DateField(_("expected closing"), null=True, blank=True)
    priority = models.CharField(_("priority"), max_length=6, choices=Priority, default=Priority.NORMAL)
    source = models.CharField(_("source"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("opportunity")
        verbose_name_plural = _("opportunities")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("documents:opportunity", args=[self.pk])

    def enter(self, stage: str) -> list[str]:
        """Move to this stage, and to its usual probability unless a person has judged otherwise."""
        is_closed = {self.stage, stage} & {self.Stage.WON, self.Stage.LOST}
        if is_closed or self.probability == self.USUAL_PROBABILITY[self.stage]:
            self.probability = self.USUAL_PROBABILITY[stage]
        return [*super().enter(stage), "probability"]

    @classmethod
    def numbered(cls, position: int) -> str:
        return f"OP/{position:04d}"


class OpportunityLine(Line):
    document = models.ForeignKey(Opportunity, models.CASCADE, related_name="lines")
