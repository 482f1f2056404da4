"""How Google and Microsoft know us, in the file of `mail_config`: ids and tenant come and go, secrets only come."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from mail.configuration_file import Entry, Problem
from mail.fields import decrypt, encrypt
from mail.models import OAuthClient, Provider, Server
from mail.oauth_providers import environment_client

FIELDS = ("client_id", "client_secret", "tenant")


def client_entries() -> list[dict[str, Any]]:
    """Every provider of which something is written down here; what the environment says is not."""
    rows = OAuthClient.objects.order_by("provider")
    return [_entry(row) for row in rows if row.client_id or row.tenant]


def _entry(row: OAuthClient) -> dict[str, Any]:
    tenant = {"tenant": row.tenant} if row.provider == Provider.MICROSOFT else {}
    return {"name": row.provider, "client_id": row.client_id, **tenant}


class PlannedClients:
    """The clients as the file wants them, not saved; `problems` and `warnings` tell what is wrong with that."""

    def __init__(self, entries: list[Entry], *, replace: bool) -> None:
        self._rows = {row.provider: row for row in OAuthClient.objects.all()}
        self._before = {provider: _values(row) for provider, row in self._rows.items()}
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        named = {entry.name for entry in entries}
        self._leaving = [row for row in self._rows.values() if replace and row.provider not in named]
        for entry in entries:
            if entry.name:
                row = self._rows.setdefault(entry.name, OAuthClient(provider=entry.name))
                self.problems += self._fill(row, entry, anew=replace)

    def save(self) -> bool:
        """Write what differs; False when all was so already."""
        leaving = [row.provider for row in self._leaving]
        changed = [
            row
            for provider, row in self._rows.items()
            if provider not in leaving and _values(row) != self._before.get(provider, ("", "", ""))
        ]
        for row in changed:
            row.save()
        for row in self._leaving:
            row.delete()
        # What waited for a client that the provider knows is tried again.
        for server in Server.objects.filter(
            authentication__in=[row.provider for row in changed], blocked_cause="oauth_client"
        ):
            server.unblock()
        return bool(changed or leaving)

    def _fill(self, row: OAuthClient, entry: Entry, *, anew: bool) -> Iterator[Problem]:
        stored_id, given = row.client_id, dict(entry.values)
        defaults = {"client_id": "", "tenant": ""} if anew else {}
        for name in ("client_id", "tenant"):
            setattr(row, name, {**defaults, **given}.get(name, getattr(row, name)))
        if row.tenant and row.provider != Provider.MICROSOFT:
            yield Problem(f"{entry.place}.tenant", _("Only Microsoft has tenants."))
        if "client_secret" in given:
            # The same secret keeps its encrypted form, so that nothing seems to have changed.
            if decrypt(row.client_secret) != given["client_secret"]:
                row.client_secret = encrypt(given["client_secret"]) if given["client_secret"] else ""
            if row.client_secret and not row.client_id and entry.understands("client_id"):
                yield Problem(f"{entry.place}.client_id", _("Write the client id that goes with the secret."))
        elif row.client_id != stored_id:
            if row.client_id and row.client_secret:
                words = _("Write the secret again: the stored one belongs to another client id.")
                yield Problem(f"{entry.place}.client_secret", words)
            row.client_secret = ""
        if row.client_id and not row.client_secret and row.client_id != environment_client(row.provider).client_id:
            self.warnings.append(Problem(f"{entry.place}.client_secret", _("No secret is stored for this client id.")))


def _values(row: OAuthClient) -> tuple[str, ...]:
    return tuple(getattr(row, name) for name in FIELDS)
