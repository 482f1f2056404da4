from mail.models.attachment import Attachment, Blob
from mail.models.attempt import Attempt
from mail.models.contact import Contact
from mail.models.content import Content
from mail.models.domain import Domain
from mail.models.mail import Lane, Mail
from mail.models.options import Options
from mail.models.server import Server

__all__ = ["Attachment", "Attempt", "Blob", "Contact", "Content", "Domain", "Lane", "Mail", "Options", "Server"]
