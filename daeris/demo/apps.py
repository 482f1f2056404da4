from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DemoConfig(AppConfig):
    name = "daeris.demo"
    label = "demo"
    verbose_name = _("Demo mailbox")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from daeris.ui import navigation

        navigation.app("settings", label=_("Settings"), icon="settings", order=90)
        navigation.entry(
            "settings",
            label=_("Demo mailbox"),
            url="demo:mailbox",
            icon="mailbox",
            group=_("Demo"),
            order=90,
            permission="chatter.use_notes",
        )
