from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatterConfig(AppConfig):
    name = "chatter"
    verbose_name = _("Conversations")
    default_auto_field = "django.db.models.BigAutoField"
