"""What every business record here has in common."""

from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Sum
from django.utils.translation import gettext_lazy as _

from chatter.threads import Threaded
from mail.models.mail import AnyUser


class DocumentQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: AnyUser) -> Self:
        """Records this user may read: by the model's view permission, else the ones in this user's charge."""
        if not user.is_authenticated:
            return self.none()
        if user.has_perm(self._permission("view")) or user.has_perm(self._permission("change")):  # type: ignore[attr-defined]
            return self
        return self.filter(responsible_id=user.pk)

    def editable_by(self, user: AnyUser) -> Self:
        """Records this user may change."""
        if user.is_authenticated and user.has_perm(self._permission("change")):  # type: ignore[attr-defined]
            return self
        return self.none()

    def _permission(self, action: str) -> str:
        meta = self.model._meta
        return f"{meta.app_label}.{action}_{meta.model_name}"


class Document(Threaded):
    """A business record: a customer, someone in charge, a stage, and a conversation."""

    # The value of `stage` a record passes through, in their order; the rest of the choices are ways out.
    path: ClassVar[tuple[str, ...]] = ()
    icon: ClassVar[str] = "file-text"

    number = models.CharField(_("number"), max_length=20, unique=True, editable=False)
    customer = models.ForeignKey(
        "mail.Contact", models.PROTECT, verbose_name=_("customer"), related_name="%(class)ss", null=True, blank=True
    )
    responsible = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("responsible"),
        null=True,
        blank=True,
        related_name="+",
    )
    notes = models.TextField(_("notes"), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.number

    @property
    def total(self) -> Decimal:
        """The sum of the lines, in euros."""
        return self.lines.aggregate(total=Sum(F("quantity") * F("price")))["total"] or Decimal()  # type: ignore[attr-defined]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.number:
            self.number = self.next_number()
        super().save(*args, **kwargs)

    @classmethod
    def next_number(cls) -> str:
        raise TypeError(f"{cls.__name__} does not say how it is numbered")


class Line(models.Model):
    """A line of a document."""

    product = models.CharField(_("product"), max_length=200)
    description = models.CharField(_("description"), max_length=200, blank=True)
    quantity = models.DecimalField(
        _("quantity"), max_digits=12, decimal_places=2, default=1, validators=[MinValueValidator(0)]
    )
    price = models.DecimalField(_("price"), max_digits=12, decimal_places=2, validators=[MinValueValidator(0)])

    class Meta:
        abstract = True
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.product

    @property
    def amount(self) -> Decimal:
        return self.quantity * self.price
