"""The queue: one row for each copy of an e-mail."""

from collections.abc import Collection
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Now
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from mail.folding import fold
from mail.models.content import Content
from mail.models.server import Server

AnyUser = AbstractBaseUser | AnonymousUser


class Lane(models.TextChoices):
    """Mass mail never delays what a person is waiting for."""

    TRANSACTIONAL = "transactional", _("Transactional")
    MASS = "mass", _("Mass")


MOVING = ["queued", "sending"]
SETTLED = ["sent", "failed", "bounced", "cancelled"]
# What went wrong by itself; a blocked server reddens its waiting mail besides.
WRONG = Q(state__in=["failed", "bounced"]) | Q(state="queued", cause__gt="")


# The cause of a mail whose content was a secret and was erased.
FORGOTTEN = "content_forgotten"


def _in_both_halves(match: Q) -> Q:
    # Said twice, because the trigram indexes hold settled mail only (migration 0002). The state comes first: read row
    # by row, a mail is searched once and not twice.
    return (Q(state__in=SETTLED) & match) | (Q(state__in=MOVING) & match)


class MailQuerySet(models.QuerySet["Mail"]):
    def due(self) -> Self:
        return self.filter(state=Mail.State.QUEUED, due_at__lte=now())

    def red(self) -> Self:
        """What someone should look at: given up, bounced, or waiting after a failure or behind a blocked server."""
        return self.filter(Mail.RED)

    def visible_to(self, user: AnyUser) -> Self:
        """The rows this user may see. Opening one is narrower: `opened_by`."""
        if not user.is_authenticated:
            return self.none()
        if user.has_perm("mail.manage_mail"):  # type: ignore[attr-defined]
            return self
        return self.filter(user_id=user.pk)

    def manageable_by(self, user: AnyUser) -> Self:
        """The rows this user may retry and cancel."""
        return self.visible_to(user)

    def opened_by(self, user: AnyUser) -> Self:
        """The mails whose words this user may read: those this user caused to be sent, administrator or not."""
        return self.filter(user_id=user.pk) if user.is_authenticated else self.none()

    def retryable(self) -> Self:
        """What a person may send now: all but what is on its way or has left, and that whose words were erased."""
        gone = Content.objects.filter(pk=OuterRef("content_id"), forgotten_at__isnull=False)
        return self.filter(~Exists(gone), state__in=Mail.RETRYABLE).exclude(cause=FORGOTTEN)

    def retry(self) -> int:
        """Queue whatever of these may be retried; how many that were."""
        return self._move(Mail.objects.retryable(), **Mail.retry_changes())

    def cancel(self) -> int:
        """Give up whatever of these waits or failed, and forget the secrets in them; how many that were."""
        cancellable = Mail.objects.filter(state__in=Mail.MOVES[Mail.State.CANCELLED])
        secrets = self.filter(content__sensitive=True).order_by().values_list("content_id", flat=True)
        with transaction.atomic():
            contents = set(secrets)
            moved = self._move(
                cancellable, state=Mail.State.CANCELLED, settled_at=now(), urgent=False, fence=F("fence") + 1
            )
            forget_secrets(contents)
        return moved

    def _move(self, movable: "MailQuerySet", **changes: Any) -> int:
        # The states stand beside the chosen keys, and not among what chose them: of a worker and a person who want
        # the same row, PostgreSQL asks the second one again, about the row itself only.
        return movable.filter(pk__in=self.order_by().values("pk")).update(**changes)

    def searched(self, words: str, user: AnyUser) -> Self:
        """Rows that hold every word, looking only where this user may look (design §8).

        One or two letters find what begins with them: no index knows them in the middle of a word.
        """
        sees_others = user.has_perm("mail.manage_mail")  # type: ignore[union-attr]
        found = self
        for word in fold(words).split():
            match = Q(search__contains=word)
            if len(word) < 3:
                match = Q(search__startswith=word) | Q(search__contains=f" {word}")
            halves = _in_both_halves(Q(match, user_id=user.pk))
            if sees_others:
                match = Q(recipient_address__icontains=word)
                halves |= _in_both_halves(match if len(word) > 2 else Q(recipient_address__istartswith=word))
            found = found.filter(halves)
        return found

    def as_rows(self, user: AnyUser) -> Self:
        """For a list: `subject` is empty and the server's words stay away where the mail is another's (design §8)."""
        mine = When(user_id=user.pk, then=F("content__subject"))
        subject = Case(mine, default=Value(""), output_field=models.TextField())
        rows = self.defer("search", "failure", "lease_owner").select_related("user")
        return rows.annotate(subject=subject, words_gone_at=F("content__forgotten_at"))


class Mail(models.Model):
    """One copy of an e-mail for one recipient, from the queue until its fate is known."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENDING = "sending", _("Sending")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")
        BOUNCED = "bounced", _("Bounced")

    # Every way a mail may move: the state it enters, and the states it may come from.
    MOVES: dict[str, set[str]] = {
        State.SENDING: {State.QUEUED},
        State.SENT: {State.SENDING},
        State.FAILED: {State.SENDING, State.QUEUED},
        State.QUEUED: {State.SENDING, State.FAILED, State.CANCELLED, State.BOUNCED},
        State.CANCELLED: {State.QUEUED, State.FAILED},
        State.BOUNCED: {State.SENT, State.SENDING, State.QUEUED, State.FAILED},
    }
    # What a person may send now: everything but what is on its way or has left.
    RETRYABLE: set[str] = {State.QUEUED, State.FAILED, State.CANCELLED, State.BOUNCED}
    RED = WRONG | Q(state="queued", server__blocked_cause__gt="")

    content = models.ForeignKey(Content, models.PROTECT, related_name="mails")
    lane = models.CharField(max_length=13, choices=Lane, default=Lane.TRANSACTIONAL)
    recipient_name = models.CharField(max_length=200, blank=True)
    recipient_address = models.CharField(max_length=320)
    # Every index costs each mail two writes, so what mostly stays empty is indexed where it is not (below).
    contact = models.ForeignKey("mail.Contact", models.SET_NULL, null=True, related_name="+", db_index=False)
    # Who caused it to be sent; the only one who may open it.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False)
    document_type = models.ForeignKey(ContentType, models.SET_NULL, null=True, related_name="+", db_index=False)
    document_id = models.PositiveBigIntegerField(null=True)
    document = GenericForeignKey("document_type", "document_id")
    document_name = models.CharField(max_length=200, blank=True)
    # Whose document it is; with its type it decides the default From (identity rules).
    team = models.ForeignKey("auth.Group", models.SET_NULL, null=True, related_name="+", db_index=False)
    # Subject, recipient and document, folded (see `fold`), for the search box of the one who sent it.
    search = models.TextField(blank=True, editable=False)

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    due_at = models.DateTimeField(default=now)  # scheduling and back-off are the same thing
    created_at = models.DateTimeField(default=now, editable=False)
    settled_at = models.DateTimeField(null=True, editable=False)
    # Raised by a person's retry: skips back-off and breaker once.
    urgent = models.BooleanField(default=False, editable=False)

    # The plan: which server it will go through, made under which version of the settings.
    asked_server = models.ForeignKey(Server, models.SET_NULL, null=True, related_name="+", db_index=False)
    server = models.ForeignKey(Server, models.SET_NULL, null=True, related_name="mails")
    plan_version = models.PositiveBigIntegerField(default=0, editable=False)

    # The lease: who is sending it, until when, and how often it was taken.
    lease_owner = models.CharField(max_length=100, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    fence = models.PositiveBigIntegerField(default=0, editable=False)

    # What is known of its failures; empty when the last attempt did not fail.
    tries = models.PositiveIntegerField(default=0, editable=False)
    uncertain = models.PositiveSmallIntegerField(default=0, editable=False)
    first_attempt_at = models.DateTimeField(null=True, editable=False)
    cause = models.CharField(max_length=40, blank=True, editable=False)
    reply_code = models.PositiveSmallIntegerField(null=True, editable=False)
    failure = models.TextField(blank=True, editable=False)  # the server's own words

    objects = MailQuerySet.as_manager()

    class Meta:
        verbose_name = _("e-mail")
        verbose_name_plural = _("e-mails")
        permissions = [("manage_mail", _("See, retry and cancel everyone's e-mail"))]
        indexes = [
            # The claim, every few milliseconds: what is due for one lane and server. Mail already sent stays out.
            # With the id, as the copies of one message are due at the same moment: they are read in order, not sorted.
            models.Index(fields=["lane", "server", "due_at", "id"], condition=Q(state="queued"), name="mail_due"),
            # What a person sends now is looked for alone while a server rests, among any number that wait for it.
            models.Index(
                fields=["lane", "server", "due_at"], condition=Q(state="queued", urgent=True), name="mail_urgent"
            ),
            # The sweep: leases that ran out.
            models.Index(fields=["lease_until"], condition=Q(state="sending"), name="mail_lease"),
            # Planning anew after a change of settings.
            models.Index(fields=["plan_version"], condition=Q(state="queued"), name="mail_plan"),
            # The list, a page by key: everyone's, one user's, and each by state.
            models.Index(fields=["user", "-id"], name="mail_user"),
            models.Index(fields=["state", "-id"], name="mail_state"),
            models.Index(fields=["user", "state", "-id"], name="mail_user_state"),
            # The tab of what went wrong, everyone's and one user's. Mail that does well stays out.
            models.Index(fields=["-id"], condition=WRONG, name="mail_red"),
            models.Index(fields=["user", "-id"], condition=WRONG, name="mail_red_user"),
            # The alert: what failed within the hour.
            models.Index(
                fields=["settled_at"], condition=Q(state__in=["failed", "bounced"]), name="mail_failed_lately"
            ),
            # The list of a day or a week.
            models.Index(fields=["created_at"], name="mail_created"),
            # The mail of one record.
            models.Index(
                fields=["document_type", "document_id"],
                condition=Q(document_type__isnull=False),
                name="mail_document",
            ),
            # What names a contact, or a server that was asked for, when that is deleted.
            models.Index(fields=["contact"], condition=Q(contact__isnull=False), name="mail_of_contact"),
            models.Index(fields=["asked_server"], condition=Q(asked_server__isnull=False), name="mail_of_asked_server"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="sending") | Q(lease_until__isnull=False), name="mail_sending_has_a_lease"
            )
        ]

    def __str__(self) -> str:
        return f"{self.recipient_address} ({self.state})"

    def retry(self) -> bool:
        """Send now: skip back-off and a resting server, once. False: it is being sent, has left, or was a secret."""
        return self._moved(Mail.objects.filter(pk=self.pk).retry())

    @staticmethod
    def retry_changes() -> dict[str, Any]:
        """What a person's retry writes: queued, due, planned anew, and nothing held against it."""
        return {
            "state": Mail.State.QUEUED,
            "due_at": Now(),
            "urgent": True,
            "plan_version": 0,
            "cause": "",
            "failure": "",
            "reply_code": None,
            "tries": 0,
            "uncertain": 0,
            "first_attempt_at": None,
            "settled_at": None,
            "fence": F("fence") + 1,
        }

    def cancel(self) -> bool:
        """Give the mail up. False: it was quicker, and is being sent or has left."""
        return self._moved(Mail.objects.filter(pk=self.pk).cancel())

    def _moved(self, count: int) -> bool:
        self.refresh_from_db()
        return count == 1

    @property
    def is_retryable(self) -> bool:
        """Whether a person may send it now; see `MailQuerySet.retryable`. Reads its content, but not in a list."""
        if self.state not in self.RETRYABLE or self.cause == FORGOTTEN:
            return False
        gone_at = self.words_gone_at if hasattr(self, "words_gone_at") else self.content.forgotten_at
        return gone_at is None


def forget_secrets(content_ids: Collection[int]) -> None:
    """Erase the words of those contents that hold a secret and that no copy needs any more (design §8).

    One that failed is kept until a person decides. What was cancelled cannot be sent again, and says why.
    """
    needed = [Mail.State.QUEUED, Mail.State.SENDING, Mail.State.FAILED]
    spent = Content.objects.filter(pk__in=content_ids, sensitive=True).exclude(mails__state__in=needed)
    if forgotten := list(spent.values_list("pk", flat=True)):
        Content.objects.filter(pk__in=forgotten).update(text="", html="")
        Mail.objects.filter(content__in=forgotten, state=Mail.State.CANCELLED).update(cause=FORGOTTEN)
