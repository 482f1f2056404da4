"""A model that carries a conversation says who may see its records, and where they are shown."""

import pytest
from django.test.utils import isolate_apps

from chatter import checks
from chatter.threads import Threaded


def test_the_documents_are_in_order() -> None:
    assert checks.records_say_who_sees_them(None) == []


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with isolate_apps("chatter") as isolated:

        class Bare(Threaded):
            class Meta:
                app_label = "chatter"

        monkeypatch.setattr(checks, "apps", isolated)

        assert [error.id for error in checks.records_say_who_sees_them(None)] == ["chatter.E001", "chatter.E002"]
