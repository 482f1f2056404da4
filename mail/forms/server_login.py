"""How one logs in to a server: the secrets of its form, written and never shown."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from daeris.ui.forms import FileInput, SecretInput
from mail.certificates import LARGEST, Certificate, CertificateInvalid, Pair, certificates_in, expiry_warning, read_pair
from mail.fields import decrypt, encrypt
from mail.models import Provider, Server
from mail.secret_places import BELONGS_TO, place_of

# The ways to log in that the form offers, in its order.
OFFERED: tuple[str, ...] = (
    Server.Authentication.NONE,
    Server.Authentication.PASSWORD,
    Server.Authentication.CERTIFICATE,
    Server.Authentication.GOOGLE,
    Server.Authentication.MICROSOFT,
)
# The field beside which to say what is wrong with an uploaded certificate.
FIELD_OF = {"certificate": "client_certificate_file", "key": "client_key_file", "password": "client_file_password"}
MOVED = _(
    "Write the password again: the stored one is only used with the server, port, user name, security and "
    "certificate check that it was saved with."
)
MOVED_KEY = _(
    "Upload the private key again: the stored one is only used with the server, port, security and certificate check "
    "that it was saved with."
)


class LogInForm(forms.ModelForm):  # type: ignore[type-arg]
    """The part of the form that knows secrets. What the chosen way to log in does not use is forgotten."""

    password = forms.CharField(label=_("Password"), required=False, strip=False, max_length=1000, widget=SecretInput())
    client_certificate_file = forms.FileField(
        label=_("SSL certificate"),
        required=False,
        widget=FileInput(attrs={"accept": ".pem,.crt,.cer,.p12,.pfx,application/x-pkcs12,application/x-pem-file"}),
        help_text=_("In PEM or PKCS#12 format; a PKCS#12 file holds the private key as well."),
    )
    client_key_file = forms.FileField(
        label=_("SSL private key"),
        required=False,
        widget=FileInput(attrs={"accept": ".pem,.key,application/x-pem-file"}),
        help_text=_("In PEM format, when it is not in the same file."),
    )
    client_file_password = forms.CharField(
        label=_("Password of the file"),
        required=False,
        strip=False,
        max_length=1000,
        widget=SecretInput(),
        help_text=_("Opens the file once, and is not stored."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["authentication"].choices = [  # type: ignore[attr-defined]
            choice for choice in Server.Authentication.choices if choice[0] in OFFERED
        ]
        server: Server = self.instance
        # As it is stored: the instance changes while the form is cleaned.
        self.stored = {name: getattr(server, name) for name in BELONGS_TO}
        self.stored_place = place_of(server)
        self.stored_way: str = server.authentication
        self.stored_password: str = server.password
        self.stored_chain: str = server.client_certificate
        self.stored_key: str = server.client_key
        self.fields["password"].widget.stored = bool(self.stored_password) and not self.password_is_lost
        self.pair: Pair | None = None

    # -- What the page shows ---------------------------------------------------------------------

    @property
    def password_is_lost(self) -> bool:
        """There is one, but no key of ours opens it."""
        return decrypt(self.stored_password) is None

    @property
    def key_is_lost(self) -> bool:
        return decrypt(self.stored_key) is None

    @property
    def certificate(self) -> Certificate | None:
        """The stored certificate by which one logs in."""
        found = certificates_in(self.stored_chain)
        return found[0] if found else None

    @property
    def certificate_warning(self) -> tuple[int, str] | None:
        return expiry_warning(self.stored_chain)

    # -- Cleaning --------------------------------------------------------------------------------

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        if any(ord(char) < 32 for char in name):
            raise ValidationError(_("A user name has no control characters."))
        return name

    def clean_log_in(self, data: dict[str, Any]) -> None:
        """Check what the chosen way needs; `data` is the rest of the form, cleaned."""
        if self.connects:
            data["authentication"] = self.connects
        way = data.get("authentication")
        if way != Server.Authentication.PASSWORD:
            data["password"] = ""
        if way in Provider.values:
            self._clean_account(data)
        elif way != Server.Authentication.PASSWORD:
            data["username"] = ""
        if way == Server.Authentication.PASSWORD:
            self._clean_password(data)
        elif way == Server.Authentication.CERTIFICATE:
            self._clean_certificate(data)

    @property
    def connects(self) -> str:
        """The provider to which the person goes as soon as this is saved; "" for none."""
        chosen = str(self.data.get("connect", ""))
        return chosen if chosen in Provider.values else ""

    def _clean_account(self, data: dict[str, Any]) -> None:
        if data.get("security") == Server.Security.NONE:
            words = _("The permission is only shown over an encrypted connection: choose TLS (STARTTLS) or SSL/TLS.")
            self.add_error("security", ValidationError(words, code="needs_tls"))

    def _clean_password(self, data: dict[str, Any]) -> None:
        if not data.get("username") and "username" not in self.errors:
            self.add_error("username", ValidationError(_("Write the user name."), code="required"))
        if data.get("password"):
            return
        if not self.stored_password:
            self.add_error("password", ValidationError(_("Write the password."), code="required"))
        elif self._is_moved(data):
            self.add_error("password", ValidationError(MOVED, code="bound"))

    def _clean_certificate(self, data: dict[str, Any]) -> None:
        if data.get("security") == Server.Security.NONE:
            words = _("A certificate is only shown over an encrypted connection: choose TLS (STARTTLS) or SSL/TLS.")
            self.add_error("security", ValidationError(words, code="needs_tls"))
        chain, key = _read(data.get("client_certificate_file")), _read(data.get("client_key_file"))
        is_moved = self._is_moved(data)
        if not chain and not key:
            if not self.stored_chain or not self.stored_key:
                words = _("Upload the certificate and its private key.")
                self.add_error("client_certificate_file", ValidationError(words, code="required"))
            elif is_moved:
                self.add_error("client_key_file", ValidationError(MOVED_KEY, code="bound"))
            return
        if chain and not key and b"-----BEGIN" in chain and b"PRIVATE KEY" not in chain and not is_moved:
            # Renewed for the same key.
            key = (decrypt(self.stored_key) or "").encode()
        try:
            self.pair = read_pair(
                chain or self.stored_chain.encode(), key, password=data.get("client_file_password") or ""
            )
        except CertificateInvalid as error:
            self.add_error(FIELD_OF[error.part], ValidationError(str(error), code=error.code))

    def _is_moved(self, data: dict[str, Any]) -> bool:
        return any(name in data and data[name] != self.stored[name] for name in BELONGS_TO)

    def keep_secrets(self) -> None:
        """Write what was given into the instance, encrypted, and forget what nothing uses any more."""
        server, way = self.instance, self.cleaned_data.get("authentication")
        if way != Server.Authentication.PASSWORD:
            server.password = ""
        elif self.cleaned_data.get("password"):
            server.set_password(self.cleaned_data["password"])
        if way != Server.Authentication.CERTIFICATE:
            server.client_certificate = server.client_key = ""
        elif self.pair:
            server.client_certificate = self.pair.chain
            # The same key keeps its encrypted form, so that nothing seems to have changed.
            if decrypt(self.stored_key) != self.pair.key:
                server.client_key = encrypt(self.pair.key)

    @property
    def connects_anew(self) -> bool:
        """Whether the connection differs from the stored one, by its place or by its secret."""
        server = self.instance
        secrets = (server.authentication, server.password, server.client_certificate, server.client_key)
        before = (self.stored_way, self.stored_password, self.stored_chain, self.stored_key)
        return place_of(server) != self.stored_place or secrets != before


def _read(file: Any) -> bytes:
    """What was uploaded, as far as it is worth reading."""
    content: bytes = file.read(LARGEST + 1) if file else b""
    return content
