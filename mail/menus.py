"""The pages of mail in the menus of the shell."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from daeris.ui import navigation
from mail import pauses


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
    navigation.notice(_paused)


def _red(request: HttpRequest) -> navigation.Badge | None:
    from mail.views.listing import red_badge

    return red_badge(request)


def _paused(request: HttpRequest) -> navigation.Notice | None:
    held = pauses.shown()
    if not held.anything and not held.servers:
        return None
    may = request.user.has_perm("mail.manage_servers")
    url, action = (_where(held), _("Go on sending…")) if may else ("", "")
    return navigation.Notice(_what(held), icon="circle-pause", url=url, action=action)


def _what(held: pauses.Pauses) -> str | Promise:
    if held.everything:
        return _("All sending is paused: e-mail waits in the queue until somebody lets it go on.")
    if held.mass:
        return _("Mass mailing is paused: its e-mail waits in the queue until somebody lets it go on.")
    if held.transactional:
        return _("Sending is paused, except for mass mailing: e-mail waits in the queue until somebody lets it go on.")
    if len(held.servers) == 1:
        words = _("The server “%(name)s” is paused: its e-mail waits in the queue until somebody lets it go on.")
        return words % {"name": held.servers[0][1]}
    words = _("%(count)s servers are paused: their e-mail waits in the queue until somebody lets it go on.")
    return words % {"count": len(held.servers)}


def _where(held: pauses.Pauses) -> str:
    if held.anything:
        return reverse("mail:pauses")
    return reverse("mail:server", args=[held.servers[0][0]]) if len(held.servers) == 1 else reverse("mail:servers")
