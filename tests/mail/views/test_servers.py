"""The outgoing servers: form, secrets, test."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.signals import pre_save
from django.test import Client

from mail.models import Domain, Options, Server
from tests.smtp_double import SmtpDouble

LIST = "/settings/mail/servers/"
FORM = {
    "name": "Corporativo",
    "priority": "10",
    "from_filter": "",
    "active": "on",
    "host": "smtp.miempresa.example",
    "port": "587",
    "security": "starttls",
    "authentication": "password",
    "username": "ana",
    "password": "",
    "verify_certificate": "on",
}
SECRET = "muy-secreto-ñ"


def form(**changes: Any) -> dict[str, Any]:
    """What the form sends; None leaves a field out, as an unticked box does."""
    return {name: value for name, value in {**FORM, **changes}.items() if value is not None}


@pytest.fixture
def stored(db: None) -> Server:
    server = Server(
        name="Corporativo",
        host="smtp.miempresa.example",
        port=587,
        security="starttls",
        authentication="password",
        username="ana",
    )
    server.set_password(SECRET)
    server.save()
    return server


def url(server: Server, part: str = "") -> str:
    return f"{LIST}{server.pk}/{part}"


def errors(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 422
    return dict(response.context["form"].errors)


def certificate(*, days: int = 30, with_key: bool = False) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Autoridad Mi Empresa")])
    today = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(today - timedelta(days=60))
        .not_valid_after(today + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = built.public_bytes(serialization.Encoding.PEM)
    if with_key:
        pem += key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    return pem


class TestWhoMay:
    @pytest.mark.parametrize("path", ["", "new/", "1/", "1/delete/"])
    def test_only_those_who_manage_servers(
        self, as_bob: Client, as_charlie: Client, stranger: Client, path: str
    ) -> None:
        assert as_bob.get(LIST + path).status_code == 403
        assert as_charlie.get(LIST + path).status_code == 403
        assert stranger.get(LIST + path).url.startswith("/login/")

    def test_others_neither_save_test_nor_delete(self, stored: Server, as_bob: Client) -> None:
        for part in ("", "test/", "delete/"):
            assert as_bob.post(url(stored, part), form()).status_code == 403
        assert as_bob.post(f"{LIST}test/", form()).status_code == 403
        assert Server.objects.get().name == "Corporativo"

    def test_wrong_methods(self, stored: Server, as_alice: Client) -> None:
        assert as_alice.post(LIST).status_code == 405
        assert as_alice.get(url(stored, "test/")).status_code == 405
        assert as_alice.put(url(stored)).status_code == 405

    def test_the_server_of_the_environment_has_no_form(self, as_alice: Client) -> None:
        row = Server.objects.create(name="x", host="x.example", is_environment=True)
        assert as_alice.get(url(row)).status_code == 404
        assert as_alice.post(url(row, "delete/")).status_code == 404


class TestSaving:
    def test_a_new_server(self, as_alice: Client) -> None:
        response = as_alice.post(
            f"{LIST}new/", form(password=SECRET, from_filter=" @MiEmpresa.example., Ventas@b.Example ,")
        )
        server = Server.objects.get()
        assert response.status_code == 303
        assert server.from_filter == "miempresa.example, ventas@b.example"
        assert server.open_password() == SECRET
        assert SECRET not in server.password

    def test_posted_twice_makes_one(self, as_alice: Client) -> None:
        as_alice.post(f"{LIST}new/", form(password=SECRET))
        second = as_alice.post(f"{LIST}new/", form(password=SECRET))
        assert errors(second)["name"] == ["Another server has this description already."]
        assert Server.objects.count() == 1

    @pytest.mark.parametrize(("security", "port"), [("none", 25), ("starttls", 587), ("tls", 465)])
    def test_an_empty_port_goes_with_the_security(self, as_alice: Client, security: str, port: int) -> None:
        as_alice.post(f"{LIST}new/", form(port="", security=security, password=SECRET))
        assert Server.objects.get().port == port

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"host": "smtp miempresa"}, "host"),
            ({"host": "a\r\nb.example"}, "host"),
            ({"host": ""}, "host"),
            ({"port": "0"}, "port"),
            ({"port": "65536"}, "port"),
            ({"port": "x"}, "port"),
            ({"security": "ssl3"}, "security"),
            ({"authentication": "kerberos"}, "authentication"),
            ({"username": ""}, "username"),
            ({"username": "a\x07"}, "username"),
            ({"password": ""}, "password"),
            ({"from_filter": "ana@, dos tres"}, "from_filter"),
            ({"priority": "primero"}, "priority"),
            ({"name": ""}, "name"),
        ],
    )
    def test_what_is_wrong_is_said_beside_the_field(
        self, as_alice: Client, changes: dict[str, str], field: str
    ) -> None:
        response = as_alice.post(f"{LIST}new/", form(**{"password": SECRET, **changes}))
        assert list(errors(response)) == [field]
        assert not Server.objects.exists()

    def test_every_bad_part_of_a_filter_is_named(self, as_alice: Client) -> None:
        found = errors(as_alice.post(f"{LIST}new/", form(password=SECRET, from_filter="ana@, b.example, dos tres")))
        assert len(found["from_filter"]) == 2

    def test_saving_touches_nothing_that_a_worker_writes(self, stored: Server, as_alice: Client) -> None:
        as_alice.get(url(stored))
        Server.objects.update(failures=7)
        as_alice.post(url(stored), form(name="Otro nombre"))
        server = Server.objects.get()
        assert (server.name, server.failures) == ("Otro nombre", 7)

    def test_waiting_mail_is_planned_anew(self, stored: Server, company: Domain, as_alice: Client) -> None:
        before = Options.load().version
        as_alice.post(url(stored), form(priority="3"))
        assert Options.load().version > before


class TestSecrets:
    def test_are_never_sent_back(self, stored: Server, as_alice: Client) -> None:
        for response in (
            as_alice.get(url(stored)),
            as_alice.post(url(stored), form(password="escrita-ahora", host="")),
            as_alice.get(LIST),
        ):
            html = response.content.decode()
            assert SECRET not in html
            assert "escrita-ahora" not in html
            assert stored.password not in html
        assert "Stored; leave empty to keep it" in as_alice.get(url(stored)).content.decode()

    def test_left_empty_keeps_the_stored_one(self, stored: Server, as_alice: Client) -> None:
        assert as_alice.post(url(stored), form(name="Otro")).status_code == 303
        assert Server.objects.get().open_password() == SECRET

    @pytest.mark.parametrize(
        "changes",
        [
            {"host": "evil.example"},
            {"port": "2525"},
            {"security": "none"},
            {"username": "otra"},
            {"verify_certificate": None},
        ],
    )
    @pytest.mark.parametrize("part", ["", "test/"])
    def test_a_stored_one_stays_with_its_place(
        self, stored: Server, as_alice: Client, changes: dict[str, Any], part: str
    ) -> None:
        response = as_alice.post(url(stored, part), form(**changes))
        html = response.content.decode()
        assert "Write the password again" in html
        assert Server.objects.get().host == "smtp.miempresa.example"

    def test_nor_does_it_follow_another_authority(self, stored: Server, as_alice: Client) -> None:
        upload = SimpleUploadedFile("ca.pem", certificate())
        assert "password" in errors(as_alice.post(url(stored), form(ca_file=upload)))

    def test_a_new_one_goes_with_a_new_place(self, stored: Server, as_alice: Client) -> None:
        as_alice.post(url(stored), form(host="otro.example", password="nueva"))
        server = Server.objects.get()
        assert (server.host, server.open_password()) == ("otro.example", "nueva")

    def test_is_forgotten_when_nobody_logs_in(self, stored: Server, as_alice: Client) -> None:
        as_alice.post(url(stored), form(authentication="none"))
        server = Server.objects.get()
        assert (server.username, server.password) == ("", "")


class TestPrivateCa:
    def test_is_kept_without_a_key_beside_it(self, as_alice: Client) -> None:
        upload = SimpleUploadedFile("ca.pem", certificate(with_key=True))
        as_alice.post(f"{LIST}new/", form(password=SECRET, ca_file=upload))
        server = Server.objects.get()
        assert server.ca_certificate.count("BEGIN CERTIFICATE") == 1
        assert "PRIVATE KEY" not in server.ca_certificate
        assert "Autoridad Mi Empresa" in as_alice.get(url(server)).content.decode()

    @pytest.mark.parametrize(
        "data", [b"hola", b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\xff" * 300_000]
    )
    def test_anything_else_is_refused(self, as_alice: Client, data: bytes) -> None:
        response = as_alice.post(f"{LIST}new/", form(password=SECRET, ca_file=SimpleUploadedFile("ca.pem", data)))
        assert list(errors(response)) == ["ca_file"]

    def test_an_expired_one_too(self, as_alice: Client) -> None:
        upload = SimpleUploadedFile("ca.pem", certificate(days=-1))
        assert errors(as_alice.post(f"{LIST}new/", form(password=SECRET, ca_file=upload)))["ca_file"] == [
            "The certificate has expired."
        ]

    @pytest.mark.parametrize(
        ("days", "tone"), [(20, "alert--warning"), (5, "alert--danger"), (-1, "alert--danger"), (90, "")]
    )
    def test_near_its_end_it_is_said(self, stored: Server, as_alice: Client, days: int, tone: str) -> None:
        Server.objects.update(ca_certificate=certificate(days=days).decode())

        page = as_alice.get(url(stored)).content.decode()

        assert ("private CA" in page) == bool(tone)
        assert tone in page
        if days < 0:
            assert "Private CA: Autoridad Mi Empresa, expired on" in page

    def test_can_be_forgotten(self, as_alice: Client) -> None:
        as_alice.post(f"{LIST}new/", form(password=SECRET, ca_file=SimpleUploadedFile("ca.pem", certificate())))
        server = Server.objects.get()
        as_alice.post(url(server), form(password=SECRET, forget_ca="on"))
        assert Server.objects.get().ca_certificate == ""


class TestAStoppedServer:
    @pytest.fixture
    def stopped(self, make_server: Callable[..., Server], smtp_double: SmtpDouble) -> Server:
        return make_server(smtp_double, name="Parado", blocked_cause="credentials_wrong")

    def values(self, server: Server, **changes: Any) -> dict[str, Any]:
        known = {"name": server.name, "host": server.host, "port": str(server.port), "security": "none"}
        return form(**{**known, "authentication": "none", "username": "", **changes})

    def test_goes_on_when_its_connection_was_changed(
        self, stopped: Server, as_alice: Client, smtp_doubles: Any
    ) -> None:
        as_alice.post(url(stopped), self.values(stopped, port=str(smtp_doubles().port)))
        stopped.refresh_from_db()
        assert stopped.blocked_cause == ""

    def test_goes_on_also_when_a_worker_stops_it_while_it_is_being_corrected(
        self, make_server: Callable[..., Server], smtp_double: SmtpDouble, smtp_doubles: Any, as_alice: Client
    ) -> None:
        server = make_server(smtp_double, name="Principal")

        def stop(sender: type[Server], instance: Server, **kwargs: object) -> None:
            Server.objects.filter(pk=instance.pk).update(blocked_cause="credentials_wrong")

        pre_save.connect(stop, sender=Server)
        try:
            as_alice.post(url(server), self.values(server, port=str(smtp_doubles().port)))
        finally:
            pre_save.disconnect(stop, sender=Server)

        server.refresh_from_db()
        assert server.blocked_cause == ""

    def test_stays_stopped_when_only_its_name_was(self, stopped: Server, as_alice: Client) -> None:
        as_alice.post(url(stopped), self.values(stopped, name="Otro"))
        stopped.refresh_from_db()
        assert stopped.blocked_cause
