"""The whole e-mail configuration as one JSON file: design §9.

Names are the keys. A file is checked completely before anything is written, then written in one
transaction. Secrets come in and never go out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.db import models, transaction
from django.utils.translation import gettext as _

from mail import oauth_tokens
from mail.configuration_file import ConfigurationFile, ConfigurationInvalid, Entry, Problem, read_file
from mail.configuration_identities import identity_entries, planned_rules, save_rules
from mail.configuration_oauth import PlannedClients, client_entries
from mail.configuration_servers import COLUMNS, SECRETS, SERVER_FIELDS, fill_server, server_entry, warnings_about
from mail.models import Domain, Options, Server
from mail.planning import default_from_of
from mail.secret_places import BELONGS_TO

__all__ = ["ConfigurationInvalid", "Problem", "Report", "export_configuration", "import_configuration"]

OPTION_FIELDS = ("custom_servers", "dmarc_protection", "public_providers", "mass_server_id")
DOMAIN_FIELDS = ("name", "default_from", "bounce", "catchall", "is_default")
# A blocked server whose connection is written anew is given another chance.
CONNECTION_FIELDS = {*BELONGS_TO, *SECRETS, "authentication", "client_certificate", "ehlo_name"}
SERVER_COLUMNS = tuple(COLUMNS.get(name, name) for name in SERVER_FIELDS)


@dataclass(slots=True)
class Report:
    """What an import did, by the names of domains and servers."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def export_configuration() -> dict[str, Any]:
    """All that is configured, without secrets; importing it changes nothing."""
    options = Options.load()
    return {
        "options": {
            "custom_servers": options.custom_servers,
            "dmarc_protection": options.dmarc_protection,
            "public_providers": options.public_providers.replace(",", " ").split(),
            "mass_server": options.mass_server.name if options.mass_server else "",
        },
        "domains": [_domain_entry(row) for row in Domain.objects.all()],
        "servers": [server_entry(row) for row in Server.objects.custom()],
        "identities": identity_entries(),
        "oauth_clients": client_entries(),
        "aliases": [],
    }


def _domain_entry(row: Domain) -> dict[str, Any]:
    values = _values(row, DOMAIN_FIELDS)
    values["default"] = values.pop("is_default")
    return values


def import_configuration(text: str, *, replace: bool = False) -> Report:
    """Bring the database to what the file says; with `replace`, to nothing but what it says.

    ConfigurationInvalid tells every mistake, and nothing was written.
    """
    file = read_file(text)
    with transaction.atomic():
        Options.load()
        options = Options.objects.select_for_update().get(pk=1)  # imports come one after the other
        work = _Import(file, options, replace=replace)
        if work.problems:
            raise ConfigurationInvalid(work.problems)
        return work.write()


Row = TypeVar("Row", Domain, Server)


@dataclass(slots=True)
class _Draft(Generic[Row]):
    """A row as it will be; `before` is what it was, None for a new one."""

    entry: Entry
    row: Row
    before: dict[str, Any] | None

    @property
    def changed(self) -> list[str]:
        return [name for name, value in (self.before or {}).items() if getattr(self.row, name) != value]


class _Import:
    """Every row as the file wants it, and all that is wrong with that; nothing is saved before `write`."""

    def __init__(self, file: ConfigurationFile, options: Options, *, replace: bool) -> None:
        self.file, self.options, self.replace = file, options, replace
        self.problems, self.report = list(file.problems), Report()
        self.stored_domains = {row.name: row for row in Domain.objects.all()}
        self.stored_servers = {row.name: row for row in Server.objects.custom()}
        self.domains = [self._domain(entry) for entry in file.domains]
        self._choose_default_domain()
        self.servers = [self._server(entry) for entry in file.servers]
        self._check_mass_server()
        self.clients = PlannedClients(file.oauth_clients, replace=replace)
        self.problems += self.clients.problems
        self.report.warnings += self.clients.warnings
        entries = file.identities if file.identities is not None else [] if replace else None
        self.identities = None if entries is None else planned_rules(entries, self.problems)

    def write(self) -> Report:
        """Save what differs, and say what that was."""
        if self.replace:
            self._remove(self.stored_domains, self.file.domains)
            self._remove(self.stored_servers, self.file.servers)
        chosen = [domain.row.pk for domain in self.domains if domain.row.is_default]
        if chosen:
            # The old default goes before the new one comes: the database allows one at any time.
            Domain.objects.filter(is_default=True).exclude(pk__in=filter(None, chosen)).update(is_default=False)
        for domain in self.domains:
            self._save(domain)
        # Before the servers, of which some may wait for what comes.
        if self.clients.save():
            self.report.updated.append("oauth_clients")
        for server in self.servers:
            changed = self._save(server)
            if server.row.blocked_cause and CONNECTION_FIELDS.intersection(changed):
                server.row.unblock()
            oauth_tokens.settle(server.row)
        if self.identities is not None and save_rules(self.identities):
            self.report.updated.append("identities")
        self._save_options()
        return self.report

    # -- Domains

    def _domain(self, entry: Entry) -> _Draft[Domain]:
        stored = self.stored_domains.get(entry.name)
        row = stored or Domain()
        draft = _Draft(entry, row, _values(row, DOMAIN_FIELDS) if stored else None)
        given = {"is_default" if name == "default" else name: value for name, value in entry.values.items()}
        if self.replace:
            given = {"default_from": "", "bounce": "", "catchall": "", "is_default": False, **given}
        for name, value in given.items():
            setattr(row, name, value)
        return draft

    def _choose_default_domain(self) -> None:
        """One default at most: the file's own choice wins over the stored one; a domain alone needs no choice."""
        if any(domain.entry.values.get("default") for domain in self.domains):
            for domain in self.domains:
                domain.row.is_default = bool(domain.entry.values.get("default"))
            return
        names = {entry.name for entry in self.file.domains} | (set() if self.replace else set(self.stored_domains))
        if len(names) == 1 and self.domains and "default" not in self.domains[0].entry.values:
            self.domains[0].row.is_default = True
        stored = [] if self.replace else [row for row in self.stored_domains.values() if row.is_default]
        if len(names) > 1 and not stored and not any(domain.row.is_default for domain in self.domains):
            self.report.warnings.append(Problem("domains", _("None of the domains is the default one.")))

    def _default_from(self) -> str:
        """The whole default From as it will be."""
        named = {} if self.replace else dict(self.stored_domains)
        named |= {domain.entry.name: domain.row for domain in self.domains}
        chosen = [row for row in named.values() if row.is_default] or (list(named.values()) if len(named) == 1 else [])
        return default_from_of(chosen[0].name, chosen[0].default_from) if chosen else ""

    # -- Servers

    def _server(self, entry: Entry) -> _Draft[Server]:
        stored = self.stored_servers.get(entry.name)
        row = stored or Server()
        draft = _Draft(entry, row, _values(row, (*SERVER_COLUMNS, *SECRETS)) if stored else None)
        self.problems += fill_server(row, entry, anew=self.replace or not stored)
        self.report.warnings += warnings_about(row, entry, default_from=self._default_from())
        return draft

    # -- Options

    def _check_mass_server(self) -> None:
        name = self.file.options.values.get("mass_server", "")
        servers = {} if self.replace else dict(self.stored_servers)
        servers |= {server.entry.name: server.row for server in self.servers}
        if name and name not in servers:
            words = _("There is no outgoing server named «%(server)s».") % {"server": name}
            self.problems.append(Problem("options.mass_server", words))
        elif name and not servers[name].active:
            words = _("«%(server)s» is archived: mass mail will fail.") % {"server": name}
            self.report.warnings.append(Problem("options.mass_server", words))

    def _save_options(self) -> None:
        given = dict(self.file.options.values)
        if self.file.servers:
            # Whoever writes servers down wants them used.
            given.setdefault("custom_servers", True)
        if self.replace:
            given = {**_values(Options(), OPTION_FIELDS), "mass_server": "", **given}
        if "mass_server" in given:
            named = Server.objects.custom().filter(name=given.pop("mass_server"))
            given["mass_server_id"] = named.values_list("pk", flat=True).first()
        before = _values(self.options, OPTION_FIELDS)
        for name, value in given.items():
            setattr(self.options, name, value)
        changed = [name for name in OPTION_FIELDS if getattr(self.options, name) != before[name]]
        if changed:
            self.options.save(update_fields=changed)
            self.report.updated.append("options")

    # -- Saving

    def _save(self, draft: "_Draft[Domain] | _Draft[Server]") -> list[str]:
        changed = draft.changed
        if draft.before is None:
            draft.row.save()
            self.report.added.append(draft.entry.name)
        elif changed:
            draft.row.save(update_fields=changed)
            self.report.updated.append(draft.entry.name)
        else:
            self.report.unchanged.append(draft.entry.name)
        return changed

    def _remove(self, stored: Mapping[str, Domain | Server], entries: Sequence[Entry]) -> None:
        for name in stored.keys() - {entry.name for entry in entries}:
            stored[name].delete()
            self.report.removed.append(name)


def _values(row: models.Model, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
