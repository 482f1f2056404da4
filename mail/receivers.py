"""What follows by itself when rows change."""

from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from daeris.ui import language
from daeris.ui.language import language_chosen
from mail import pauses
from mail.models import Contact, Domain, IdentityRule, Options, Server


@receiver(post_save, sender=settings.AUTH_USER_MODEL, dispatch_uid="mail_user_contact")
def give_user_a_contact(sender: type, instance: Any, created: bool, raw: bool, **kwargs: object) -> None:
    """Every user has a contact, and the contact bears the user's name and address."""
    if raw:
        return
    name = instance.get_full_name() or instance.get_username()
    if created:
        Contact.objects.create(user=instance, name=name, email=instance.email)
    else:
        Contact.objects.filter(user=instance).update(name=name, email=instance.email)


@receiver(user_logged_in, dispatch_uid="mail_user_language")
def speak_the_users_language(sender: type, request: HttpRequest, user: Any, **kwargs: object) -> None:
    """Whoever logs in is answered in the language of their contact."""
    known = Contact.objects.filter(user_id=user.pk).values_list("language", flat=True).first()
    language.prefer(request, known or "")


@receiver(language_chosen, dispatch_uid="mail_language_chosen")
def keep_the_users_language(sender: type, user: Any, language: str, **kwargs: object) -> None:
    """What a user chose for the screens holds for e-mails, too, and for the next log-in."""
    Contact.objects.filter(user_id=user.pk).update(language=language)


@receiver([post_save, post_delete], sender=Server, dispatch_uid="mail_server_version")
@receiver([post_save, post_delete], sender=Domain, dispatch_uid="mail_domain_version")
@receiver([post_save, post_delete], sender=IdentityRule, dispatch_uid="mail_identity_version")
@receiver(post_save, sender=Options, dispatch_uid="mail_options_version")
def settings_changed(sender: type, **kwargs: object) -> None:
    """Mail planned before this change is planned anew."""
    Options.raise_version()


@receiver([post_save, post_delete], sender=Server, dispatch_uid="mail_server_banner")
def paused_server_changed(sender: type, instance: Server, **kwargs: object) -> None:
    """One that was archived or deleted holds no mail any more, and the banner says so at once."""
    if instance.is_paused:
        transaction.on_commit(pauses.forget)
