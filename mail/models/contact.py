"""The people that mail and chatter know."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from mail.models.mail import AnyUser


def languages() -> list[tuple[str, Any]]:
    """Those of the project. A function, so that other languages make no migration."""
    return [(code, str(name)) for code, name in settings.LANGUAGES]


class ContactQuerySet(models.QuerySet["Contact"]):
    def internal(self) -> Self:
        """Contacts that log in."""
        return self.filter(user__isnull=False, user__is_active=True)

    def visible_to(self, user: AnyUser) -> Self:
        """Contacts this user may read: with the permission everyone, else only this user's own."""
        return self._allowed(user, "mail.view_contact", "mail.change_contact")

    def editable_by(self, user: AnyUser) -> Self:
        """Contacts this user may change; anyone may choose their own language and notifications."""
        return self._allowed(user, "mail.change_contact")

    def deletable_by(self, user: AnyUser) -> Self:
        """Contacts this user may delete. Never a user's: it goes with the user."""
        if user.is_authenticated and user.has_perm("mail.delete_contact"):  # type: ignore[attr-defined]
            return self.visible_to(user).filter(user=None)
        return self.none()

    def _allowed(self, user: AnyUser, *permissions: str) -> Self:
        if not user.is_authenticated:
            return self.none()
        if any(user.has_perm(permission) for permission in permissions):  # type: ignore[attr-defined]
            return self
        return self.filter(user_id=user.pk)


class Contact(models.Model):
    """A person (or a company) with a name, an address and a language. Every user has one, made by signal."""

    class Notify(models.TextChoices):
        EMAIL = "email", _("By e-mail")
        APP = "app", _("In Daeris")

    name = models.CharField(_("name"), max_length=200)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    company = models.CharField(_("company"), max_length=200, blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    # Empty: the language and zone of the installation.
    language = models.CharField(_("language"), max_length=10, blank=True, choices=languages)
    time_zone = models.CharField(_("time zone"), max_length=60, blank=True)
    notify = models.CharField(_("notifications"), max_length=5, choices=Notify, default=Notify.EMAIL)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="contact", editable=False
    )
    # The form that made it: the same form sent twice makes one contact.
    form_token = models.UUIDField(null=True, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ["name", "pk"]
        indexes = [
            # A sender is recognised by the address, whatever its case.
            models.Index(Lower("email"), name="contact_email"),
            # The list, in its order, page by page.
            models.Index(fields=["name", "id"], name="contact_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_internal(self) -> bool:
        """Whether this person may read internal notes."""
        return bool(self.user and self.user.is_active and self.user.has_perm("chatter.use_notes"))
