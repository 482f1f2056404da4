"""What follows by itself when rows change."""

from typing import Any

from django.conf import settings
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from mail.models import Contact, Domain, Options, Server


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


@receiver([post_save, post_delete], sender=Server, dispatch_uid="mail_server_version")
@receiver([post_save, post_delete], sender=Domain, dispatch_uid="mail_domain_version")
@receiver(post_save, sender=Options, dispatch_uid="mail_options_version")
def settings_changed(sender: type, **kwargs: object) -> None:
    """Mail planned before this change is planned anew."""
    Options.raise_version()
