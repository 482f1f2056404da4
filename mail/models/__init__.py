from mail.models.attachment import Attachment, Blob
from mail.models.attempt import Attempt
from mail.models.change import Change
from mail.models.contact import Contact
from mail.models.content import Content
from mail.models.domain import Domain
from mail.models.grant import Grant, OAuthClient, Provider
from mail.models.identity import IdentityRule
from mail.models.mail import Lane, Mail
from mail.models.options import Options
from mail.models.probe import Probe
from mail.models.server import Server
from mail.models.usage import ConnectionShare, Tally, Usage

__all__ = [
    "Attachment",
    "Attempt",
    "Blob",
    "Change",
    "ConnectionShare",
    "Contact",
    "Content",
    "Domain",
    "Grant",
    "IdentityRule",
    "Lane",
    "Mail",
    "OAuthClient",
    "Options",
    "Probe",
    "Provider",
    "Server",
    "Tally",
    "Usage",
]
