"""What every business record here has in common."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.validators import MinValueValidator
from django.db import IntegrityError, models, transaction
from django.db.models import F, OuterRef, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _

from chatter.threads import Threaded
from mail.models import Contact
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

    def deletable_by(self, user: AnyUser) -> Self:
        """Records this user may delete."""
        if user.is_authenticated and user.has_perm(self._permission("delete")):  # type: ignore[attr-defined]
            return self.visible_to(user)
        return self.none()

    def overdue(self) -> Self:
        """Records whose date has passed while something is still to be done about them."""
        return self.filter(**{f"{self.model.deadline}__lt": localdate()}, stage__in=self.model.open_stages)

    def listed(self) -> Self:
        """Each record with what a list shows and sorts by, so that no row asks for itself.

        `amount` is the sum of its lines; `customer_name` and `due` are never NULL.
        """
        lines = self.model._meta.get_field("lines").related_model._default_manager.filter(document=OuterRef("pk"))
        total = lines.order_by().values("document").annotate(total=Sum(F("quantity") * F("price"))).values("total")
        money = models.DecimalField(max_digits=14, decimal_places=2)
        return self.select_related("customer", "responsible", "team").annotate(
            amount=Coalesce(Subquery(total, output_field=money), Decimal(), output_field=money),
            customer_name=Coalesce("customer__name", Value("")),
            due=Coalesce(self.model.deadline, Value(date.max), output_field=models.DateField()),
        )

    def _permission(self, action: str) -> str:
        meta = self.model._meta
        return f"{meta.app_label}.{action}_{meta.model_name}"


class Document(Threaded):
    """A business record: a customer, someone in charge, a stage, and a conversation."""

    # The value of `stage` a record passes through, in their order; the rest of the choices are ways out.
    path: ClassVar[tuple[str, ...]] = ()
    icon: ClassVar[str] = "file-text"
    # The date by which something must happen, and the stages in which it still may.
    deadline: ClassVar[str] = ""
    open_stages: ClassVar[tuple[str, ...]] = ()

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
    # Whose document it is: with its kind it decides under which address mail about it is written.
    team = models.ForeignKey(Group, models.SET_NULL, verbose_name=_("team"), null=True, blank=True, related_name="+")
    notes = models.TextField(_("notes"), blank=True)
    # The form that made it: the same form sent twice makes one record.
    form_token = models.UUIDField(null=True, unique=True, editable=False)
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

    @property
    def is_overdue(self) -> bool:
        """Whether its date has passed while something is still to be done."""
        due = getattr(self, self.deadline)
        return due is not None and due < localdate() and self.stage in self.open_stages

    @property
    def mail_team(self) -> Group | None:
        """The team that identity rules look at."""
        return self.team

    def suggested_recipients(self) -> Iterable[Contact]:
        """The customer: who writes about a record mostly writes to them."""
        return [self.customer] if self.customer else []

    def enter(self, stage: str) -> list[str]:
        """Move to this stage; the names of the fields that changed with it, for the caller to save."""
        self.stage = stage
        return ["stage"]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.number:
            super().save(*args, **kwargs)
            return
        last = type(self).objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        for position in count(last + 1):
            self.number = self.numbered(position)
            try:
                with transaction.atomic(using=kwargs.get("using")):
                    super().save(*args, **kwargs)
            except IntegrityError:
                # Someone else took the number in the same moment: try the next one. Anything else is not ours.
                if not type(self).objects.filter(number=self.number).exists():
                    raise
            else:
                return

    @classmethod
    def numbered(cls, position: int) -> str:
        """How the record in this position is numbered."""
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
