"""Why a mail did not leave, in words that a salesperson understands: whose turn it is, and what helps."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason: `blame` says where it lies, `remedy` names what helps for a program, `action` for a person."""

    code: str
    blame: str  # recipient, message, sender, credentials, server, network, policy
    title: Promise
    explanation: Promise
    who_acts: Promise
    remedy: str
    action: Promise


WHO = {
    "nobody": _("Nobody: it is tried again by itself."),
    "you": _("You"),
    "recipient": _("The recipient"),
    "administrator": _("Your administrator"),
    "provider": _("The mail provider"),
}

# What helps, and who does it.
REMEDIES: dict[str, tuple[str, Promise]] = {
    "wait": ("nobody", _("Wait, or send it now if it is urgent.")),
    "retry": ("you", _("Send it again.")),
    "ask_arrival": ("you", _("Ask the recipient whether it arrived before you send it again.")),
    "correct_address": ("you", _("Correct the address and send again.")),
    "other_way": ("recipient", _("Reach the recipient in another way and mention this message.")),
    "shorten": ("you", _("Send smaller attachments, or a link to them.")),
    "change_content": ("you", _("Change the text or the attachments and send again.")),
    "change_from": ("administrator", _("Send from the default From address, or allow this sender at the server.")),
    "set_from": ("administrator", _("Set a default From address and send again.")),
    "add_server": ("administrator", _("Add or activate an outgoing server and send again.")),
    "fix_server": ("administrator", _("Correct the outgoing server and test it; its mail then leaves by itself.")),
    "retry_not": ("you", _("Ask for a new one: this one cannot be sent again.")),
    "give_access": ("administrator", _("Give the recipient the permission again and send again, or cancel it.")),
    "fix_dns": ("administrator", _("Correct the DNS records of the sending domain and send again.")),
    "ask_provider": ("provider", _("Show the server's words to whoever runs it.")),
    "report_defect": ("administrator", _("Send it again; if it fails once more, look into the log.")),
}

_ROWS: list[tuple[str, str, str, Promise, Promise]] = [
    # -- Decided before any server is spoken to --
    ("no_server", "server", "add_server", _("No outgoing server"),
     _("There is no active server to send mail through.")),
    ("server_archived", "server", "add_server", _("Its server is archived"),
     _("This mail asks for a server that is no longer active.")),
    ("from_missing", "sender", "set_from", _("No sender address"),
     _("Neither its author nor the domain has an address to send from.")),
    ("from_invalid", "sender", "set_from", _("Sender address not valid"),
     _("The address that it would be sent from is not a valid e-mail address.")),
    ("message_invalid", "message", "change_content", _("Message not valid"),
     _("A field of this message holds something that e-mail does not allow, such as a line break in the subject.")),
    ("file_gone", "message", "change_content", _("Attachment is gone"),
     _("A file of this message is not in storage any more, so it could not be attached.")),
    ("files_unreadable", "server", "wait", _("Attachments cannot be read"),
     _("The storage that keeps the attachments did not answer.")),
    ("content_forgotten", "message", "retry_not", _("Its text was erased"),
     _("This message held a secret, so its text was erased when it had left or was given up.")),
    ("recipient_not_internal", "policy", "give_access", _("Not for this recipient any more"),
     _("It is internal, and its recipient may no longer read what is internal. It was not sent.")),
    ("expired", "network", "retry", _("Given up after trying for a long time"),
     _("It was tried again and again, and the server never took it.")),
    ("worker_lost", "server", "wait", _("Interrupted while sending"),
     _("The program that was sending it ended suddenly. It may have arrived, and is sent once more.")),
    ("worker_stopped", "server", "wait", _("Stopped while sending"),
     _("The program was stopped before the server had answered. It may have arrived, and is sent once more.")),
    ("uncertain", "network", "ask_arrival", _("It may or may not have arrived"),
     _("The connection was lost after the whole message had been handed over and before the server confirmed it.")),
    ("internal", "server", "report_defect", _("Internal error"),
     _("A defect of this program stopped it from leaving.")),
    # -- The way to the server --
    ("host_unknown", "server", "fix_server", _("Server name not found"),
     _("The name of the outgoing server does not exist or could not be looked up.")),
    ("connection_refused", "server", "fix_server", _("Server does not answer on this port"),
     _("The machine is there, but no mail server listens on this port.")),
    ("unreachable", "network", "wait", _("Server cannot be reached"),
     _("No connection to the outgoing server could be made.")),
    ("connect_timeout", "network", "fix_server", _("Server does not answer"),
     _("Nothing answered at this address and port. A firewall may be in between, or the port may be wrong.")),
    ("no_greeting", "server", "fix_server", _("Server stays silent"),
     _("The connection was made but the server said nothing. The port may expect another kind of security.")),
    ("timeout", "network", "wait", _("Server too slow"), _("The server did not answer in time.")),
    ("dropped", "network", "wait", _("Connection lost"), _("The server closed the connection in the middle.")),
    ("protocol_error", "server", "fix_server", _("Not a mail server"),
     _("What answers at this address and port does not speak as a mail server does.")),
    ("server_busy", "server", "wait", _("Server busy"), _("The server asks to come back later.")),
    ("too_many_connections", "policy", "wait", _("Too many connections"),
     _("The server allows fewer connections at the same time.")),
    ("greeting_refused", "policy", "ask_provider", _("Server turns us away"),
     _("The server refuses to speak with this machine.")),
    ("ehlo_refused", "server", "fix_server", _("Server does not accept our name"),
     _("The server refuses the name by which this machine introduces itself.")),
    # -- Encryption --
    ("certificate_expired", "server", "fix_server", _("Certificate expired"),
     _("The server's certificate is no longer valid. Nothing was sent, so that nobody could read along.")),
    ("certificate_name", "server", "fix_server", _("Certificate of another server"),
     _("The certificate does not belong to the name of this server.")),
    ("certificate_untrusted", "server", "fix_server", _("Certificate not trusted"),
     _("The server's certificate was not issued by anyone whom this machine trusts.")),
    ("ca_invalid", "server", "fix_server", _("Private CA certificate not readable"),
     _("The certificate that was uploaded for this server cannot be read.")),
    ("tls_not_spoken", "server", "fix_server", _("No SSL/TLS on this port"),
     _("The server does not begin with encryption on this port; TLS (STARTTLS) may be right.")),
    ("tls_failed", "server", "fix_server", _("Encryption failed"),
     _("No encrypted connection could be agreed with the server.")),
    ("starttls_missing", "server", "fix_server", _("Server offers no encryption"),
     _("The server does not offer STARTTLS, and mail is not sent in the clear where encryption was asked for.")),
    ("starttls_refused", "server", "fix_server", _("Server refuses encryption"),
     _("The server offers STARTTLS but then refuses it.")),
    ("tls_required", "server", "fix_server", _("Server requires encryption"),
     _("The server takes mail over encrypted connections only.")),
    # -- Logging in --
    ("credentials_wrong", "credentials", "fix_server", _("User name or password rejected"),
     _("The server does not accept the user name and password. They are not tried again until someone corrects them.")),
    ("app_password_required", "credentials", "fix_server", _("Application password needed"),
     _("This provider does not accept the account's own password here. Create an application password and enter it.")),
    ("login_disabled", "credentials", "fix_server", _("Password log-in switched off"),
     _("Sending with a password is switched off for this account at its provider.")),
    ("login_suspicious", "credentials", "fix_server", _("Log-in held back as suspicious"),
     _("The provider wants the account's owner to log in by browser and confirm this activity.")),
    ("account_suspended", "credentials", "ask_provider", _("Mail account suspended"),
     _("The provider has stopped this account from sending.")),
    ("auth_required", "credentials", "fix_server", _("Server asks for a log-in"),
     _("The server takes mail only from those who log in with a user name and password.")),
    ("auth_unavailable", "credentials", "fix_server", _("Server offers no log-in"),
     _("A user name is set, but the server offers no way to log in over this connection.")),
    ("credentials_unreadable", "credentials", "fix_server", _("Stored password not readable"),
     _("The stored password cannot be decrypted with the present keys. Enter it again.")),
    ("too_many_logins", "policy", "wait", _("Too many log-ins"), _("The server asks to wait before the next log-in.")),
    # -- The sender --
    ("sender_refused", "sender", "change_from", _("Sender refused"),
     _("The server does not accept this sender address.")),
    ("send_as_denied", "sender", "change_from", _("Not allowed to send as this address"),
     _("The account that logs in to the server may not send under this sender address.")),
    ("sender_domain", "sender", "fix_dns", _("Sender's domain not found"),
     _("The domain of the sender address does not exist or takes no mail.")),
    ("sender_unauthenticated", "policy", "fix_dns", _("Sender not authenticated"),
     _("The recipient's provider could not confirm that we may send for this domain (SPF, DKIM or DMARC).")),
    ("reverse_dns", "policy", "ask_provider", _("Sending server has no name"),
     _("The address of the sending server has no valid reverse DNS name.")),
    # -- The recipient --
    ("recipient_unknown", "recipient", "correct_address", _("Address does not exist"),
     _("The recipient's provider knows no such mailbox.")),
    ("recipient_domain", "recipient", "correct_address", _("Domain takes no mail"),
     _("The part after the @ does not exist or takes no mail.")),
    ("recipient_invalid", "recipient", "correct_address", _("Address not valid"),
     _("The recipient's address is not written as an e-mail address.")),
    ("recipient_moved", "recipient", "correct_address", _("Address has changed"),
     _("The recipient's mailbox has moved to another address.")),
    ("recipient_disabled", "recipient", "other_way", _("Mailbox switched off"),
     _("The recipient's mailbox exists but takes no mail.")),
    ("mailbox_full", "recipient", "other_way", _("Mailbox full"), _("The recipient's mailbox has no room left.")),
    ("recipient_busy", "recipient", "wait", _("Recipient gets too much mail"),
     _("The recipient's mailbox is receiving too many messages at this moment.")),
    ("recipient_restricted", "recipient", "other_way", _("Recipient does not take outside mail"),
     _("This address takes mail only from certain senders.")),
    ("recipient_refused", "recipient", "correct_address", _("Recipient refused"),
     _("The server does not take mail for this address.")),
    ("relay_denied", "server", "fix_server", _("Server does not forward this mail"),
     _("The outgoing server takes no mail for other domains from us; it may want a log-in.")),
    ("smtputf8_missing", "recipient", "correct_address", _("International address not supported"),
     _("The address has letters beyond plain English, and the server cannot handle them.")),
    ("delivery_loop", "recipient", "ask_provider", _("Mail goes round in circles"),
     _("The recipient's servers pass this mail on to each other without end.")),
    # -- The message --
    ("too_large", "message", "shorten", _("Message too large"), _("The message is larger than the server takes.")),
    ("attachment_refused", "message", "change_content", _("Attachment refused"),
     _("The server does not take a file of this kind, or found a virus in it.")),
    ("spam", "message", "change_content", _("Taken for spam"),
     _("The server considers this message unwanted advertising.")),
    ("content_refused", "message", "change_content", _("Message refused"),
     _("The server took the message and then refused its content.")),
    ("message_malformed", "message", "report_defect", _("Message not well formed"),
     _("The server found fault with how the message is built.")),
    # -- Rules and moods of the other side --
    ("greylisted", "policy", "wait", _("First contact: asked to come back"),
     _("The server makes unknown senders wait a few minutes. This is usual.")),
    ("rate_limited", "policy", "wait", _("Too much mail in a short time"),
     _("The server has slowed us down for a while.")),
    ("sending_limit", "policy", "wait", _("Sending limit reached"),
     _("The account has sent as much as its provider allows for now.")),
    ("too_many_recipients", "policy", "wait", _("Too many recipients"),
     _("The server takes fewer recipients at a time.")),
    ("blocklisted", "policy", "ask_provider", _("Sending server is blocklisted"),
     _("The recipient's provider refuses mail from the address of our server.")),
    ("policy_refused", "policy", "ask_provider", _("Refused by a rule"),
     _("A rule of the server does not allow this mail.")),
    ("try_later", "server", "wait", _("Asked to come back later"), _("The server could not take it now.")),
    ("refused", "server", "ask_provider", _("Refused by the server"), _("The server did not take this mail.")),
]  # fmt: skip


def _cause(code: str, blame: str, remedy: str, title: Promise, explanation: Promise) -> Cause:
    who, action = REMEDIES[remedy]
    return Cause(code, blame, title, explanation, WHO[who], remedy, action)


CAUSES: dict[str, Cause] = {row[0]: _cause(*row) for row in _ROWS}
_GENERAL = _cause("", "server", "retry", _("It could not be sent"), _("The mail did not leave."))


def describe(code: str) -> Cause:
    """The cause with this code; a general one for a code that is not known (any more)."""
    return CAUSES.get(code, _GENERAL)
