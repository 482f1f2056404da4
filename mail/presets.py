"""What is known of each mail provider: where its server is, how one logs in, what it allows, and what to know first.

Pure data. Limits stand here only where the provider publishes them for every account; plans differ in the others.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# What choosing a provider fills in, in the order of the form.
FILLED = (
    *("host", "port", "security", "authentication", "username"),
    *("limit_connections", "limit_minute", "limit_hour", "limit_day"),
)
# What a form has in these fields before anything is chosen or typed.
UNTOUCHED: Mapping[str, Any] = MappingProxyType(
    {**dict.fromkeys(FILLED, ""), "port": 25, "security": "none", "authentication": "none"}
)


@dataclass(frozen=True, slots=True)
class Advice:
    """One line of what to know, with the page of the provider where it is done."""

    text: Promise
    link: Promise | str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Region:
    """Where the provider keeps an account, and the server for it."""

    code: str
    label: Promise | str
    host: str


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider. The first way to log in that is available is its usual one."""

    code: str
    host: str = ""
    port: int = 587
    security: str = "starttls"
    authentications: tuple[str, ...] = ("password", "none", "certificate")
    username: str = ""  # the same for everybody
    limits: Mapping[str, int] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    # Other names under which the same service answers.
    other_hosts: tuple[str, ...] = ()
    # The account sends as itself only: the From filter must say so (Microsoft refuses any other sender).
    needs_filter: bool = False
    advice: tuple[Advice, ...] = ()

    def host_in(self, region: str = "") -> str:
        """The server's name, in the first region unless another is known."""
        if not self.regions:
            return self.host
        return next((one for one in self.regions if one.code == region), self.regions[0]).host

    @property
    def hosts(self) -> Iterator[str]:
        """Every name under which it answers."""
        yield from (one.host for one in self.regions)
        yield from filter(None, (self.host, *self.other_hosts))


def _amazon(code: str, label: Promise) -> Region:
    return Region(code, label, f"email-smtp.{code}.amazonaws.com")


MICROSOFT_LIMITS = {"limit_connections": 3, "limit_minute": 30}
_FILTER = _(
    "This account may only send as itself, so its From filter is needed; mail of other authors leaves under the "
    "default From, which should be this account."
)

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.code: preset for preset in (
    Preset(
        "own",
        advice=(
            Advice(_("Whoever hosts your mail names the server: often smtp. or mail. before your domain.")),
            Advice(_("The user name is usually the whole address of the mailbox.")),
            Advice(_("As From filter write your domain, so that every colleague may send through it.")),
        ),
    ),
    Preset(
        "gmail",
        host="smtp.gmail.com",
        port=465,
        security="tls",
        authentications=("password", "google"),
        limits={"limit_day": 500},
        other_hosts=("smtp.googlemail.com", "smtp-relay.gmail.com"),
        advice=(
            Advice(
                _("Google does not take the account's own password: switch on 2-Step Verification and create an "
                  "application password, or connect with Google (OAuth)."),
                _("Application passwords"), "https://myaccount.google.com/apppasswords",
            ),
            Advice(
                _("500 e-mails a day are allowed, 2,000 with Google Workspace, where the administrator may have to "
                  "allow it first."),
                _("Limits of Gmail"), "https://support.google.com/mail/answer/22839",
            ),
            Advice(
                _("When the first test is refused as suspicious: review the recent activity of the account, confirm "
                  "that it was you and test again."),
                _("Recent activity"), "https://myaccount.google.com/notifications",
            ),
        ),
    ),
    Preset(
        "outlook",
        host="smtp-mail.outlook.com",
        authentications=("microsoft", "password"),
        limits=MICROSOFT_LIMITS,
        needs_filter=True,
        other_hosts=("smtp.live.com", "smtp.outlook.com"),
        advice=(
            Advice(
                _("Allow POP and IMAP apps in the settings of the account, which switches SMTP on, too. Log in with "
                  "Microsoft (OAuth); where the account still offers it, with an application password."),
                _("Switch SMTP on and set up access"),
                "https://support.microsoft.com/office/d088b986-291d-42b8-9564-9c414e2aa040",
            ),
            Advice(_FILTER),
            Advice(
                _("When the first test is refused as suspicious: review the recent activity of the account, confirm "
                  "that it was you and test again."),
                _("Recent activity"), "https://account.live.com/activity",
            ),
        ),
    ),
    Preset(
        "microsoft365",
        host="smtp.office365.com",
        authentications=("microsoft", "password"),
        limits={**MICROSOFT_LIMITS, "limit_day": 10_000},
        needs_filter=True,
        other_hosts=("outlook.office365.com",),
        advice=(
            Advice(
                _("Switch authenticated SMTP on for this mailbox. Passwords stop working by default at the end of "
                  "2026: connect with Microsoft (OAuth)."),
                _("Switch SMTP AUTH on"),
                "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/"
                "authenticated-client-smtp-submission",
            ),
            Advice(_FILTER),
            Advice(
                _("30 e-mails a minute, 3 connections and 10,000 recipients a day are allowed for each mailbox."),
                _("Limits of Exchange Online"),
                "https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/"
                "exchange-online-limits",
            ),
        ),
    ),
    Preset(
        "ses",
        authentications=("password",),
        regions=(
            _amazon("eu-west-1", _("Europe (Ireland)")),
            _amazon("eu-central-1", _("Europe (Frankfurt)")),
            _amazon("eu-west-2", _("Europe (London)")),
            _amazon("eu-west-3", _("Europe (Paris)")),
            _amazon("eu-south-1", _("Europe (Milan)")),
            _amazon("eu-north-1", _("Europe (Stockholm)")),
            _amazon("us-east-1", _("US East (N. Virginia)")),
            _amazon("us-east-2", _("US East (Ohio)")),
            _amazon("us-west-1", _("US West (N. California)")),
            _amazon("us-west-2", _("US West (Oregon)")),
            _amazon("ca-central-1", _("Canada (Central)")),
            _amazon("sa-east-1", _("South America (São Paulo)")),
            _amazon("ap-south-1", _("Asia Pacific (Mumbai)")),
            _amazon("ap-southeast-1", _("Asia Pacific (Singapore)")),
            _amazon("ap-southeast-2", _("Asia Pacific (Sydney)")),
            _amazon("ap-northeast-1", _("Asia Pacific (Tokyo)")),
            _amazon("ap-northeast-2", _("Asia Pacific (Seoul)")),
        ),
        advice=(
            Advice(
                _("Create SMTP credentials in the same region: they are not your AWS keys."),
                _("SMTP credentials"), "https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html",
            ),
            Advice(
                _("Verify your domain there, and write it as From filter."),
                _("Verified identities"), "https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html",
            ),
            Advice(
                _("A new account is in the sandbox and writes to verified addresses only: ask for production access."),
                _("Leave the sandbox"), "https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html",
            ),
        ),
    ),
    Preset(
        "sendgrid",
        host="smtp.sendgrid.net",
        authentications=("password",),
        username="apikey",
        advice=(
            Advice(
                _("The user name is the word apikey, and the password an API key that may send mail."),
                _("API keys"), "https://app.sendgrid.com/settings/api_keys",
            ),
            Advice(
                _("Authenticate your domain there, and write it as From filter."),
                _("Sender authentication"), "https://app.sendgrid.com/settings/sender_auth",
            ),
            Advice(
                _("Accounts with data in the European Union write smtp.eu.sendgrid.net as server."),
                _("Sending by SMTP"),
                "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/getting-started-smtp",
            ),
        ),
        other_hosts=("smtp.eu.sendgrid.net",),
    ),
    Preset(
        "mailgun",
        authentications=("password",),
        regions=(
            Region("us", _("United States"), "smtp.mailgun.org"),
            Region("eu", _("European Union"), "smtp.eu.mailgun.org"),
        ),
        advice=(
            Advice(
                _("Each domain has SMTP credentials of its own, such as postmaster@ your domain."),
                _("Domains and credentials"), "https://app.mailgun.com/mg/sending/domains",
            ),
            Advice(
                _("Choose the region in which the domain was created: the other one does not know it."),
                _("Sending by SMTP"),
                "https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-smtp",
            ),
            Advice(_("Verify your domain there, and write it as From filter.")),
        ),
    ),
    Preset(
        "brevo",
        host="smtp-relay.brevo.com",
        authentications=("password",),
        other_hosts=("smtp-relay.sendinblue.com",),
        advice=(
            Advice(
                _("The password is an SMTP key, not the one of the account and not an API key; the user name stands "
                  "beside it."),
                _("SMTP keys"), "https://app.brevo.com/settings/keys/smtp",
            ),
            Advice(
                _("Authenticate your domain there, and write it as From filter."),
                _("Senders and domains"), "https://app.brevo.com/senders/domain/list",
            ),
            Advice(
                _("The free plan sends 300 e-mails a day: write that limit under Advanced."),
                _("Plans"), "https://www.brevo.com/pricing/",
            ),
        ),
    ),
    Preset(
        "postmark",
        host="smtp.postmarkapp.com",
        authentications=("password",),
        other_hosts=("smtp-broadcasts.postmarkapp.com",),
        advice=(
            Advice(
                _("The server API token is both user name and password."),
                _("Sending by SMTP"), "https://postmarkapp.com/developer/user-guide/send-email-with-smtp",
            ),
            Advice(
                _("Verify your domain there, and write it as From filter."),
                _("Sender signatures"), "https://account.postmarkapp.com/signature_domains",
            ),
            Advice(
                _("This server is for transactional mail; mass mail has a stream and a server of its own "
                  "(smtp-broadcasts.postmarkapp.com)."),
                _("Message streams"), "https://postmarkapp.com/message-streams",
            ),
        ),
    ),
    Preset(
        "other",
        port=25,
        security="none",
        authentications=("none", "password", "certificate"),
        advice=(
            Advice(_("Write what whoever runs the server told you; an empty port goes with the connection security.")),
            Advice(_("Choose TLS (STARTTLS) or SSL/TLS whenever the server offers it.")),
            Advice(_("Test the connection before you save: every step is shown, and what helps when one fails.")),
        ),
    ),
)})  # fmt: skip


def preset(code: str) -> Preset:
    """The provider with this code; "other" for one that is not known."""
    return PRESETS.get(code, PRESETS["other"])


def provider_of(code: str, host: str) -> Preset:
    """Who runs the server: its host says so where it is known, else what was chosen."""
    name = host.strip().lower().removesuffix(".")
    return next((one for one in PRESETS.values() if name and name in one.hosts), preset(code))


def region_of(code: str, host: str) -> str:
    """The region that a host is in; the first one of the provider when it does not say."""
    regions, name = preset(code).regions, host.strip().lower()
    return next((one.code for one in regions if one.host == name), regions[0].code if regions else "")


def needs_filter(code: str, host: str) -> bool:
    """Whether the account there sends as itself only, and its server must say so."""
    return preset(code).needs_filter or provider_of(code, host).needs_filter


def values_of(code: str, region: str = "", *, offered: Collection[str]) -> dict[str, Any]:
    """What choosing this provider fills in; `offered` are the ways to log in that can be chosen."""
    one = preset(code)
    usual = next((way for way in one.authentications if way in offered), "none")
    filled = {
        "host": one.host_in(region),
        "port": one.port,
        "security": one.security,
        "authentication": usual,
        "username": one.username,
    }
    return {**UNTOUCHED, **filled, **one.limits}


def filled(
    shown: Mapping[str, Any], wanted: Mapping[str, Any], before: Mapping[str, Any] = UNTOUCHED
) -> tuple[dict[str, Any], list[str]]:
    """The fields after a choice, and the names of those that keep what someone typed.

    A field is free when it is empty, or holds what was filled in `before`.
    """
    values, kept = {}, []
    for name in FILLED:
        now, new = str(shown.get(name) or ""), str(wanted[name])
        is_free = now in ("", str(before[name]))
        values[name] = wanted[name] if is_free else shown[name]
        if not is_free and now != new:
            kept.append(name)
    return values, kept
