"""Who hears of a message, and how."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model, load_backend
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from chatter.models import Message, Thread
from chatter.threads import Threaded
from mail.addresses import InvalidAddress, Mailbox, key, parse_mailbox
from mail.models import Contact
from mail.models.mail import AnyUser

# The kind of message, and the field with which a follower asks for it.
WANTED = {
    Message.Kind.MESSAGE: "wants_messages",
    Message.Kind.NOTE: "wants_notes",
    Message.Kind.CHANGE: "wants_changes",
}


@dataclass(frozen=True, slots=True)
class Person:
    """What the choice looks at: a contact, whether it is an internal user, whether the author named it."""

    contact: Contact
    is_internal: bool
    is_named: bool = False


@dataclass(slots=True)
class Audience:
    """Who hears of a message. Those named by the author come first, then the followers in their order."""

    by_email: list[Contact] = field(default_factory=list)
    in_app: list[Contact] = field(default_factory=list)
    # Should hear of it by e-mail, but have no address that could be written to.
    without_address: list[Contact] = field(default_factory=list)
    # Named, but not internal: a note never leaves to them.
    kept_out: list[Contact] = field(default_factory=list)
    named: set[int] = field(default_factory=set)
    internal: set[int] = field(default_factory=set)

    @property
    def everyone(self) -> list[Contact]:
        """All who hear of it, those without an address included."""
        return [*self.by_email, *self.in_app, *self.without_address]

    def __len__(self) -> int:
        return len(self.by_email) + len(self.in_app)


def audience(
    record: Threaded | Thread, author: Contact | None, kind: str = Message.Kind.MESSAGE, to: Iterable[Contact] = ()
) -> Audience:
    """Who would hear of this message of this author: the followers of its kind except the author, and those named."""
    return audiences(record, author, [kind], to)[kind]


def audiences(
    record: Threaded | Thread, author: Contact | AnyUser | None, kinds: Sequence[str], to: Iterable[Contact] = ()
) -> dict[str, Audience]:
    """The same for several kinds at once, with no more questions. A user stands for the user's contact."""
    thread = record if isinstance(record, Thread) else record.thread
    order = [contact.pk for contact in to]
    named = sorted(_marked(Contact.objects.filter(pk__in=order)), key=lambda person: order.index(person.contact.pk))
    # One row for each follower: a thread has a contact once.
    wishes = {f"wants_{kind}": F(f"follows__{WANTED[Message.Kind(kind)]}") for kind in kinds}
    wanted = reduce(or_, (Q(**{wish: True}) for wish in wishes))
    following = Contact.objects.filter(follows__thread=thread).annotate(**wishes).filter(wanted)
    followers = _marked(following.order_by("follows__pk"))
    writer = _among([*named, *followers], author)
    return {
        kind: choose(
            [
                *(replace(person, is_named=True) for person in named),
                *(person for person in followers if getattr(person.contact, f"wants_{kind}")),
            ],
            author=writer,
            kind=kind,
        )
        for kind in kinds
    }


def choose(people: Iterable[Person], *, author: Contact | None, kind: str) -> Audience:
    """Sort people into those reached by e-mail, in the application, and not at all: each once. Pure."""
    chosen = Audience()
    seen: set[int] = set()
    # Two contacts may share an address, a company's and its clerk's: its mailbox gets one copy.
    written: set[str] = set()
    for person in people:
        contact = person.contact
        if contact.pk in seen or (not person.is_named and author is not None and contact.pk == author.pk):
            continue
        seen.add(contact.pk)
        if kind != Message.Kind.MESSAGE and not person.is_internal:
            if person.is_named:
                chosen.kept_out.append(contact)
            continue
        _place(chosen, person, written)
    return chosen


def _among(people: Iterable[Person], author: Contact | AnyUser | None) -> Contact | None:
    """The author as a contact. A user who is not among these people needs none: nobody else is looked at."""
    if author is None or isinstance(author, Contact):
        return author
    return next((person.contact for person in people if person.contact.user_id == author.pk), None)


def _place(chosen: Audience, person: Person, written: set[str]) -> None:
    contact = person.contact
    if person.is_internal and contact.notify == Contact.Notify.APP:
        chosen.in_app.append(contact)
    elif (mailbox := mailbox_of(contact)) is None:
        chosen.without_address.append(contact)
    elif (address := key(mailbox.address)) not in written:
        written.add(address)
        chosen.by_email.append(contact)
    else:
        return
    if person.is_named:
        chosen.named.add(contact.pk)
    if person.is_internal:
        chosen.internal.add(contact.pk)


def mailbox_of(contact: Contact) -> Mailbox | None:
    """Where this contact is written to; None without a valid address."""
    return _mailbox(contact.name, contact.email)


@lru_cache(maxsize=4096)  # asked several times for each post, and the next one goes to the same people
def _mailbox(name: str, email: str) -> Mailbox | None:
    try:
        address = parse_mailbox(email).address
    except InvalidAddress:
        return None
    # A name is shown in a header, which is one line.
    return Mailbox("".join(filter(str.isprintable, " ".join(name.split()))), address)


def contact_of(who: Any) -> Contact | None:
    """The contact itself, or that of a user. None for nobody."""
    if who is None or isinstance(who, Contact):
        return who
    known: Contact | None = getattr(who, "contact", None)
    # Users from before the app was installed have none yet.
    return (
        known
        or Contact.objects.get_or_create(
            user=who, defaults={"name": who.get_full_name() or who.get_username(), "email": who.email}
        )[0]
    )


def internal_users() -> "QuerySet[Any]":
    """The active users who may use notes, whichever back-end grants it; in one question for any number of them."""
    return _granted(tuple(settings.AUTHENTICATION_BACKENDS)).all()


@cache
def _granted(names: tuple[str, ...]) -> "QuerySet[Any]":
    # Kept, because every page with a conversation asks, and to write the question down takes longer than to answer it.
    users = get_user_model()._default_manager
    granted = [
        Q(pk__in=backend.with_perm("chatter.use_notes").order_by().values("pk"))
        for backend in map(load_backend, names)
        if hasattr(backend, "with_perm")
    ]
    return users.filter(reduce(or_, granted)) if granted else users.none()


def internal_contacts() -> "QuerySet[Contact]":
    """The contacts of internal users: the only readers of notes."""
    return Contact.objects.filter(user__in=internal_users())


def addressable_by(user: Any, *, also: Collection[int] = ()) -> "QuerySet[Contact]":
    """Whom this user may name or subscribe: colleagues, everyone when contacts may be seen, and the ids in `also`."""
    if user.has_perm("mail.view_contact"):
        return Contact.objects.all()
    return Contact.objects.filter(Q(user__in=internal_users()) | Q(pk__in=also))


def _marked(contacts: "QuerySet[Contact]") -> list[Person]:
    """Each contact, and whether it is an internal user."""
    if contacts.query.is_empty():
        return []
    internal = Exists(internal_users().filter(pk=OuterRef("user_id")))
    return [Person(contact, bool(contact.is_internal_user)) for contact in contacts.annotate(is_internal_user=internal)]
