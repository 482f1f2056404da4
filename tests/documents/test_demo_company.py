"""The demo company: founded once, by whoever comes first, with log-ins of its own."""

import json
import shutil
import stat
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from chatter.models import Message
from daeris import demo_company
from daeris.demo_company import DEFERRED_ADDRESS, REFUSED_ADDRESS
from daeris.demo_founding import DEMO_SERVER
from daeris.documents.models import Invoice, Opportunity, SaleOrder
from daeris.models import User
from mail.models import Contact, Domain, Mail, Options, Server

pytestmark = [pytest.mark.django_db, pytest.mark.large]


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """An installation of its own: its log-ins and files lie in a folder that is thrown away."""
    settings.DATA_DIR = tmp_path / "data"
    settings.MEDIA_ROOT = tmp_path / "data" / "media"
    return tmp_path / "data"


@pytest.fixture(scope="class")
def company(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The company, founded once for all tests of a class; the folder of its installation."""
    folder = tmp_path_factory.mktemp("company")
    with django_db_blocker.unblock(), transaction.atomic():
        with override_settings(DATA_DIR=folder, MEDIA_ROOT=folder / "media"):
            demo()
        yield folder
        transaction.set_rollback(True)


def demo() -> dict[str, Any]:
    out = StringIO()
    call_command("demo", "--json", stdout=out)
    outcome: dict[str, Any] = json.loads(out.getvalue())
    return outcome


def counts() -> list[int]:
    models = (User, Contact, Opportunity, SaleOrder, Invoice, Message, Mail, Server, Domain)
    return [model._default_manager.count() for model in models]


def test_founding_it_again_changes_nothing(folder: Path) -> None:
    assert demo_company.is_missing()
    first, made, logins = demo(), counts(), (folder / "demo-logins.json").read_bytes()
    assert (first["founded"], first["opportunities"], first["contacts"]) == (True, 28, 28)
    assert not demo_company.is_missing()
    Contact.objects.filter(name="Julia Ferrer").update(name="Julia F.")
    assert demo()["founded"] is False
    assert counts() == made
    assert (folder / "demo-logins.json").read_bytes() == logins
    assert Contact.objects.filter(name="Julia F.").exists()


def test_production_has_no_demo_company(settings: Any) -> None:
    settings.EMBEDDED = False
    with pytest.raises(CommandError):
        call_command("demo")
    assert demo_company.is_missing()


class TestTheCompany:
    @pytest.fixture(autouse=True)
    def _founded(self, company: Path, folder: Path) -> None:
        shutil.copytree(company, folder)

    def test_the_log_ins_are_private_and_work(self, folder: Path) -> None:
        assert stat.S_IMODE((folder / "demo-logins.json").stat().st_mode) == 0o600
        logins = demo_company.logins()
        assert [login.username for login in logins] == ["marta", "ivan", "lucia"]
        for login in logins:
            assert authenticate(username=login.username, password=login.password) is not None
        assert len({login.password for login in logins}) == 3

    def test_lost_log_ins_are_made_anew(self, folder: Path) -> None:
        (folder / "demo-logins.json").unlink()
        assert demo_company.logins() == []
        demo()
        (login, *_rest) = demo_company.logins()
        assert authenticate(username=login.username, password=login.password) is not None

    def test_what_goes_out_at_first_is_little_and_shows_both_failures(self) -> None:
        recipients = list(Mail.objects.values_list("recipient_address", flat=True))
        assert len(recipients) < 15
        assert {REFUSED_ADDRESS, DEFERRED_ADDRESS} <= set(recipients)
        assert all(address.endswith(".example") for address in recipients)
        assert set(Mail.objects.values_list("state", flat=True)) == {"queued"}

    def test_who_may_do_what(self) -> None:
        marta, ivan, lucia = (User.objects.get(username=name) for name in ("marta", "ivan", "lucia"))
        assert marta.has_perms(["mail.manage_servers", "mail.manage_mail", "documents.delete_invoice"])
        assert ivan.has_perms(["documents.change_opportunity", "documents.view_invoice", "chatter.use_notes"])
        assert not ivan.has_perm("documents.change_invoice")
        assert lucia.has_perms(["documents.change_invoice", "documents.view_saleorder", "mail.change_contact"])
        assert not lucia.has_perm("documents.change_opportunity")
        assert not lucia.has_perm("mail.manage_mail")

    def test_the_server_follows_the_demo_mail_server(self) -> None:
        server = Server.objects.get(name=DEMO_SERVER)
        server.block(cause="timeout", reply="")
        version = Options.load().version
        demo_company.set_demo_server("127.0.0.1", 40123)
        server.refresh_from_db()
        assert (server.host, server.port, server.blocked_cause) == ("127.0.0.1", 40123, "")
        assert Options.load().version > version
        server.delete()
        demo_company.set_demo_server("127.0.0.1", 40124)
        assert not Server.objects.filter(name=DEMO_SERVER).exists()
