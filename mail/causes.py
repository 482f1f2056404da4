"""Why a mail did not leave, in words that a salesperson understands: whose turn it is, and what helps."""

from dataclasses import dataclass, replace

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
    "connect": ("administrator", _("Connect the account on the server's page; its mail then leaves by itself.")),
    "fix_oauth": ("administrator", _("Correct client id and secret in the general options; its mail then leaves.")),
    "retry_not": ("you", _("Ask for a new one: this one cannot be sent again.")),
    "give_access": ("administrator", _("Give the recipient the permission again and send again, or cancel it.")),
    "verify_sender": (
        "administrator",
        _("Register the sender's domain or address at the provider, or send from the default From address."),
    ),
    "settle_account": ("administrator", _("Settle it in the account at the mail provider, then test the server.")),
    "check_network": ("administrator", _("Check the network and the name servers of the machine that Daeris runs on.")),
    "allow_us": ("recipient", _("Ask the recipient to allow mail from you, or reach them in another way.")),
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
    ("dns_unavailable", "network", "check_network", _("Names cannot be looked up"),
     _("No name server answered, so that the outgoing server could not be found.")),
    ("connection_forbidden", "network", "check_network", _("Connection forbidden here"),
     _("A firewall on this machine does not let mail out.")),
    ("machine_exhausted", "network", "check_network", _("This machine has no room for more"),
     _("The machine that Daeris runs on has too many connections or files open.")),
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
    ("certificate_not_yet", "server", "fix_server", _("Certificate not valid yet"),
     _("The server's certificate begins later than now. The clock of this machine or of the server may be wrong.")),
    ("certificate_revoked", "server", "fix_server", _("Certificate revoked"),
     _("Whoever issued the server's certificate has taken it back.")),
    ("tls_outdated", "server", "fix_server", _("Encryption too old"),
     _("The server only knows encryption that is not considered safe any more.")),
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
    ("client_certificate_refused", "credentials", "fix_server", _("Our certificate was refused"),
     _("The server asks for a certificate and does not accept the one it was shown, or was shown none.")),
    ("client_certificate_expired", "credentials", "fix_server", _("Our certificate has expired"),
     _("The SSL certificate by which this server lets us in is no longer valid. Upload the new one.")),
    ("client_certificate_invalid", "credentials", "fix_server", _("Our certificate cannot be used"),
     _("The SSL certificate of this server and its private key cannot be used together. Upload both again.")),
    ("login_forbidden", "credentials", "settle_account", _("Log-in forbidden by the organization"),
     _("The security rules of the organization do not let this account log in from here.")),
    ("login_too_weak", "credentials", "fix_server", _("Safer log-in required"),
     _("The server accepts only a safer way to log in than the one that is set.")),
    ("password_expired", "credentials", "settle_account", _("Password has to be renewed"),
     _("The account's password is too old. Renew it at the provider and enter the new one.")),
    ("address_not_allowed", "credentials", "settle_account", _("This machine may not log in"),
     _("The provider accepts this account only from network addresses that it knows.")),
    ("account_inactive", "credentials", "settle_account", _("Mail account not activated"),
     _("The provider has not yet allowed this account to send.")),
    ("credits_exhausted", "policy", "settle_account", _("Mail credit used up"),
     _("The plan at the mail provider has no messages left.")),
    ("app_password_required", "credentials", "fix_server", _("Application password needed"),
     _("This provider does not accept the account's own password here. Create an application password and enter it.")),
    ("login_disabled", "credentials", "settle_account", _("Password log-in switched off"),
     _("Sending with a password is switched off for this account at its provider.")),
    ("login_suspicious", "credentials", "settle_account", _("Log-in held back as suspicious"),
     _("The provider wants the account's owner to log in by browser and confirm this activity.")),
    ("account_suspended", "credentials", "ask_provider", _("Mail account suspended"),
     _("The provider has stopped this account from sending.")),
    ("auth_required", "credentials", "fix_server", _("Server asks for a log-in"),
     _("The server takes mail only from those who log in with a user name and password.")),
    ("auth_unavailable", "credentials", "fix_server", _("Server offers no log-in"),
     _("A user name is set, but the server offers no way to log in over this connection.")),
    ("credentials_unreadable", "credentials", "fix_server", _("Stored password not readable"),
     _("The stored password cannot be decrypted with the present keys. Enter it again.")),
    ("not_connected", "credentials", "connect", _("Account not connected"),
     _("No account has been connected for this server yet, or its settings have changed since.")),
    ("reconnect_needed", "credentials", "connect", _("Reconnect needed"),
     _("The provider has taken back the permission to send as this account: its password was changed, the permission "
       "was revoked, or it was not used for months.")),
    ("token_refused", "credentials", "connect", _("Account refused by the server"),
     _("The provider confirms the account, but its server does not let it send: the user name is another one, or "
       "sending by program is switched off for it.")),
    ("oauth_client", "credentials", "fix_oauth", _("The provider does not know this application"),
     _("The client id or its secret is missing, wrong or has expired.")),
    ("provider_away", "network", "wait", _("Provider does not answer"),
     _("The provider that confirms the account could not be asked.")),
    ("too_many_logins", "policy", "wait", _("Too many log-ins"), _("The server asks to wait before the next log-in.")),
    # -- The sender --
    ("sender_refused", "sender", "change_from", _("Sender refused"),
     _("The server does not accept this sender address.")),
    ("send_as_denied", "sender", "change_from", _("Not allowed to send as this address"),
     _("The account that logs in to the server may not send under this sender address.")),
    ("sender_unverified", "sender", "verify_sender", _("Sender not registered at the provider"),
     _("The mail provider sends only from addresses and domains that were registered with it.")),
    ("domain_unregistered", "sender", "verify_sender", _("Sender's domain not registered"),
     _("The mail provider does not know this domain as one of the organization.")),
    ("forwarding_denied", "policy", "settle_account", _("Forwarding outside is forbidden"),
     _("The organization of the mail account does not allow mail to be forwarded outside.")),
    ("sender_domain", "sender", "fix_dns", _("Sender's domain not found"),
     _("The domain of the sender address does not exist or takes no mail.")),
    ("sender_unauthenticated", "policy", "fix_dns", _("Sender not authenticated"),
     _("The recipient's provider could not confirm that we may send for this domain (SPF, DKIM or DMARC).")),
    ("spf_failed", "policy", "fix_dns", _("Sender not authenticated (SPF)"),
     _("The domain of the sender does not say that our server may send for it.")),
    ("dkim_failed", "policy", "fix_dns", _("Sender not authenticated (DKIM)"),
     _("The message carries no valid signature of the sender's domain.")),
    ("sender_unaligned", "policy", "fix_dns", _("Sender not authenticated (alignment)"),
     _("What proves where the message comes from belongs to another domain than its From address.")),
    ("dmarc_missing", "policy", "fix_dns", _("Sender's domain without rules (DMARC)"),
     _("The recipient's provider asks for a DMARC record, and the sender's domain has none.")),
    ("dmarc_refused", "sender", "change_from", _("Forbidden by the sender's domain (DMARC)"),
     _("The owner of the From address's domain asks everyone to refuse mail that others send in its name.")),
    ("sender_requirements", "policy", "fix_dns", _("Requirements for senders not met"),
     _("The recipient's provider asks whoever sends a lot for SPF, DKIM and DMARC, and misses one of them.")),
    ("reverse_dns", "policy", "ask_provider", _("Sending server has no name"),
     _("The address of the sending server has no valid reverse DNS name.")),
    # -- The recipient --
    ("recipient_unknown", "recipient", "correct_address", _("Address does not exist"),
     _("The recipient's provider knows no such mailbox.")),
    ("recipient_suppressed", "recipient", "correct_address", _("Address kept back by the provider"),
     _("Mail to this address came back before, so our mail provider does not send to it any more.")),
    ("owner_changed", "recipient", "correct_address", _("Address belongs to someone else now"),
     _("The mailbox or its domain has changed hands.")),
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
    ("organization_rule", "policy", "allow_us", _("Refused by a rule of the recipient's organization"),
     _("The recipient's organization has set a rule that this message does not pass.")),
    ("blocked_by_recipient", "policy", "allow_us", _("Blocked by the recipient's organization"),
     _("The recipient's organization has put our server on its own list of blocked senders.")),
    ("recipient_blocked_here", "policy", "settle_account", _("Recipient blocked by your organization"),
     _("Your organization's list at the mail provider forbids mail to this recipient.")),
    ("recipient_encryption", "recipient", "other_way", _("Recipient's server is not safe"),
     _("The recipient's server does not offer the safe connection that its domain promises.")),
    ("mailbox_trouble", "recipient", "other_way", _("Trouble with the recipient's mailbox"),
     _("Something is wrong with the recipient's mailbox.")),
    ("route_failed", "recipient", "other_way", _("Recipient's server not reached"),
     _("The recipient's mail server cannot be reached.")),
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
    ("too_many_attachments", "message", "shorten", _("Too many attachments"),
     _("The message has more attachments than the server takes.")),
    ("link_blocklisted", "message", "change_content", _("A link is blocklisted"),
     _("The message has a link to a site that is on a public blocklist.")),
    ("suspicious_content", "message", "change_content", _("Content taken for dangerous"),
     _("The server finds something in the text, its links or its attachments that looks like fraud or a virus.")),
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
    ("poor_reputation", "policy", "ask_provider", _("Sending server or domain distrusted"),
     _("The recipient's provider had too much unwanted mail from our server or domain.")),
    ("address_may_not_send", "policy", "fix_server", _("This connection may not send directly"),
     _("The network address is one of a home or mobile line. Mail has to go through a mail provider's server.")),
    ("cryptography", "policy", "ask_provider", _("Encryption of the message refused"),
     _("The server could not keep the message as safe as was asked for.")),
    ("server_fault", "server", "ask_provider", _("Fault in the mail server"),
     _("The server reports a fault of its own.")),
    ("dialogue_failed", "server", "ask_provider", _("Servers did not understand each other"),
     _("The server did not understand what it was told, or is not able to do it.")),
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


def describe(code: str, *, is_over: bool | None = None) -> Cause:
    """The cause with this code; a general one for a code that is not known (any more).

    What helps depends on whether the mail was given up (`is_over`) or will be tried again by itself (False).
    """
    cause = CAUSES.get(code, _GENERAL)
    if is_over is True and cause.remedy == "wait":
        return _helped_by(cause, "retry")
    if is_over is False and cause.remedy in _AFTERWARDS:
        return _helped_by(cause, "wait")
    return cause


# What only makes sense once a mail was given up.
_AFTERWARDS = {"ask_arrival", "retry"}


def _helped_by(cause: Cause, remedy: str) -> Cause:
    who, action = REMEDIES[remedy]
    return replace(cause, who_acts=WHO[who], remedy=remedy, action=action)
