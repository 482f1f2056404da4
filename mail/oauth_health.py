"""How the account of a server is doing, in words, for its form."""

from dataclasses import dataclass
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mail.fields import decrypt
from mail.models import Grant, Provider, Server
from mail.oauth_providers import client_of
from mail.oauth_tokens import grant_of

State = Literal["new", "moved", "lost", "connected"]


@dataclass(frozen=True, slots=True)
class Health:
    """What the form says about one provider."""

    provider: Provider
    # Whether this installation has credentials there; without them nobody can be asked.
    is_ready: bool
    state: State
    grant: Grant | None
    button: Promise
    # After a loss: what usually led to it, and what to do.
    reason: Promise | str = ""
    advice: Promise | str = ""


REASONS: dict[str, Promise] = {
    "invalid_grant": _(
        "The provider no longer accepts the permission: the password of the account was changed, the permission was "
        "withdrawn, or nobody used it for months."
    ),
    "interaction_required": _("The provider wants the person to log in once more, for example with a second factor."),
    "consent_required": _("The provider wants the permission to be given once more."),
    "unreadable": _("The stored permission was encrypted with a key that this installation no longer has."),
}
ADVICE: dict[str, Promise] = {
    Provider.GOOGLE: _(
        "If it happens every seven days, the application is still in test mode at Google: publish it there."
    ),
    Provider.MICROSOFT: _(
        "If Microsoft does not let the account say yes, an administrator of the organization has to allow the "
        "application first."
    ),
}
BUTTONS: dict[State, Promise] = {
    "new": _("Save and connect"),
    "moved": _("Reconnect"),
    "lost": _("Reconnect"),
    "connected": _("Reconnect"),
}


def health_of(server: Server | None) -> list[Health]:
    """One for each provider, in the order of the form."""
    grant = getattr(server, "grant", None) if server else None
    return [_health(Provider(value), server, grant) for value in Provider.values]


def _health(provider: Provider, server: Server | None, grant: Grant | None) -> Health:
    mine = grant if grant and grant.provider == provider else None
    state, reason = _state(server, mine)
    return Health(
        provider=provider,
        is_ready=client_of(provider).is_complete,
        state=state,
        grant=mine,
        button=BUTTONS[state] if state != "new" or server is None else _("Connect"),
        reason=reason,
        advice=ADVICE[provider] if state == "lost" else "",
    )


def _state(server: Server | None, grant: Grant | None) -> tuple[State, Promise | str]:
    if server is None or grant is None:
        return "new", ""
    if decrypt(grant.refresh_token) is None:
        return "lost", REASONS["unreadable"]
    if grant.failure:
        return "lost", REASONS.get(grant.failure, REASONS["invalid_grant"])
    if grant_of(server) is None:
        return "moved", ""
    return "connected", ""
