"""The keys of stored secrets change, and nothing stored is lost."""

import json
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.test import override_settings

from mail.fields import encrypt
from mail.models import Grant, OAuthClient, Server

pytestmark = pytest.mark.django_db

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def secrets(action: str) -> dict[str, object]:
    out = StringIO()
    call_command("mail_secrets", action, json=True, stdout=out)
    found: dict[str, object] = json.loads(out.getvalue())
    return found


@pytest.fixture
def server() -> Server:
    with override_settings(DAERIS_FIELD_KEYS=[OLD]):
        server = Server(name="Ventas", host="smtp.acme.example", authentication="password", username="ana")
        server.set_password("una-clave")
        server.client_key = encrypt("-----BEGIN PRIVATE KEY-----")
        server.save()
        Grant.objects.create(server=server, provider="google", refresh_token=encrypt("un-token"))
        OAuthClient.objects.create(provider="google", client_secret=encrypt("un-secreto"))
    return server


@override_settings(DAERIS_FIELD_KEYS=[NEW, OLD])
def test_everything_is_written_anew_under_the_newest_key(server: Server) -> None:
    assert secrets("check") == {"rotated": 0, "newest": 0, "older": 4, "unreadable": 0, "unreadable_secrets": []}
    assert secrets("rotate")["rotated"] == 4
    with override_settings(DAERIS_FIELD_KEYS=[NEW]):
        server.refresh_from_db()
        assert server.open_password() == "una-clave"
        assert secrets("check")["newest"] == 4
    assert secrets("rotate")["rotated"] == 0


@override_settings(DAERIS_FIELD_KEYS=[NEW])
def test_what_no_key_opens_is_named_and_kept(server: Server) -> None:
    before = server.password
    with pytest.raises(CommandError, match=rf"mail\.Server {server.pk} password"):
        call_command("mail_secrets", "rotate", stdout=StringIO())
    server.refresh_from_db()
    assert server.password == before
    assert server.open_password() is None
