from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MailConfig(AppConfig):
    name = "mail"
    verbose_name = _("E-mail")
    default_auto_field = "django.db.models.BigAutoField"

    def import_models(self) -> None:
        from mail.defaults import complete_settings

        complete_settings()  # before anything of ours reads them
        super().import_models()

    def ready(self) -> None:
        from mail import checks, menus, receivers  # noqa: F401

        menus.register()
