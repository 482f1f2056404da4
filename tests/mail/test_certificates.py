"""Certificates that people upload: read in every usual form, and refused with words in every other."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from django.utils import translation

from mail.certificates import (
    CertificateInvalid,
    authority_warning,
    certificates_in,
    expiry_warning,
    read_authorities,
    read_pair,
    warning_stage,
)
from tests.lab.ca import Authority, Certificate

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PASSWORD = "clave-del-archivo-ñ"


@pytest.fixture(scope="module")
def client(authority: Authority) -> Certificate:
    return authority.issue("uploaded", purpose="client")


@pytest.fixture(scope="module")
def other(authority: Authority) -> Certificate:
    return authority.issue("uploaded-too", purpose="client")


def p12(one: Certificate, *, password: str = PASSWORD, chain: str = "") -> bytes:
    locked: KeySerializationEncryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    own = x509.load_pem_x509_certificate(one.certificate.read_bytes())
    others = x509.load_pem_x509_certificates(chain.encode()) if chain else None
    key = load_pem_private_key(one.key.read_bytes(), None)
    return pkcs12.serialize_key_and_certificates(b"daeris", key, own, others, locked)  # type: ignore[arg-type]


def locked_key(one: Certificate) -> bytes:
    key = load_pem_private_key(one.key.read_bytes(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD.encode()))


def refused(certificate: bytes, key: bytes = b"", password: str = "") -> tuple[str, str]:
    with translation.override("en"), pytest.raises(CertificateInvalid) as error:
        read_pair(certificate, key, password=password)
    assert str(error.value)
    return error.value.part, error.value.code


class TestAPair:
    def test_of_two_files(self, client: Certificate) -> None:
        pair = read_pair(client.certificate.read_bytes(), client.key.read_bytes())
        assert (pair.chain, pair.key) == (client.pem, client.key.read_text())

    def test_in_one_file(self, client: Certificate) -> None:
        both = client.key.read_bytes() + client.certificate.read_bytes()
        assert read_pair(both) == read_pair(client.certificate.read_bytes(), client.key.read_bytes())

    def test_of_an_encrypted_key(self, client: Certificate) -> None:
        pair = read_pair(client.certificate.read_bytes(), locked_key(client), password=PASSWORD)
        assert pair.key == client.key.read_text()

    def test_with_a_password_that_nothing_asked_for(self, client: Certificate) -> None:
        assert read_pair(client.certificate.read_bytes(), client.key.read_bytes(), password="x").chain == client.pem

    @pytest.mark.parametrize("password", [PASSWORD, ""])
    def test_in_pkcs12(self, client: Certificate, authority: Authority, password: str) -> None:
        pair = read_pair(p12(client, password=password, chain=authority.pem), password=password)
        assert pair.key == client.key.read_text()
        assert pair.chain == client.pem + authority.pem

    def test_the_certificate_of_the_key_comes_first(
        self, client: Certificate, other: Certificate, authority: Authority
    ) -> None:
        mixed = (authority.pem + other.pem + client.pem).encode()
        assert read_pair(mixed, client.key.read_bytes()).chain == client.pem + authority.pem + other.pem

    def test_is_refused_with_the_part_that_is_wrong(
        self, client: Certificate, other: Certificate, authority: Authority
    ) -> None:
        chain, key = client.certificate.read_bytes(), client.key.read_bytes()
        old = authority.issue("uploaded-old", days=(-20, -10))
        early = authority.issue("uploaded-early", days=(10, 20))
        assert refused(chain) == ("key", "missing")
        assert refused(chain, other.key.read_bytes()) == ("key", "mismatch")
        assert refused(chain, b"hola") == ("key", "not_pem")
        assert refused(chain, chain) == ("key", "not_pem")
        assert refused(chain, locked_key(client)) == ("password", "needed")
        assert refused(chain, locked_key(client), "otra") == ("password", "wrong")
        assert refused(chain, b"x" * 300_000) == ("key", "too_large")
        assert refused(key) == ("certificate", "not_pem")
        assert refused(b"hola", key) == ("certificate", "pkcs12")
        assert refused(b"", key) == ("certificate", "not_pem")
        assert refused(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key)[0] == "certificate"
        assert refused(b"x" * 300_000, key) == ("certificate", "too_large")
        assert refused(p12(client)) == ("password", "pkcs12")
        assert refused(p12(client), password="otra") == ("password", "pkcs12")
        assert refused(old.certificate.read_bytes(), old.key.read_bytes()) == ("certificate", "expired")
        assert refused(p12(old), password=PASSWORD) == ("certificate", "expired")
        assert refused(early.certificate.read_bytes(), early.key.read_bytes()) == ("certificate", "too_early")

    def test_a_pkcs12_file_without_a_key(self, authority: Authority) -> None:
        others = x509.load_pem_x509_certificates(authority.pem.encode())
        file = pkcs12.serialize_key_and_certificates(None, None, None, others, NoEncryption())
        assert refused(file) == ("certificate", "incomplete")


class TestItsEnd:
    @pytest.mark.parametrize(
        ("left", "stage"),
        [
            (timedelta(days=400), None),
            (timedelta(days=30, seconds=1), None),
            (timedelta(days=30), 30),
            (timedelta(days=7, seconds=1), 30),
            (timedelta(days=7), 7),
            (timedelta(days=1, seconds=1), 7),
            (timedelta(days=1), 1),
            (timedelta(seconds=1), 1),
            (timedelta(0), 0),
            (timedelta(days=-3), 0),
        ],
    )
    def test_is_told_before(self, left: timedelta, stage: int | None) -> None:
        assert warning_stage(NOW + left, NOW) == stage

    @pytest.mark.parametrize(
        ("before", "words"),
        [
            (timedelta(days=31), None),
            (timedelta(days=20), (30, "Its SSL certificate ends in 20 days: upload the new one.")),
            (timedelta(hours=20), (1, "Its SSL certificate ends in 1 day: upload the new one.")),
            (timedelta(days=-1), (0, "Its SSL certificate has expired: upload the new one.")),
        ],
    )
    def test_in_words(self, client: Certificate, before: timedelta, words: tuple[int, str] | None) -> None:
        ends = certificates_in(client.pem)[0].expires
        with translation.override("en"):
            assert expiry_warning(client.pem, ends - before) == words

    @pytest.mark.parametrize("pem", ["", "hola"])
    def test_of_what_is_no_certificate_is_not_told(self, pem: str) -> None:
        assert expiry_warning(pem, NOW) is None


def test_what_a_person_recognises_it_by(client: Certificate) -> None:
    (found,) = certificates_in(client.pem)
    assert (found.subject, found.issuer, found.is_expired) == ("uploaded", "Daeris test CA", False)


def test_an_authority_is_kept_without_the_key_beside_it(client: Certificate) -> None:
    assert read_authorities(client.key.read_bytes() + client.certificate.read_bytes()) == client.pem


class TestTheEndOfAnAuthority:
    """`issue` makes what reads like one: a name and an end are all that is looked at."""

    @staticmethod
    def pem(authority: Authority, name: str, days: int) -> str:
        return authority.issue(name, days=(-400, days)).pem

    def test_is_said_as_that_of_the_own_certificate(self, authority: Authority) -> None:
        root = self.pem(authority, "Autoridad", 60)
        ends = certificates_in(root)[0].expires
        with translation.override("en"):
            assert authority_warning(root, ends - timedelta(days=31)) is None
            said = "The private CA “Autoridad” ends in 20 days: upload the new one."
            assert authority_warning(root, ends - timedelta(days=20)) == (30, said)
            said = "The private CA “Autoridad” ends in 1 day: upload the new one."
            assert authority_warning(root, ends - timedelta(hours=20)) == (1, said)
            assert authority_warning(root, ends) == (0, "The private CA has expired: upload the new one.")

    def test_of_several_the_first_to_end_is_named(self, authority: Authority) -> None:
        both = self.pem(authority, "Raíz", 90) + self.pem(authority, "Intermedia", 5)
        stage, words = authority_warning(both) or (None, "")
        assert stage == 7
        assert "Intermedia" in words

    def test_one_that_was_renewed_beside_it_does_not_count(self, authority: Authority) -> None:
        assert authority_warning(self.pem(authority, "Raíz", 5) + self.pem(authority, "Raíz", 90)) is None

    def test_it_has_expired_when_all_have(self, authority: Authority) -> None:
        old = self.pem(authority, "Vieja", -1)
        assert authority_warning(old + self.pem(authority, "Nueva", 90)) is None
        stage, _words = authority_warning(old + self.pem(authority, "También", -2)) or (None, "")
        assert stage == 0

    @pytest.mark.parametrize("pem", ["", "x", "-----BEGIN CERTIFICATE-----"])
    def test_without_one_there_is_nothing_to_say(self, pem: str) -> None:
        assert authority_warning(pem, NOW) is None
