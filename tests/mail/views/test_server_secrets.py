"""Logging in by certificate as the form does it, and secrets that no key opens any more."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12
from cryptography.x509 import load_pem_x509_certificate
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from mail.fields import decrypt, encrypt
from mail.models import Server
from tests.lab.ca import Authority, Certificate
from tests.mail.test_smtp_certificates import asking
from tests.mail.views.conftest import HTMX
from tests.mail.views.test_servers import LIST, SECRET, errors, form, url
from tests.smtp_double import SmtpDouble

NEW = f"{LIST}new/"
BY_CERTIFICATE = {"authentication": "certificate", "username": ""}


@pytest.fixture(scope="module")
def client_pair(authority: Authority) -> Certificate:
    return authority.issue("form", purpose="client")


@pytest.fixture(scope="module")
def other_pair(authority: Authority) -> Certificate:
    return authority.issue("form-too", purpose="client")


def uploads(pair: Certificate, *, certificate: bool = True, key: bool = True) -> dict[str, Any]:
    files = {}
    if certificate:
        files["client_certificate_file"] = SimpleUploadedFile("own.crt", pair.certificate.read_bytes())
    if key:
        files["client_key_file"] = SimpleUploadedFile("own.key", pair.key.read_bytes())
    return files


@pytest.fixture
def stored(client_pair: Certificate, db: None) -> Server:
    return Server.objects.create(
        name="Corporativo",
        host="smtp.miempresa.example",
        port=587,
        security="starttls",
        authentication="certificate",
        client_certificate=client_pair.pem,
        client_key=encrypt(client_pair.key.read_text()),
    )


class TestACertificate:
    def test_is_kept_with_its_key_encrypted(self, as_alice: Client, client_pair: Certificate) -> None:
        assert as_alice.post(NEW, form(**BY_CERTIFICATE, **uploads(client_pair))).status_code == 303
        server = Server.objects.get()
        assert server.client_certificate == client_pair.pem
        assert "PRIVATE KEY" not in server.client_key
        assert decrypt(server.client_key) == client_pair.key.read_text()

        html = as_alice.get(url(server)).content.decode()
        assert "Daeris test CA" in html
        assert "The private key is stored" in html
        assert "PRIVATE KEY" not in html
        assert server.client_key not in html

    def test_comes_as_pkcs12_and_its_password_is_not_stored(self, as_alice: Client, client_pair: Certificate) -> None:
        key = load_pem_private_key(client_pair.key.read_bytes(), None)
        own = load_pem_x509_certificate(client_pair.certificate.read_bytes())
        locked = BestAvailableEncryption(SECRET.encode())
        file = pkcs12.serialize_key_and_certificates(b"x", key, own, None, locked)  # type: ignore[arg-type]
        upload = SimpleUploadedFile("own.p12", file)
        as_alice.post(NEW, form(**BY_CERTIFICATE, client_certificate_file=upload, client_file_password=SECRET))
        server = Server.objects.get()
        assert decrypt(server.client_key) == client_pair.key.read_text()
        assert server.open_password() == ""

    def test_what_is_wrong_is_said_beside_the_file(
        self, as_alice: Client, client_pair: Certificate, other_pair: Certificate, authority: Authority
    ) -> None:
        def field(**changes: Any) -> list[str]:
            return list(errors(as_alice.post(NEW, form(**{**BY_CERTIFICATE, **changes}))))

        wrong_key = uploads(client_pair) | uploads(other_pair, certificate=False)
        old = authority.issue("form-old", days=(-20, -10))
        assert field() == ["client_certificate_file"]
        assert field(**uploads(client_pair, key=False)) == ["client_key_file"]
        assert field(**wrong_key) == ["client_key_file"]
        assert field(**uploads(old)) == ["client_certificate_file"]
        assert field(**uploads(client_pair), security="none") == ["security"]
        assert field(client_certificate_file=SimpleUploadedFile("x.p12", b"\x30\x82")) == ["client_file_password"]
        assert not Server.objects.exists()

    def test_stays_when_nothing_is_uploaded(self, stored: Server, as_alice: Client) -> None:
        assert as_alice.post(url(stored), form(**BY_CERTIFICATE, name="Otro")).status_code == 303
        server = Server.objects.get()
        assert (server.name, server.client_key) == ("Otro", stored.client_key)

    @pytest.mark.parametrize(
        "changes",
        [{"host": "evil.example"}, {"port": "2525"}, {"security": "tls"}, {"verify_certificate": None}],
    )
    @pytest.mark.parametrize("part", ["", "test/"])
    def test_a_stored_key_stays_with_its_place(
        self, stored: Server, as_alice: Client, changes: dict[str, Any], part: str
    ) -> None:
        html = as_alice.post(url(stored, part), form(**{**BY_CERTIFICATE, **changes})).content.decode()
        assert "Upload the private key again" in html
        assert Server.objects.get().host == stored.host

    def test_nor_does_it_go_there_with_another_certificate(
        self, stored: Server, as_alice: Client, client_pair: Certificate
    ) -> None:
        moved = form(**BY_CERTIFICATE, host="evil.example", **uploads(client_pair, key=False))
        assert list(errors(as_alice.post(url(stored), moved))) == ["client_key_file"]

    def test_goes_there_with_its_key(self, stored: Server, as_alice: Client, client_pair: Certificate) -> None:
        moved = form(**BY_CERTIFICATE, host="otro.example", **uploads(client_pair))
        assert as_alice.post(url(stored), moved).status_code == 303

    def test_is_renewed_for_the_same_key(self, stored: Server, as_alice: Client, client_pair: Certificate) -> None:
        Server.objects.update(blocked_cause="client_certificate_expired")
        renewed = SimpleUploadedFile("new.crt", (client_pair.pem * 2).encode())
        as_alice.post(url(stored), form(**BY_CERTIFICATE, client_certificate_file=renewed))
        server = Server.objects.get()
        assert server.client_certificate == client_pair.pem * 2
        assert server.client_key == stored.client_key
        assert server.blocked_cause == ""

    def test_is_forgotten_with_another_way_to_log_in(self, stored: Server, as_alice: Client) -> None:
        as_alice.post(url(stored), form(password=SECRET))
        server = Server.objects.get()
        assert (server.client_certificate, server.client_key) == ("", "")
        assert server.open_password() == SECRET

    def test_takes_the_place_of_a_password(self, as_alice: Client, client_pair: Certificate) -> None:
        as_alice.post(NEW, form(password=SECRET))
        as_alice.post(url(Server.objects.get()), form(**BY_CERTIFICATE, **uploads(client_pair)))
        server = Server.objects.get()
        assert (server.username, server.password) == ("", "")

    @pytest.mark.parametrize(("days", "words"), [(20, "ends in"), (5, "ends in"), (1, "ends in"), (-1, "has expired")])
    def test_says_when_it_is_about_to_end(
        self, stored: Server, as_alice: Client, authority: Authority, days: int, words: str
    ) -> None:
        Server.objects.update(client_certificate=authority.issue("ending", days=(-40, days)).pem)
        assert f"Its SSL certificate {words}" in as_alice.get(url(stored)).content.decode()

    def test_is_shown_by_a_test_before_it_is_saved(
        self, as_alice: Client, smtp_doubles: Any, authority: Authority, client_pair: Certificate
    ) -> None:
        double: SmtpDouble = smtp_doubles(security="starttls", tls=asking(authority))
        values = form(
            host=double.host,
            port=str(double.port),
            **BY_CERTIFICATE,
            **uploads(client_pair),
            ca_file=SimpleUploadedFile("ca.crt", authority.pem.encode()),
        )
        html = as_alice.post(f"{LIST}size/", values, headers=HTMX).content.decode()
        assert "The server takes up to 10 MB." in html
        assert not Server.objects.exists()


class TestASecretThatNoKeyOpens:
    @pytest.fixture
    def lost(self, settings: Any, db: None) -> Server:
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
        settings.DAERIS_FIELD_KEYS = [Fernet.generate_key().decode()]
        return server

    def test_is_said_on_the_page(self, lost: Server, as_alice: Client) -> None:
        html = as_alice.get(url(lost)).content.decode()
        assert "The stored password cannot be read." in html
        assert "Stored; leave empty" not in html
        assert as_alice.get(LIST).status_code == 200

    def test_the_rest_can_be_saved_and_a_new_one_mends_it(self, lost: Server, as_alice: Client) -> None:
        assert as_alice.post(url(lost), form(name="Otro")).status_code == 303
        assert Server.objects.get().password == lost.password
        as_alice.post(url(lost), form(password="nueva"))
        assert Server.objects.get().open_password() == "nueva"
        assert "cannot be read" not in as_alice.get(url(lost)).content.decode()

    def test_nor_what_is_no_secret_at_all(self, lost: Server, as_alice: Client) -> None:
        for nonsense in ("hola", "ñ", "gAAAAA", "=" * 80):
            Server.objects.update(password=nonsense)
            assert "The stored password cannot be read." in as_alice.get(url(lost)).content.decode()

    def test_of_a_certificate(self, stored: Server, as_alice: Client, settings: Any, client_pair: Certificate) -> None:
        settings.DAERIS_FIELD_KEYS = [Fernet.generate_key().decode()]
        assert "The stored private key cannot be read." in as_alice.get(url(stored)).content.decode()
        renewed = form(**BY_CERTIFICATE, **uploads(client_pair, key=False))
        assert list(errors(as_alice.post(url(stored), renewed))) == ["client_key_file"]
        as_alice.post(url(stored), form(**BY_CERTIFICATE, **uploads(client_pair)))
        assert decrypt(Server.objects.get().client_key) == client_pair.key.read_text()
