"""Wrong settings are told at start, each with an id and a way out."""

import pytest
from django.conf import global_settings

from mail.checks import check_mail_settings


def told() -> list[str]:
    return [message.id for message in check_mail_settings(None)]


def test_the_settings_of_the_project_are_right():
    assert told() == []


@pytest.mark.parametrize(
    ("name", "value", "identity"),
    [
        ("MAIL_SERVER_URL", "http://mail.example", "mail.E001"),
        ("MAIL_SERVER_URL", "smtp://mail.example:0", "mail.E001"),
        ("DAERIS_FIELD_KEYS", [], "mail.E002"),
        ("DAERIS_FIELD_KEYS", ["not a key"], "mail.E002"),
        ("DAERIS_FIELD_KEYS", "not a list", "mail.E002"),
        ("DAERIS_TOKEN_KEY", "", "mail.E009"),
        ("DAERIS_TOKEN_KEY", "short", "mail.E009"),
        ("DAERIS_TOKEN_KEY", "t" * 50 + ",", "mail.E009"),
        ("DAERIS_TOKEN_KEY", ["t" * 50], "mail.E009"),
        ("MAIL_LEASE_SECONDS", 0, "mail.E003"),
        ("MAIL_LEASE_SECONDS", "60", "mail.E003"),
        ("MAIL_LEASE_SECONDS", 7200, "mail.W001"),
        ("MAIL_BACKOFF_SECONDS", [], "mail.E004"),
        ("MAIL_BACKOFF_SECONDS", [60, 0], "mail.E004"),
        ("MAIL_BACKOFF_SECONDS", 60, "mail.E004"),
        ("MAIL_BACKOFF_SECONDS", [300, 60], "mail.W002"),
        ("MAIL_RETRY_SECONDS", -1, "mail.E005"),
        ("MAIL_RETRY_SECONDS", 30, "mail.W003"),
        ("MAIL_KEEP_BODIES_DAYS", -1, "mail.E013"),
        ("MAIL_KEEP_ATTEMPTS_DAYS", "180", "mail.E013"),
        ("MAIL_CONNECTIONS", 0, "mail.E006"),
        ("MAIL_CONNECT_SECONDS", 0, "mail.E006"),
        ("MAIL_COMMAND_SECONDS", None, "mail.E006"),
        ("MAIL_DATA_SECONDS", True, "mail.E006"),
        ("MAIL_MAX_UPLOAD_BYTES", 0, "mail.E007"),
        ("MAIL_MAX_UPLOAD_BYTES", 200 * 1024 * 1024, "mail.W004"),
        ("MAIL_MAX_MESSAGE_BYTES", -1, "mail.E007"),
        ("MAIL_MAX_MESSAGE_BYTES", 200 * 1024 * 1024, "mail.W004"),
        ("FILE_UPLOAD_HANDLERS", global_settings.FILE_UPLOAD_HANDLERS, "mail.W006"),
        (
            "FILE_UPLOAD_HANDLERS",
            [*global_settings.FILE_UPLOAD_HANDLERS, "mail.uploads.BoundedUploadHandler"],
            "mail.W006",
        ),
        ("DEFAULT_FROM_EMAIL", "Mi Empresa", "mail.E008"),
        ("DEFAULT_FROM_EMAIL", "a@x.example, b@x.example", "mail.E008"),
        ("DEFAULT_FROM_EMAIL", "webmaster@localhost", "mail.W005"),
        ("BASE_URL", "", "mail.E010"),
        ("BASE_URL", "daeris.example", "mail.E010"),
        ("BASE_URL", "ftp://daeris.example", "mail.E010"),
        ("BASE_URL", "http://[::1", "mail.E010"),
        ("MAIL_NAMESERVER", "dns.example:53", "mail.E011"),
        ("MAIL_NAMESERVER", "192.0.2.1:0", "mail.E011"),
        ("MAIL_OAUTH_ENDPOINTS", {"google": {"token": "http://accounts.example/token"}}, "mail.E012"),
        ("MAIL_OAUTH_ENDPOINTS", {"google": "https://accounts.example"}, "mail.E012"),
        ("MAIL_OAUTH_ENDPOINTS", ["google"], "mail.E012"),
    ],
)
def test_a_wrong_setting_is_told_with_a_hint(settings, name, value, identity):
    setattr(settings, name, value)
    messages = check_mail_settings(None)
    assert [message.id for message in messages] == [identity]
    assert all(message.hint for message in messages)


def test_a_missing_setting_is_a_wrong_one(settings):
    del settings.MAIL_LEASE_SECONDS
    assert told() == ["mail.E003"]


def test_no_secret_is_repeated(settings):
    settings.MAIL_SERVER_URL = "smtp://user:hunter2hunter2@mail.example?tls=maybe"
    settings.DAERIS_FIELD_KEYS = ["hunter2hunter2"]
    settings.DAERIS_TOKEN_KEY = "hunter2"
    text = " ".join(f"{message.msg} {message.hint}" for message in check_mail_settings(None))
    assert "mail.example" not in text.replace("mail.example.com", "")
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "url",
    ["smtp://ana:1234?hunter2@mail.example", "smtp://mail.example?password=hunter2", "smtp://mail.example?hunter2=x"],
)
def test_a_password_in_the_wrong_place_is_not_repeated(settings, url):
    settings.MAIL_SERVER_URL = url

    assert "hunter2" not in str(check_mail_settings(None))
