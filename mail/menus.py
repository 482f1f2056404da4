"""The pages of mail in the menus of the shell."""

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from daeris.ui import navigation


def register() -> None:
    """Put the mail pages under Settings. Everyone reaches the e-mails; the rest goes by permission."""
    navigation.app("settings", label=_("Settings"), icon="settings", order=90)
    navigation.entry(
        "settings",
        label=_("General options"),
        url="mail:options",
        icon="sliders-horizontal",
        order=10,
        permission="mail.manage_servers",
    )
    for url, label, icon, order in (
        ("mail:servers", _("Outgoing mail servers"), "server", 30),
        ("mail:aliases", _("Mail aliases"), "at-sign", 50),
    ):
        navigation.entry(
            "settings",
            label=label,
            url=url,
            icon=icon,
            group=_("E-mail"),
            order=order,
            permission="mail.manage_servers",
        )
    navigation.entry(
        "settings",
        label=_("E-mails"),
        url="mail:mails",
        icon="mail",
        group=_("E-mail"),
        order=20,
        count=_red,
        shortcut="g m",
    )


def _red(request: HttpRequest) -> navigation.Badge | None:
    from mail.views.listing import red_badge

    return red_badge(request)
