"""Letters for the demo mailbox."""

from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid

PNG = b"\x89PNG\r\n\x1a\n"


def letter(
    *,
    subject: str = "Presupuesto",
    sender: str = "marta@miempresa.example",
    to: str = "julia@levante.example",
    text: str = "Hola",
    html: str = "",
    picture: str = "",
    files: Mapping[str, bytes] | None = None,
) -> bytes:
    """A mail as programs write them: text, perhaps HTML with a picture inside (`picture` is its id), perhaps files."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Message-ID"] = make_msgid(domain="miempresa.example")
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    if picture:
        (_, page) = message.iter_parts()
        page.add_related(PNG, "image", "png", cid=f"<{picture}>")  # type: ignore[attr-defined]
    for name, data in (files or {}).items():
        message.add_attachment(data, maintype="application", subtype="pdf", filename=name)
    return message.as_bytes(policy=SMTP)
