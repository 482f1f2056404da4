from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatterConfig(AppConfig):
    name = "chatter"
    verbose_name = _("Conversations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from chatter import checks, emails  # noqa: F401
        from chatter.views.bell import unread
        from daeris.ui import navigation
        from mail import guards

        guards.register(emails.kept_inside)
        navigation.bell(unread)
