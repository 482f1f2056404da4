"""The identity rules in the file of `mail_config`: an ordered list, whole or not at all."""

from typing import Any

from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext as _

from mail.configuration_file import Entry, Problem
from mail.models import IdentityRule

Key = tuple[int | None, int | None, str]


def identity_entries() -> list[dict[str, Any]]:
    """Every rule in order: the kind of document as `app.model`, the team by name, the default From."""
    rules = IdentityRule.objects.select_related("document_type", "team")
    return [
        {
            "document_type": ".".join(rule.document_type.natural_key()) if rule.document_type else "",
            "team": rule.team.name if rule.team else "",
            "default_from": rule.default_from,
        }
        for rule in rules
    ]


def planned_rules(entries: list[Entry], problems: list[Problem]) -> list[IdentityRule]:
    """The rules as the file wants them, not saved; what is wrong with them goes to `problems`."""
    rules: list[IdentityRule] = []
    seen: dict[tuple[int | None, int | None], str] = {}
    for position, entry in enumerate(entries):
        kind, team = _kind(entry, problems), _team(entry, problems)
        says_nothing = not entry.values.get("document_type") and not entry.values.get("team")
        if says_nothing and entry.understands("document_type", "team"):
            problems.append(Problem(entry.place, _("Choose a kind of document, a team, or both.")))
        key = (kind.pk if kind else None, team.pk if team else None)
        first = seen.setdefault(key, entry.place)
        if first != entry.place and any(key):
            words = _("%(place)s is about the same documents already.") % {"place": first}
            problems.append(Problem(entry.place, words))
        sender = entry.values.get("default_from", "")
        rules.append(IdentityRule(position=position, document_type=kind, team=team, default_from=sender))
    return rules


def save_rules(rules: list[IdentityRule]) -> bool:
    """Make the table equal to these rules; False when it was so already."""
    stored = [_key(rule) for rule in IdentityRule.objects.all()]
    if stored == [_key(rule) for rule in rules]:
        return False
    IdentityRule.objects.all().delete()
    for rule in rules:
        rule.save()
    return True


def _key(rule: IdentityRule) -> Key:
    return rule.document_type_id, rule.team_id, rule.default_from


def _kind(entry: Entry, problems: list[Problem]) -> ContentType | None:
    label = str(entry.values.get("document_type", ""))
    if not label:
        return None
    app, _dot, model = label.lower().partition(".")
    kind = ContentType.objects.filter(app_label=app, model=model).first()
    if kind is None or kind.model_class() is None:
        words = _("There is no kind of document “%(label)s”: app.model is expected.") % {"label": label}
        problems.append(Problem(f"{entry.place}.document_type", words))
        return None
    return kind


def _team(entry: Entry, problems: list[Problem]) -> Group | None:
    name = str(entry.values.get("team", ""))
    if not name:
        return None
    team = Group.objects.filter(name=name).first()
    if team is None:
        words = _("There is no team named “%(name)s”.") % {"name": name}
        problems.append(Problem(f"{entry.place}.team", words))
    return team
