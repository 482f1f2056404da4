"""`mail_config`: names are keys, every mistake is told at once, nothing is half written, no secret leaves."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management import CommandError, call_command, load_command_class
from django.utils import translation

from mail.configuration import ConfigurationInvalid, Report, export_configuration, import_configuration
from mail.models import Domain, Options, Server

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


CORPORATE = {
    "name": "Corporativo",
    "priority": 5,
    "from_filter": "miempresa.example",
    "active": True,
    "host": "smtp.miempresa.example",
    "port": 587,
    "security": "starttls",
    "authentication": "password",
    "username": "correo@miempresa.example",
    "password": "s3cret-one",
    "verify_certificate": True,
    "ca_certificate": "",
    "max_connections": 4,
}
GMAIL = {
    "name": "Gmail ventas",
    "from_filter": "ventas@gmail.com",
    "host": "smtp.gmail.com",
    "security": "tls",
    "username": "ventas@gmail.com",
    "password": "s3cret-two",
}
FULL = {
    "options": {"custom_servers": True, "dmarc_protection": "always", "mass_server": "Gmail ventas"},
    "domains": [
        {"name": "miempresa.example", "default_from": "info", "bounce": "bounce", "catchall": "todo", "default": True},
        {"name": "second.example", "default_from": "post@other.example"},
    ],
    "servers": [CORPORATE, GMAIL],
    "aliases": [],
}


def load(data: Any, **options: Any) -> Report:
    return import_configuration(data if isinstance(data, str) else json.dumps(data), **options)


def mistakes(data: Any, **options: Any) -> dict[str, str]:
    with pytest.raises(ConfigurationInvalid) as refused:
        load(data, **options)
    return {problem.place: problem.words for problem in refused.value.problems}


def changed(server: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The server with these fields; without its password unless one is given."""
    return {"servers": [{**{name: value for name, value in server.items() if name != "password"}, **fields}]}


def everything() -> list[Any]:
    """All that an import may touch, with the secrets opened."""
    servers = Server.objects.custom().values()
    opened = [{**row, "password": Server(password=row["password"]).open_password()} for row in servers]
    options = Options.objects.filter(pk=1).values("custom_servers", "dmarc_protection", "mass_server_id")
    return [opened, list(Domain.objects.values()), list(options)]


# -- What a good file does ---------------------------------------------------------------------------


def test_a_file_fills_an_empty_database():
    report = load(FULL)
    assert report.added == ["miempresa.example", "second.example", "Corporativo", "Gmail ventas"]
    row = Server.objects.get(name="Corporativo")
    for name in CORPORATE.keys() - {"password"}:
        assert getattr(row, name) == CORPORATE[name]
    assert row.open_password() == "s3cret-one"
    assert "s3cret" not in row.password
    options = Options.load()
    assert options.custom_servers
    assert options.dmarc_protection == "always"
    assert options.mass_server.name == "Gmail ventas"
    assert Domain.objects.get(is_default=True).name == "miempresa.example"


def test_what_is_left_out_of_a_new_server_is_as_in_an_empty_form():
    load({"servers": [{"name": "A", "host": "Smtp.Example."}, GMAIL]})
    plain = Server.objects.get(name="A")
    assert (plain.host, plain.port, plain.security, plain.authentication) == ("smtp.example", 25, "none", "none")
    assert (plain.priority, plain.active, plain.verify_certificate, plain.max_connections) == (10, True, True, 10)
    gmail = Server.objects.get(name="Gmail ventas")
    assert (gmail.port, gmail.authentication) == (465, "password")


def test_importing_twice_changes_nothing():
    load(FULL)
    before, version = everything(), Options.load().version
    report = load(FULL)
    assert report.unchanged == ["miempresa.example", "second.example", "Corporativo", "Gmail ventas"]
    assert [report.added, report.updated, report.removed] == [[], [], []]
    assert everything() == before
    assert Options.load().version == version


def test_an_update_touches_only_what_it_names():
    load(FULL)
    report = load({"servers": [{"name": "Corporativo", "priority": 1}], "domains": [{"name": "second.example"}]})
    assert report.updated == ["Corporativo"]
    row = Server.objects.get(name="Corporativo")
    assert (row.priority, row.from_filter, row.open_password()) == (1, "miempresa.example", "s3cret-one")
    assert Domain.objects.get(name="second.example").default_from == "post@other.example"
    assert Server.objects.filter(name="Gmail ventas").exists()


def test_replace_makes_the_database_equal_to_the_file():
    load(FULL)
    report = load({"servers": [{"name": "Corporativo", "host": "smtp.other.example"}]}, replace=True)
    assert sorted(report.removed) == ["Gmail ventas", "miempresa.example", "second.example"]
    row = Server.objects.get()
    assert (row.priority, row.from_filter, row.port, row.authentication) == (10, "", 25, "none")
    assert row.password == ""
    assert not Domain.objects.exists()
    options = Options.load()
    assert (options.dmarc_protection, options.mass_server, options.custom_servers) == ("never", None, True)


def test_replace_keeps_the_row_of_a_server_and_its_secret():
    load(FULL)
    before = Server.objects.get(name="Corporativo").pk
    load({"servers": [{name: value for name, value in CORPORATE.items() if name != "password"}]}, replace=True)
    row = Server.objects.get()
    assert row.pk == before
    assert row.open_password() == "s3cret-one"


def test_replace_with_an_empty_file_leaves_nothing_but_the_environment(settings):
    settings.MAIL_SERVER_URL = "smtp://mail.example"
    from mail.planning import snapshot

    assert snapshot().servers
    load(FULL)
    load({}, replace=True)
    assert [row.is_environment for row in Server.objects.all()] == [True]
    assert not Options.load().custom_servers


def test_custom_servers_come_on_with_servers_unless_the_file_says_no():
    load({"domains": [{"name": "miempresa.example"}]})
    assert not Options.load().custom_servers
    load({"servers": [{"name": "A", "host": "h.example"}]})
    assert Options.load().custom_servers
    load({"options": {"custom_servers": False}, "servers": [{"name": "A"}]})
    assert not Options.load().custom_servers
    load({"options": {"dmarc_protection": "never"}})
    assert not Options.load().custom_servers


def test_there_is_one_default_domain_and_the_file_decides_which():
    load({"domains": [{"name": "one.example"}]})
    assert Domain.objects.get().is_default, "one domain alone needs no choice"
    load({"domains": [{"name": "two.example", "default": True}]})
    assert Domain.objects.get(is_default=True).name == "two.example"
    load({"domains": [{"name": "two.example"}, {"name": "one.example", "default": True}]})
    assert Domain.objects.get(is_default=True).name == "one.example"
    report = load({"domains": [{"name": "a.example"}, {"name": "b.example"}]}, replace=True)
    assert [str(warning) for warning in report.warnings] == ["domains: None of the domains is the default one."]


def test_values_are_kept_in_their_normal_form():
    load(
        {
            "domains": [{"name": "España.Example.", "default_from": " info "}],
            "servers": [{"name": " A ", "host": "SMTP.Example", "from_filter": "@B.example, Ana@C.Example."}],
        }
    )
    assert Domain.objects.get().name == "xn--espaa-rta.example"
    row = Server.objects.get()
    assert (row.name, row.host, row.from_filter) == ("A", "smtp.example", "b.example, ana@c.example")


def test_a_change_of_the_connection_gives_a_blocked_server_another_chance():
    load(FULL)
    row = Server.objects.get(name="Corporativo")
    row.block(cause="credentials", reply="535 no")
    load({"servers": [{"name": "Corporativo", "priority": 3}]})
    row.refresh_from_db()
    assert row.blocked_cause == "credentials"
    load({"servers": [{"name": "Corporativo", "password": "another"}]})
    row.refresh_from_db()
    assert row.blocked_cause == ""


# -- Secrets -----------------------------------------------------------------------------------------


def test_an_export_holds_no_secret_and_comes_back_as_it_was():
    load(FULL)
    before, text = everything(), json.dumps(export_configuration())
    assert "s3cret" not in text
    assert "password" not in json.loads(text)["servers"][0]
    load(text, replace=True)
    assert everything() == before


def test_an_export_fills_another_database_but_for_the_secrets():
    load(FULL)
    exported = export_configuration()
    Server.objects.all().delete()
    Domain.objects.all().delete()
    Options.objects.all().delete()
    report = load(exported)
    assert export_configuration() == exported
    assert [warning.place for warning in report.warnings] == ["servers[0].password", "servers[1].password"]


def test_a_missing_secret_keeps_the_stored_one_and_null_clears_it():
    load(FULL)
    load(changed(CORPORATE, priority=1))
    assert Server.objects.get(name="Corporativo").open_password() == "s3cret-one"
    load(changed(CORPORATE, password=None))
    assert Server.objects.get(name="Corporativo").password == ""
    load(changed(CORPORATE, password="s3cret-new"))
    assert Server.objects.get(name="Corporativo").open_password() == "s3cret-new"


@pytest.mark.parametrize(
    "change",
    [
        {"host": "evil.example"},
        {"port": 2525},
        {"username": "other"},
        {"security": "none"},
        {"verify_certificate": False},
    ],
)
@pytest.mark.parametrize("replace", [False, True])
def test_a_stored_secret_serves_only_the_connection_it_was_saved_with(change, replace):
    load({"servers": [CORPORATE]})
    before = everything()
    found = mistakes(changed(CORPORATE, **change), replace=replace)
    assert list(found) == ["servers[0].password"]
    assert "Give the password again" in found["servers[0].password"]
    assert everything() == before
    load(changed(CORPORATE, **change, password="s3cret-new"), replace=replace)
    assert Server.objects.get().open_password() == "s3cret-new"


def test_another_private_ca_asks_for_the_secret_again():
    load({"servers": [CORPORATE]})
    assert list(mistakes(changed(CORPORATE, ca_certificate=_pem()))) == ["servers[0].password"]


def test_a_server_that_no_longer_logs_in_forgets_the_secret_when_it_moves():
    load({"servers": [CORPORATE]})
    load(changed(CORPORATE, authentication="none", host="other.example"))
    assert Server.objects.get().password == ""


def test_blanks_around_a_stored_certificate_are_no_change():
    pem = _pem()
    load({"servers": [{**CORPORATE, "ca_certificate": pem}]})
    Server.objects.update(ca_certificate=pem + "\n")
    assert load(export_configuration()).unchanged == ["Corporativo"]


def _pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Private CA")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    today = datetime.now(UTC)
    dated = builder.not_valid_before(today).not_valid_after(today + timedelta(days=1))
    return dated.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode().strip()


def test_what_will_not_work_well_is_warned_about():
    report = load(
        {
            "servers": [{"name": "A", "host": "h.example", "username": "u", "active": False}],
            "options": {"mass_server": "A"},
        }
    )
    assert {warning.place: warning.words for warning in report.warnings} == {
        "servers[0].password": "No password is stored for this server: it cannot log in before one is given.",
        "servers[0].security": "The password travels over the network without encryption.",
        "options.mass_server": "«A» is archived: mass mail will fail.",
    }
    assert not load({"servers": [{"name": "B", "host": "127.0.0.1", "username": "u", "password": "p"}]}).warnings


# -- Mistakes ----------------------------------------------------------------------------------------

A = {"name": "A", "host": "h.example"}
AT = "servers[0]"


@pytest.mark.parametrize(
    ("data", "place", "words"),
    [
        ("", "line 1, column 1", "not JSON"),
        ("{", "line 1, column 2", "not JSON"),
        ("[]", "", "one object"),
        ("3", "", "one object"),
        ('{"servers": [], "servers": []}', "servers", "twice"),
        ('{"servers": [{"name": "A", "host": "a", "host": "b"}]}', "servers[0].host", "twice"),
        ('{"options": {"custom_servers": true, "custom_servers": false}}', "options.custom_servers", "twice"),
        ({"server": []}, "server", "known here: options, domains, servers, identities, oauth_clients, aliases"),
        ({"options": []}, "options", "An object"),
        ({"options": {"custom_servers": "yes"}}, "options.custom_servers", "true or false"),
        ({"options": {"custom_servers": 1}}, "options.custom_servers", "true or false"),
        ({"options": {"dmarc_protection": "maybe"}}, "options.dmarc_protection", "never, always, automatic"),
        ({"options": {"mass_server": "X"}}, "options.mass_server", "no outgoing server named «X»"),
        ({"options": {"mass_server": None}}, "options.mass_server", "A text"),
        ({"options": {"public_providers": "gmail.com"}}, "options.public_providers", "A list"),
        ({"options": {"public_providers": ["a b"]}}, "options.public_providers", "«a b»: This is not a domain"),
        ({"options": {"public_providers": ["a b", 7]}}, "options.public_providers", "«7»: A text"),
        ({"options": {"color": 1}}, "options.color", "Unknown"),
        ({"domains": {}}, "domains", "A list"),
        ({"domains": ["x.example"]}, "domains[0]", "An object"),
        ({"domains": [{}]}, "domains[0].name", "missing"),
        ({"domains": [{"name": "a b"}]}, "domains[0].name", "not a domain"),
        ({"domains": [{"name": "x.example", "default_from": "a b"}]}, "domains[0].default_from", "before the @"),
        ({"domains": [{"name": "x.example", "default_from": "a@b@c"}]}, "domains[0].default_from", "not a list"),
        (
            {"domains": [{"name": "x.example", "default_from": "A <a@b.example>"}]},
            "domains[0].default_from",
            "without a",
        ),
        ({"domains": [{"name": "x.example", "bounce": "b@x.example"}]}, "domains[0].bounce", "before the @"),
        ({"domains": [{"name": "x.example", "catchall": "ñ"}]}, "domains[0].catchall", "without accents"),
        ({"domains": [{"name": "x.example", "bounce": "b" * 33}]}, "domains[0].bounce", "32 characters"),
        (
            {"domains": [{"name": "x.example"}, {"name": "X.Example."}]},
            "domains[1].name",
            "already in domains[0]; names must differ",
        ),
        (
            {"domains": [{"name": "x.example", "default": True}, {"name": "y.example", "default": True}]},
            "domains[1].default",
            "domains[0] is it already",
        ),
        ({"servers": None}, "servers", "A list"),
        ({"servers": [None]}, AT, "An object"),
        ({"servers": [{"host": "h.example"}]}, f"{AT}.name", "missing"),
        ({"servers": [{**A, "name": " "}]}, f"{AT}.name", "not be empty"),
        ({"servers": [{**A, "name": "a\nb"}]}, f"{AT}.name", "control characters"),
        ({"servers": [{**A, "name": "n" * 101}]}, f"{AT}.name", "100 characters"),
        ({"servers": [A, A]}, "servers[1].name", "already in servers[0]"),
        ({"servers": [{"name": "A"}]}, f"{AT}.host", "missing"),
        ({"servers": [{**A, "host": "h:25"}]}, f"{AT}.host", "not the name of a server"),
        ({"servers": [{**A, "port": 0}]}, f"{AT}.port", "from 1 to 65535"),
        ({"servers": [{**A, "port": "25"}]}, f"{AT}.port", "whole number"),
        ({"servers": [{**A, "port": True}]}, f"{AT}.port", "whole number"),
        ({"servers": [{**A, "port": 25.5}]}, f"{AT}.port", "whole number"),
        ({"servers": [{**A, "priority": 2**40}]}, f"{AT}.priority", "whole number"),
        ({"servers": [{**A, "from_filter": "a b, *@c.d"}]}, f"{AT}.from_filter", "«a b»: This is not a domain name."),
        ({"servers": [{**A, "from_filter": ["a.example"]}]}, f"{AT}.from_filter", "A text"),
        ({"servers": [{**A, "active": "true"}]}, f"{AT}.active", "true or false"),
        ({"servers": [{**A, "security": "ssl"}]}, f"{AT}.security", "none, starttls, tls"),
        ({"servers": [{**A, "security": []}]}, f"{AT}.security", "none, starttls, tls"),
        ({"servers": [{**A, "authentication": "google"}]}, f"{AT}.security", "encrypted connection"),
        (
            {"servers": [{**A, "authentication": "microsoft", "security": "tls", "password": "p"}]},
            f"{AT}.authentication",
            "the authentication is “microsoft”",
        ),
        ({"servers": [{**A, "authentication": "oauth"}]}, f"{AT}.authentication", "none, password"),
        ({"servers": [{**A, "authentication": "password"}]}, f"{AT}.username", "needs a user name"),
        ({"servers": [{**A, "password": "p"}]}, f"{AT}.authentication", "the authentication is “none”"),
        ({"servers": [{**A, "password": 12}]}, f"{AT}.password", "null to clear"),
        ({"servers": [{**A, "ca_certificate": "PEM"}]}, f"{AT}.ca_certificate", "PEM form"),
        ({"servers": [{**A, "max_connections": 0}]}, f"{AT}.max_connections", "from 1 to"),
        ({"servers": [{**A, "verify": False}]}, f"{AT}.verify", "Unknown"),
        ({"aliases": [{"name": "ventas"}]}, "aliases", "not available in this version"),
        ({"aliases": "ventas"}, "aliases", "not available in this version"),
    ],
)
def test_a_mistake_is_told_with_its_place(data, place, words):
    found = mistakes(data)
    assert list(found) == [place]
    assert words in found[place]


def test_every_mistake_is_told_at_once_and_nothing_is_written():
    load(FULL)
    before = everything()
    found = mistakes(
        {
            "options": {"dmarc_protection": "sometimes", "mass_server": "Nobody"},
            "domains": [{"name": "miempresa.example", "default_from": "changed"}, {"name": "-"}],
            "servers": [
                {"name": "Corporativo", "priority": 1},
                {"name": "Nuevo", "host": "h.example", "port": 99999, "security": "tls"},
                {"name": "Otro", "port": "x", "from_filter": "a b"},
                # One mistake of a server hides no other, and nothing is said of what cannot be told yet.
                {"name": "Cuatro", "host": "h.example", "port": "x", "authentication": "password"},
                {"name": "Cinco", "host": "h.example", "port": 0, "authentication": "certificate"},
                {"name": "Seis", "host": "smtp.office365.com", "security": "ssl", "authentication": "google"},
            ],
            "aliases": [1],
        }
    )
    assert list(found) == [
        "options.dmarc_protection",
        "domains[1].name",
        "servers[1].port",
        "servers[2].port",
        "servers[2].from_filter",
        "servers[3].port",
        "servers[4].port",
        "servers[5].security",
        "aliases",
        "servers[2].host",
        "servers[3].username",
        "servers[4].security",
        "servers[4].client_certificate",
        "servers[5].from_filter",
        "options.mass_server",
    ]
    assert everything() == before


# -- The command -------------------------------------------------------------------------------------


def run(*arguments: str, code: int = 0) -> tuple[str, str]:
    """What the command printed to both streams; it must end with this code."""
    out, err = io.StringIO(), io.StringIO()
    if code:
        with pytest.raises(SystemExit) as ended:
            call_command("mail_config", *arguments, stdout=out, stderr=err, no_color=True)
        assert ended.value.code == code
    else:
        call_command("mail_config", *arguments, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mail.json"
    path.write_text(json.dumps(FULL), encoding="utf-8-sig")
    return path


def test_the_command_imports_a_file_and_says_what_it_did(file):
    out, err = run("import", str(file))
    assert out.splitlines() == [
        "added: miempresa.example",
        "added: second.example",
        "added: Corporativo",
        "added: Gmail ventas",
        "updated: options",
    ]
    assert err == ""


def test_the_command_answers_in_json_alone(file):
    out, err = run("import", str(file), "--json", "--replace")
    assert json.loads(out) == {
        "ok": True,
        "added": ["miempresa.example", "second.example", "Corporativo", "Gmail ventas"],
        "updated": ["options"],
        "removed": [],
        "unchanged": [],
        "warnings": [],
    }
    assert err == ""


@pytest.mark.parametrize("order", ["import {} --replace", "import --replace {}", "--replace import {}"])
def test_the_command_takes_its_words_in_any_order(file, order):
    """Through argparse, as a shell would: `call_command` sorts options out itself."""
    parser = load_command_class("mail", "mail_config").create_parser("manage.py", "mail_config")
    given = parser.parse_args(order.format(file).split())
    assert (given.action, given.file, given.replace) == ("import", str(file), True)


def test_the_command_reads_standard_input(monkeypatch):
    class Input:
        buffer = io.BytesIO(json.dumps({"servers": [A]}).encode())

    monkeypatch.setattr("sys.stdin", Input)
    assert "added: A" in run("import", "-")[0]


def test_the_command_tells_mistakes_and_fails(file):
    file.write_text(json.dumps({"servers": [{**A, "port": 0, "security": "x"}]}))
    out, err = run("import", str(file), code=1)
    assert out == ""
    assert err.splitlines() == [
        "servers[0].port: A whole number from 1 to 65535 is expected here.",
        "servers[0].security: One of these is expected here: none, starttls, tls.",
        "Nothing was changed.",
    ]
    out, err = run("import", str(file), "--json", code=1)
    assert [error["place"] for error in json.loads(out)["errors"]] == ["servers[0].port", "servers[0].security"]
    assert json.loads(out)["ok"] is False
    assert err == ""


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_told(tmp_path, content):
    path = tmp_path / "mail.json"
    if content:
        path.write_bytes(content)
    out, _err = run("import", str(path), "--json", code=1)
    assert json.loads(out)["errors"][0]["place"] == str(path)


def test_the_command_exports_what_it_imported(file, tmp_path):
    run("import", str(file))
    out, _err = run("export")
    assert out == run("export", "--json")[0]
    copy = tmp_path / "copy.json"
    copy.write_text(out)
    assert json.loads(run("import", str(copy), "--replace", "--json")[0])["unchanged"] == [
        "miempresa.example",
        "second.example",
        "Corporativo",
        "Gmail ventas",
    ]


@pytest.mark.parametrize("arguments", [["import"], ["export", "x.json"], ["export", "--replace"], ["delete"], []])
def test_the_command_refuses_what_makes_no_sense(arguments):
    with pytest.raises(CommandError):
        call_command("mail_config", *arguments)
