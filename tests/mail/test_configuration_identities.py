"""Identity rules go out with the configuration and come back in their order."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.utils import translation

from mail.configuration import ConfigurationInvalid, export_configuration, import_configuration
from mail.models import IdentityRule

pytestmark = pytest.mark.django_db
INVOICES = {"document_type": "documents.invoice", "team": "", "default_from": "facturas"}
SALES = {"document_type": "", "team": "Ventas", "default_from": "ventas@miempresa.example"}


@pytest.fixture(autouse=True)
def _english() -> Any:
    Group.objects.get_or_create(name="Ventas")
    with translation.override("en"):
        yield


def imported(identities: Any, **options: Any) -> Any:
    return import_configuration(json.dumps({"identities": identities}), **options)


def test_they_come_back_as_they_went_out() -> None:
    assert imported([INVOICES, SALES]).updated == ["identities"]
    assert export_configuration()["identities"] == [INVOICES, SALES]
    before = list(IdentityRule.objects.values_list("pk", flat=True))
    assert import_configuration(json.dumps(export_configuration())).updated == []
    assert list(IdentityRule.objects.values_list("pk", flat=True)) == before
    imported([SALES, INVOICES])
    assert export_configuration()["identities"] == [SALES, INVOICES]


def test_a_file_that_does_not_speak_of_them_leaves_them_unless_it_replaces() -> None:
    IdentityRule.objects.create(document_type=ContentType.objects.get(model="invoice"), default_from="facturas")
    import_configuration("{}")
    assert IdentityRule.objects.count() == 1
    import_configuration("{}", replace=True)
    assert not IdentityRule.objects.exists()


@pytest.mark.parametrize(
    ("rule", "place", "words"),
    [
        ({**INVOICES, "document_type": "documents.bill"}, "identities[0].document_type", "no kind of document"),
        ({**SALES, "team": "Nobody"}, "identities[0].team", "no team named"),
        ({**SALES, "default_from": ""}, "identities[0].default_from", "must not be empty"),
        ({"team": "Ventas"}, "identities[0].default_from", "missing"),
        ({**SALES, "default_from": "Ana <ana@x.example>"}, "identities[0].default_from", "without a name"),
        ({**SALES, "default_from": "a\r\nBcc: b@c.example"}, "identities[0].default_from", ""),
        ({"default_from": "info"}, "identities[0]", "a team, or both"),
        ({**SALES, "colour": "red"}, "identities[0].colour", "Unknown"),
        ("ventas", "identities[0]", "An object is expected"),
    ],
)
def test_every_mistake_has_its_place_and_nothing_is_written(rule: Any, place: str, words: str) -> None:
    with pytest.raises(ConfigurationInvalid) as caught:
        imported([rule, INVOICES])
    [problem] = caught.value.problems
    assert problem.place == place
    assert words in problem.words
    assert not IdentityRule.objects.exists()


def test_two_rules_for_the_same_documents_are_refused() -> None:
    with pytest.raises(ConfigurationInvalid, match=r"identities\[0\] is about the same documents already"):
        imported([INVOICES, {**INVOICES, "default_from": "otra"}])
