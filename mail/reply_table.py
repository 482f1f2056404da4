"""The catalogue of replies: what real servers say, and the cause behind it.

Rows are asked in order and the first that fits decides, so what is special stands above what is general. A row names
its cause (of `mail.causes`), its source, and what must be true of the reply: the enhanced code without its class
("7.1" is 4.7.1 and 5.7.1; "7" is the whole family; "7.606-649" a range), words, reply codes, phases, the provider
that speaks, whether it is permanent. What becomes of the mail follows from design §6; `outcome` is for exceptions.
"""

from mail.reply_rules import Outcome, Rule, rule

AGAIN, BLOCKED = Outcome.AGAIN, Outcome.BLOCKED

# Where a row comes from.
SEEN = "as seen"
R3463 = "RFC 3463"
R5248 = "RFC 5248 and the IANA registry of enhanced status codes"
GMAIL = "Google: Gmail SMTP errors and codes"
RELAY_ERRORS = "Google: SMTP relay service error messages"
EXCHANGE = "Microsoft: Email non-delivery reports and SMTP errors in Exchange Online"
EXCHANGE_700 = "Microsoft: Fix error codes 5.7.700 through 5.7.750"
SMTP_AUTH = "Microsoft: Fix issues with SMTP AUTH client submission"
OUTLOOK_COM = "Microsoft: Outlook.com Postmaster"
YAHOO = "Yahoo Sender Hub: SMTP error codes"
ICLOUD = "Apple: Postmaster information for iCloud Mail, and as seen"
SES = "Amazon SES: SMTP response codes"
SENDGRID = "SendGrid: SMTP errors and troubleshooting"
POSTFIX = "Postfix: SASL, TLS and restriction replies"


def _any(*words: str) -> str:
    return "|".join(words)


# -- How servers word it ---------------------------------------------------------------------------------

BLOCKLISTED = _any(
    r"block ?list|black ?list|spamhaus|\brbl\b|dnsbl|barracuda|spamcop|sorbs|uceprotect|abusix|invaluement",
    r"banned sending ip|client host .{0,80}block|part of their network is on our block|\[BL\d+\]",
    r"connections (not|will not be) accepted from|csi\.cloudmark|blocked - see|listed (at|in|on|by) \S+\.\w",
)
BAD_LINK = (
    r"domain present in the spamhaus|\bDBL\b|\b(surbl|uribl)\b|(url|link)s? (in|within).{0,40}(block|list|suspic)"
)
REPUTATION = r"(low|poor|bad) (sender )?reputation|due to .{0,20}reputation|will be permanently deferred|senderscore"
DIRECT = _any(
    r"not authorized to send (e?mail )?directly|\bPBL\b",
    r"(dynamic|residential|dial-?up|generic) (ip|pool|host|address|r?dns)",
    r"use (the )?smtp relay at your|use your (isp|provider)",
)
SPAM = _any(
    r"\bspam|unsolicited|bulk mail|junk|content reject|suspicious (due|content)|UBE\b|looks like|\[(CS|HM)\d+\]",
    r"nature of the content",
)
MALWARE = r"\bvirus|malware|infected|phish|executable|attachment|security issue|blocked (file|extension)|\bBANNED:"
MALFORMED = _any(
    r"rfc ?-?(2?822|5322)|missing a valid|multiple addresses in|duplicate header|not rfc compliant",
    r"bare (lf|line ?feed)|unicode character in a disallowed|encoded-word syntax|header size|malformed|line too long",
)
SEND_AS = _any(
    r"send ?as ?denied|not (have )?permissions? to send as|not owned by( user)?|sender (address )?mismatch",
    r"sender address .{0,20}not .{0,10}authori[sz]ed|not authori[sz]ed to (send (from|as|on behalf)|perform .?ses:)",
    r"not allowed to send (as|from)|must (match|be).{0,30}(login|authenticated)",
)
UNVERIFIED = _any(
    r"address (is )?.{0,40}not verified|verified sender identity|sender( domain)? (is )?(not|un)[ -]?(verified|valid)",
    r"domain .{0,80}(is )?(not|un)[ -]?verified|sender signature|unregistered domain|unprovisioned",
)
LOGIN_FIRST = _any(
    r"authentication (is )?required|must (first )?authenticate|not authenticated|not log(ged)? ?in",
    r"please (log ?in|auth)",
)
LIMIT = _any(
    r"(daily|hourly|sending|submission|messages?|user|rate|recipient|per (second|minute|hour|day)).{0,20}(limit|quota)"
    r".{0,20}(exceeded|reached)",
    r"exceeded .{0,40}(limit|quota|rate|threshold)|too many (messages|e?mails)",
    r"(limit|quota) (was |is )?(exceeded|reached)",
)
OWN_LIMIT = _any(
    r"submission quota|daily (user |message )?(sending|quota|limit)|sending (limit|quota)|outbound.{0,20}(limit|quota)",
    r"smtp relay (sending )?limit",
)
RATE = _any(
    r"rate.?limit|throttl|unusual (rate|amount)|too (quickly|fast|frequent)|(unexpected|excessive) volume|slow down",
    r"temporarily deferred due|too much mail|(sending|submission|message) rate",
)
CONNECTIONS = _any(
    r"too many (concurrent |simultaneous |smtp |open |new )*(connections|sessions|connects)|connection (rate )?limit",
    r"concurrent con|maximum number of (concurrent )?(\w+ )?connections|too frequent connects|thread limit",
)
UNKNOWN_USER = _any(
    r"(user|addressee) unknown|unknown (user|recipient|mailbox|addressee|local|or illegal alias)",
    r"no such (user|recipient|mailbox|address|person|account)",
    r"(user|mailbox|recipient|account|address|email)( \S+)? (doesn.t exist|not found|not known|is unknown)",
    r"doesn.t have an? \S+ account|does not exist|invalid (recipient|mailbox|user)|recipient (not found|unknown)",
    r"not a valid mailbox|unrouteable address|address (is )?unknown|no mailbox here|usuario (desconocido|no existe)",
)
FULL = _any(
    r"(mailbox|inbox|account|user|quota|storage).{0,30}(full|over ?quota|exceeded)|over ?quota|out of (storage|space)",
    r"buz[oó]n lleno|insufficient (mailbox )?storage for",
)
DISABLED = _any(
    r"(mailbox|account|user|recipient|address).{0,40}(disabled|inactive|suspended|deactivated|locked|closed|unavailable)",
    r"inactive (e-?mail|mailbox|account|address|user)|no longer (valid|active|on server|works? )",
)
GREY = r"gr[ae]y.?list|postgrey|first contact|listas? gris"
AUTHENTICATION = r"\bspf\b|\bdkim\b|\bdmarc\b|unauthenticated (email|mail|sender)|sender .{0,10}authenticat"
RELAY = _any(
    r"relay(ing)? (access )?(is )?(denied|not (permitted|allowed))|(unable|not permitted|not allowed) to relay",
    r"rcpthosts|mail relay denied|email relay denied|invalid credentials for relay",
)
INSIDE_ONLY = _any(
    r"not (accept|receiv)\w* (mail |email |messages )?from (outside|external|this sender)|restricted",
    r"not authenticated (by organi[sz]ation|for (group|mailbox|public))",
)
RULE = r"\bgcdp\b|transport ?rules?|policy that prohibits|organi[sz]ation.{0,40}(policy|rule)|rejected by recipient"
RECIPIENT_BUSY = r"too (quickly|much|many)|rate that|receiving|recipient thread|per hour message receive"

RULES: tuple[Rule, ...] = (
    # -- Logging in, and what has to come before it --
    rule("client_certificate_refused", POSTFIX, words=r"client certificate|certificate (is )?required",
         phases="ehlo starttls auth mail rcpt", outcome=BLOCKED),
    rule("credits_exhausted", SENDGRID, words=r"(maximum |no |insufficient )credits?\b|credits? exceeded",
         outcome=AGAIN),
    rule("app_password_required", GMAIL, words=r"application.?specific|app(lication)? password", phases="auth"),
    rule("login_suspicious", GMAIL, words=r"web ?browser|suspicious|unusual (activity|sign)|webloginrequired",
         phases="auth"),
    rule("login_suspicious", GMAIL, "7.14", phases="auth", provider="google"),
    rule("app_password_required", GMAIL, "7.9 7.90", codes="534", phases="auth", provider="google"),
    rule("credentials_wrong", SMTP_AUTH, words=r"credentials (were|are) incorrect|wrong password", phases="auth",
         permanent=True),
    rule("login_forbidden", SMTP_AUTH, words=r"security defaults|conditional access|did not meet the criteria",
         phases="auth"),
    rule("login_disabled", SMTP_AUTH, "7.30 7.139", phases="auth"),
    rule("login_disabled", SMTP_AUTH, "7.30 7.139", words=r"authentication", phases="mail rcpt", provider="microsoft",
         outcome=BLOCKED),
    rule("login_disabled", SMTP_AUTH,
         words=r"(smtp|basic).{0,20}auth.{0,30}disabled|smtpclientauthentication|less secure",
         phases="auth mail", permanent=True, outcome=BLOCKED),
    rule("account_inactive", SES, words=r"not (yet )?(activated|subscribed|enabled)|account.{0,20}sandbox",
         phases="auth mail"),
    rule("address_not_allowed", "Brevo: SMTP errors", words=r"unauthori[sz]ed ip|ip.{0,30}not (allowed|authori[sz]ed)",
         phases="auth"),
    rule("account_suspended", SEEN, words=r"account .{0,30}(suspended|disabled|locked|blocked|on hold)", phases="auth"),
    rule("account_suspended", f"{R5248}: X.7.13", "7.13", phases="auth"),
    rule("password_expired", f"{R5248}: X.7.12", "7.12", phases="auth"),
    rule("password_expired", SEEN, words=r"password.{0,20}(expired|must be changed)", phases="auth"),
    rule("too_many_logins", GMAIL, words=r"too many (login|log.?in|auth|failed|bad)", phases="greeting ehlo auth"),
    rule("tls_required", GMAIL, "7.29", provider="google", outcome=BLOCKED),
    rule("tls_required", f"{R5248}: X.7.10, X.7.11", "7.10 7.11", permanent=True, outcome=BLOCKED),
    rule("tls_required", "RFC 4954 §6", codes="538", outcome=BLOCKED),
    rule("tls_required", "RFC 3207 §4",
         words=r"must issue a? ?starttls|(encryption|starttls|tls) (is )?(required|needed)|use tls",
         phases="ehlo auth mail rcpt", outcome=BLOCKED),
    rule("login_too_weak", "RFC 4954 §6", codes="534", phases="auth"),
    rule("auth_unavailable", "RFC 4954 §4", codes="502 503 504", phases="auth", permanent=True),
    rule("credentials_wrong", "RFC 4954 §6", phases="auth", permanent=True),
    rule("too_many_connections", SMTP_AUTH, words=CONNECTIONS, phases="greeting ehlo auth mail"),
    rule("server_busy", YAHOO, words=r"max messages? per connection"),
    rule("try_later", "RFC 4954 §6: 454 4.7.0", phases="auth"),
    rule("starttls_refused", "RFC 3207 §4", phases="starttls"),
    rule("auth_required", EXCHANGE, "7.57", phases="mail rcpt", outcome=BLOCKED),
    rule("auth_required", "RFC 4954 §6", codes="530", phases="mail rcpt data", outcome=BLOCKED),
    rule("auth_required", SEEN, words=LOGIN_FIRST, phases="mail", permanent=True, outcome=BLOCKED),
    rule("ehlo_refused", EXCHANGE, "7.506"),
    rule("ehlo_refused", POSTFIX, words=r"he?lo command rejected|(invalid|bad) (he|eh)lo|(he|eh)lo.{0,20}invalid"),
    # -- Sending as someone else --
    rule("domain_unregistered", EXCHANGE_700, "7.750"),
    rule("send_as_denied", EXCHANGE, "7.60 2.251 2.252"),
    rule("send_as_denied", SEEN, words=SEND_AS, phases="mail rcpt data final"),
    rule("sender_unverified", SES, words=UNVERIFIED, phases="mail rcpt data final"),
    # -- Limits that pass, though some providers say 5xx --
    rule("sending_limit", EXCHANGE, "1.90 7.232 7.233", outcome=AGAIN),
    rule("rate_limited", EXCHANGE, "7.508", outcome=AGAIN),
    rule("sending_limit", GMAIL, "4.5", words=LIMIT, outcome=AGAIN),
    rule("sending_limit", RELAY_ERRORS, words=OWN_LIMIT, outcome=AGAIN),
    rule("rate_limited", GMAIL, "7.1", words=r"has been rate limited", provider="google", outcome=AGAIN),
    rule("rate_limited", SES, words=r"maximum sending rate", provider="ses", slow=10),
    rule("too_many_connections", OUTLOOK_COM, "7.652"),
    rule("rate_limited", f"{EXCHANGE}; {OUTLOOK_COM}", "7.500-699 7.850-899", permanent=False),
    rule("rate_limited", EXCHANGE, "4.2", words=r"submission rate", permanent=False),
    rule("account_suspended", EXCHANGE, "1.8 7.501-503", words=r"bad outbound|outbound spam|tenant|spam abuse|banned"),
    rule("recipient_blocked_here", EXCHANGE_700, "7.703"),
    rule("blocklisted", EXCHANGE_700, "7.708"),
    rule("account_suspended", EXCHANGE_700, "7.700-749"),
    rule("account_suspended", RELAY_ERRORS, words=r"account has been temporarily suspended|suspended due to abuse",
         phases="mail rcpt data final"),
    # -- Addresses (RFC 3463 X.1) --
    rule("sender_domain", f"{R3463} X.1.8", "1.8"),
    rule("sender_domain", "RFC 7505 §4.2: null MX", words=r"null ?mx|unresolvable (rfc.?5321|domain)", phases="mail"),
    rule("sender_refused", f"{R3463} X.1.7", "1.7"),
    rule("recipient_domain", "RFC 7505 §4.1: null MX", "1.10", codes="556"),
    rule("recipient_disabled", ICLOUD, "1.1 1.6", words=r"inactive|no longer on server", phases="rcpt data final"),
    rule("recipient_unknown", f"{R3463} X.1.1; {EXCHANGE}", "1.1 1.10 7.504", phases="rcpt data final"),
    rule("recipient_domain", f"{R3463} X.1.2", "1.2", phases="rcpt data final"),
    rule("recipient_invalid", f"{R3463} X.1.3, X.1.4", "1.3 1.4", phases="rcpt data final"),
    rule("recipient_moved", f"{R3463} X.1.6", "1.6", phases="rcpt data final"),
    rule("owner_changed", "RFC 7293 §11", "7.17 7.18 7.19"),
    # -- Mailbox (X.2) and mail system (X.3) --
    rule("recipient_busy", f"{EXCHANGE}; {GMAIL}", "2.1 3.2 2.121 2.122", words=RECIPIENT_BUSY),
    rule("recipient_busy", ICLOUD, words=r"^messages to .{0,80}excessive volume"),
    rule("too_many_connections", EXCHANGE, "3.2", words=r"storedrv|thread limit"),
    rule("recipient_busy", f"{R3463} X.2.1", "2.1", permanent=False),
    rule("recipient_disabled", f"{R3463} X.2.1", "2.1", permanent=True),
    rule("mailbox_full", f"{R3463} X.2.2", "2.2"),
    rule("too_many_attachments", GMAIL, "3.4", words=r"number of attachments"),
    rule("message_malformed", GMAIL, "3.4", words=r"header"),
    rule("too_large", f"{R3463} X.2.3, X.3.4", "2.3 3.4"),
    rule("greylisted", "RFC 6647", words=GREY, permanent=False),
    # -- Ways (X.4) --
    rule("recipient_unknown", EXCHANGE, "4.1", words=r"recipient address rejected", permanent=True),
    rule("recipient_domain", f"{R3463} X.4.3, X.4.4; {EXCHANGE}", "4.1 4.4 4.3 4.310 4.312", permanent=True),
    rule("delivery_loop", f"{R3463} X.4.6; {EXCHANGE}", "4.6 4.14 4.8"),
    rule("delivery_loop", SEEN, words=r"too many hops|mail loop|routing loop|\d+ hops"),
    rule("recipient_encryption", EXCHANGE, "4.317 7.321-325"),
    rule("route_failed", EXCHANGE, "4.300-321"),
    # -- Protocol (X.5) and content (X.6) --
    rule("too_many_recipients", f"{R3463} X.5.3", "5.3"),
    rule("smtputf8_missing", "RFC 6531 §3.5", "6.7 6.9"),
    rule("message_malformed", f"{R3463} X.6", "6"),
    # -- Security and policy (X.7), the widest of all --
    rule("sender_unaligned", GMAIL, "7.32", provider="google"),
    rule("dmarc_missing", GMAIL, "7.31 7.40", provider="google"),
    rule("spf_failed", GMAIL, "7.24 7.27", provider="google"),
    rule("dkim_failed", GMAIL, "7.30", provider="google"),
    rule("reverse_dns", GMAIL, "7.23 7.25", words=r"\bptr\b"),
    rule("dmarc_refused", f"{EXCHANGE}; {GMAIL}", words=r"dmarc (policy|verification)|does not pass dmarc",
         permanent=True),
    rule("sender_requirements", OUTLOOK_COM, "7.515"),
    rule("dmarc_refused", EXCHANGE, "7.509"),
    rule("spf_failed", "RFC 7372 §3.2", "7.23 7.24"),
    rule("dkim_failed", "RFC 7372 §3.1", "7.20-22"),
    rule("sender_unauthenticated", f"RFC 7372 §3.3; {GMAIL}", "7.26 7.29 7.40"),
    rule("sender_domain", "RFC 7505 §4.2", "7.27"),
    rule("reverse_dns", "RFC 7372 §3.3: X.7.25", "7.25"),
    rule("message_malformed", EXCHANGE, "7.512"),
    rule("message_malformed", f"{GMAIL}; {YAHOO}", words=MALFORMED, phases="data final", permanent=True),
    rule("sender_unauthenticated", SEEN, words=AUTHENTICATION, permanent=True),
    rule("rate_limited", GMAIL, "7.28"),
    rule("forwarding_denied", EXCHANGE, "7.520"),
    rule("recipient_restricted", EXCHANGE, "7.12 7.13 7.51 7.124 7.129 7.133-136 1.20"),
    rule("recipient_restricted", f"{R3463} X.7.2", "7.2", phases="rcpt"),
    rule("recipient_disabled", EXCHANGE, "7.505"),
    rule("blocked_by_recipient", EXCHANGE, "7.507 7.513"),
    rule("blocked_by_recipient", EXCHANGE, words=r"customer block ?list|blocked by .{0,40}recipient"),
    rule("organization_rule", f"{GMAIL}; {EXCHANGE}", words=RULE),
    rule("organization_rule", EXCHANGE, "7.900-999"),
    rule("link_blocklisted", ICLOUD, words=BAD_LINK),
    rule("address_may_not_send", f"{GMAIL}; Spamhaus: PBL", words=DIRECT),
    rule("blocklisted", EXCHANGE, "7.511 7.606-649"),
    rule("too_many_connections", f"{YAHOO}; {POSTFIX}", words=CONNECTIONS, permanent=False),
    rule("sending_limit", SES, words=LIMIT, phases="mail data final", permanent=False),
    rule("rate_limited", f"{YAHOO}; {GMAIL}", words=RATE, permanent=False),
    rule("poor_reputation", f"{GMAIL}; {YAHOO}", words=REPUTATION),
    rule("blocklisted", "Spamhaus, Barracuda, SpamCop: replies that name them", words=BLOCKLISTED),
    rule("reverse_dns", SEEN, words=r"reverse dns|\bptr\b|rdns|cannot find your (reverse )?hostname"),
    rule("relay_denied", EXCHANGE, "7.64"),
    rule("relay_denied", POSTFIX, words=RELAY),
    rule("attachment_refused", GMAIL, "7.0 7.1", words=MALWARE, phases="data final", permanent=True),
    rule("rate_limited", SEEN, words=RATE),
    rule("suspicious_content", YAHOO, words=r"\[PH\d\d\]"),
    rule("spam", f"{GMAIL}; {ICLOUD}", words=SPAM),
    rule("cryptography", f"{R3463} X.7.3 to X.7.7", "7.3-7", phases="rcpt data final"),
    # -- Without a telling enhanced code: the words, then the code, then the phase --
    rule("recipient_suppressed", "Amazon SES, Postmark: suppression lists",
         words=r"suppress(ion|ed)|marked as inactive|hard bounced before", phases="rcpt data final"),
    rule("recipient_restricted", SEEN, words=INSIDE_ONLY),
    rule("recipient_unknown", YAHOO, words=UNKNOWN_USER, phases="rcpt data final", permanent=True),
    rule("mailbox_full", SEEN, words=FULL, phases="rcpt data final"),
    rule("too_large", SES, words=r"(message|mail|size).{0,30}(too (large|big|long)|exceed)|too much mail data"),
    rule("recipient_disabled", YAHOO, words=DISABLED, phases="rcpt data final", permanent=True),
    rule("sender_domain", SEEN, words=r"(sender|domain).{0,60}(not found|does not exist|not resolve|no mx)",
         phases="mail"),
    rule("too_large", "RFC 5321 §4.2.3", codes="552", phases="mail data final"),
    rule("mailbox_full", "RFC 5321 §4.2.3", codes="552", phases="rcpt"),
    rule("mailbox_full", "RFC 5321 §4.2.3", codes="452", phases="rcpt"),
    rule("recipient_moved", "RFC 5321 §4.2.3", codes="551", phases="rcpt"),
    rule("recipient_domain", "RFC 7504 §3", codes="521 556", phases="rcpt"),
    rule("smtputf8_missing", "RFC 6531 §3.5", codes="553", words=r"smtputf8|internationali", phases="mail rcpt"),
    rule("server_busy", f"{R3463} X.3, X.4.5", "3 4.5", permanent=False),
    rule("server_busy", "RFC 5321 §3.8", codes="421"),
    rule("attachment_refused", SEEN, words=MALWARE, phases="data final", permanent=True),
    rule("ehlo_refused", "RFC 5321 §4.1.1.1", phases="ehlo", permanent=True),
    rule("greeting_refused", "RFC 5321 §3.1, RFC 7504 §2", phases="greeting", permanent=True),
    rule("sender_refused", "RFC 5321 §3.3", phases="mail", permanent=True),
    # -- Families (RFC 3463 §3) of what nobody has met yet --
    rule("policy_refused", f"{R3463} X.7", "7", permanent=True),
    rule("recipient_refused", f"{R3463} X.1", "1", phases="rcpt data final", permanent=True),
    rule("mailbox_trouble", f"{R3463} X.2", "2", phases="rcpt data final"),
    rule("server_fault", f"{R3463} X.3", "3", phases="rcpt data final"),
    rule("route_failed", f"{R3463} X.4", "4", phases="rcpt data final"),
    rule("dialogue_failed", f"{R3463} X.5", "5", phases="rcpt data final", permanent=True),
    rule("dialogue_failed", "RFC 5321 §4.2.4", codes="500 501 502 503 504 555", phases="rcpt data final",
         permanent=True),
    rule("recipient_refused", "RFC 5321 §3.3", phases="rcpt", permanent=True),
    rule("content_refused", "RFC 5321 §3.3", phases="data final", permanent=True),
    rule("try_later", "RFC 5321 §4.2.1", permanent=False),
    rule("refused", "RFC 5321 §4.2.1"),
)  # fmt: skip
