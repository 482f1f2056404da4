"""Under which address documents of one kind are written."""

from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _


class IdentityRule(models.Model):
    """The default From of documents of a type, a team, or both, instead of the domain's. The first that fits counts."""

    position = models.PositiveIntegerField(default=0)
    document_type = models.ForeignKey(
        ContentType, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("document type")
    )
    team = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("team"))
    default_from = models.CharField(_("default from address"), max_length=254)

    class Meta:
        verbose_name = _("identity rule")
        verbose_name_plural = _("identity rules")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.default_from
