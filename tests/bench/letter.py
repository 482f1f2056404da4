"""The e-mail that every contender sends: text and HTML with accents, one recipient, about 4.5 kB on the wire."""

from email.message import EmailMessage
from email.policy import SMTP

SENDER = "ana@miempresa.test"
SENTENCE = "Su factura está preparada: rogamos su liquidación antes del día señalado más abajo."
TEXT = "\n".join(f"{number:02d} {SENTENCE}" for number in range(14))
HTML = "<html><body><h1>Factura</h1><table>{}</table></body></html>".format(
    "\n".join(f"<tr><td>{number}</td><td>{SENTENCE}</td></tr>" for number in range(22))
)


def recipient(number: int) -> str:
    return f"c{number}@acme.test"


def subject(number: int) -> str:
    return f"Factura n.º {number}, señalada"


def wire(number: int) -> bytes:
    """The whole message as the standard library writes it, for senders that have nothing to build."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = SENDER, recipient(number), subject(number)
    message["Message-ID"] = f"<{number}.bench@miempresa.test>"
    message["Date"] = "Mon, 02 Nov 2026 10:00:00 +0000"
    message.set_content(TEXT, cte="8bit")
    message.add_alternative(HTML, subtype="html", cte="8bit")
    return message.as_bytes()
