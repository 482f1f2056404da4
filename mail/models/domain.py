"""The alias domains: under whose name we write."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Domain(models.Model):
    """A domain of ours, with the local parts of its default From, bounce and catchall addresses."""

    name = models.CharField(_("alias domain"), max_length=253, unique=True)
    default_from = models.CharField(_("default from address"), max_length=254, blank=True)
    bounce = models.CharField(_("bounce"), max_length=64, blank=True)
    catchall = models.CharField(_("catchall"), max_length=64, blank=True)
    is_default = models.BooleanField(_("default"), default=False)

    class Meta:
        verbose_name = _("alias domain")
        verbose_name_plural = _("alias domains")
        ordering = ["-is_default", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="domain_one_default"
            )
        ]

    def __str__(self) -> str:
        return self.name
