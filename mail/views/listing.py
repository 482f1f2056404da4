"""The list of e-mails: what the query string asks for, the rows of one page, and a version to compare."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractUser
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from daeris.ui.lists import ControlPanel, Filter, Tab
from daeris.ui.navigation import Badge
from daeris.ui.paging import LIMIT, Count, KeyPager, bounded_count, bounded_counts
from mail import causes
from mail.models import Lane, Mail, Server
from mail.models.mail import MailQuerySet
from mail.presentation import Look, cause_of, look_of
from mail.views.documents import Document, about_readable, documents_of
from mail.views.trouble import Trouble, blocked_ids, trouble_of

PAGE_SIZE = 80
# A search that finds more than this is counted tab by tab, and its page read in order until it is full.
MOST_FOUND = 2000
# For how long a new kind of document may be missing from the filters.
KEPT_SECONDS = 60
TABS = ("queued", "sent", "failed", "cancelled")
# No longer than keys are: more digits than that are no question for the database.
RECORD = re.compile(r"\d{1,9}-\d{1,18}", re.ASCII)
NAV_COUNT = "_mail_red_count"
# Stands for the key of a row where the rows of a page share something; no mail has it.
ANY_KEY = 987654321098765432


@dataclass(frozen=True, slots=True)
class Row:
    """One mail as the list shows it: plain values, and none that this user may not see."""

    key: str  # the primary key as text: numbers are written with thousands separators
    fence: int  # grows with every claim: what failed, was sent again and failed again does not look unchanged
    look: Look
    created_at: datetime
    url: str  # "" for a mail that this user may not open
    subject: str  # for such a mail: whose it is
    label: str
    recipient: str
    document: Document | None
    server: str
    reason: str
    can_retry: bool
    can_cancel: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the list with everything around it."""

    panel: ControlPanel
    rows: list[Row]
    trouble: Trouble | None
    version: str

    @property
    def address(self) -> str:
        """Where this very list is found again."""
        query = self.panel.request.GET.urlencode()
        return f"{self.panel.request.path}?{query}" if query else self.panel.request.path

    @property
    def is_moving(self) -> bool:
        """Whether a mail of this page is about to change."""
        return any(row.look.key in {"queued", "sending"} for row in self.rows)


@dataclass(frozen=True, slots=True)
class Found:
    """The keys of the mails that a search found, by tab; not all of them where there are too many."""

    keys: Mapping[str, list[int]]
    is_all: bool


def red(blocked: list[int]) -> Q:
    """The rows of the tab Failed. Servers come by their keys: a join would keep the database from its indexes."""
    failed = Q(state__in=["failed", "bounced"]) | Q(state="queued", cause__gt="")
    return failed | Q(state="queued", server_id__in=blocked) if blocked else failed


def waiting(blocked: list[int]) -> Q:
    """The rows of the tab Queued: on their way, and nothing wrong with them."""
    queued = Q(state="queued", cause="")
    if blocked:
        queued &= Q(server=None) | ~Q(server_id__in=blocked)
    return Q(state="sending") | queued


def tab_filters(blocked: list[int]) -> dict[str, Q]:
    """Every tab and the rows in it; each mail is in exactly one besides the first."""
    return {
        "": Q(),
        "queued": waiting(blocked),
        "sent": Q(state="sent"),
        "failed": red(blocked),
        "cancelled": Q(state="cancelled"),
    }


def listing_of(request: HttpRequest) -> Listing:
    """The list that this request asks for, seen with the eyes of its user."""
    user = _user(request)
    servers = Server.objects.in_bulk()
    tabs = tab_filters(blocked_ids(servers))
    panel = _panel(request, user, servers)
    visible = Mail.objects.visible_to(user)
    narrowed = _narrowed(visible, panel, user)
    found = _found(narrowed, blocked_ids(servers)) if panel.words else Found({}, is_all=False)
    counts = _counts(request, visible, narrowed, tabs, found)
    panel.tabs = _tabs(counts)
    shown = visible.filter(pk__in=found.keys[panel.state]) if found.is_all else narrowed.filter(tabs[panel.state])
    panel.page = KeyPager(panel.order, size=PAGE_SIZE).page(request, shown.as_rows(user), count=counts[panel.state])
    rows = rows_of(panel.page.rows, user, servers)
    trouble = trouble_of(visible, servers, user)
    return Listing(panel, rows, trouble, _version(rows, counts, trouble))


def rows_of(mails: list[Mail], user: AbstractUser, servers: Mapping[int, Server]) -> list[Row]:
    """These mails as rows; they come from `as_rows`."""
    documents = documents_of(mails, user)
    address = reverse("mail:mail", args=[ANY_KEY])
    return [_row(mail, user, servers, documents.get(mail.pk), address) for mail in mails]


def red_badge(request: HttpRequest) -> Badge | None:
    """What the menu shows beside the list: how many mails this user sees in red."""
    if not request.user.is_authenticated:
        return None
    if not hasattr(request, NAV_COUNT):
        blocked = list(Server.objects.exclude(blocked_cause="").values_list("pk", flat=True))
        setattr(request, NAV_COUNT, bounded_count(Mail.objects.visible_to(request.user).filter(red(blocked))))
    count: Count = getattr(request, NAV_COUNT)
    return Badge(count, tone="danger", label=_("failed")) if count else None


def _row(mail: Mail, user: AbstractUser, servers: Mapping[int, Server], document: Document | None, address: str) -> Row:
    # The servers are at hand: no join for eighty times the same name.
    mail.server = servers.get(mail.server_id) if mail.server_id else None
    is_mine = mail.user_id == user.pk
    return Row(
        key=str(mail.pk),
        fence=mail.fence,
        look=look_of(mail),
        created_at=mail.created_at,
        url=address.replace(str(ANY_KEY), str(mail.pk)) if is_mine else "",
        subject=(mail.subject or _("(no subject)")) if is_mine else _whose(mail),  # type: ignore[attr-defined]
        label=_("Select the e-mail to %(recipient)s") % {"recipient": mail.recipient_address},
        recipient=mail.recipient_address,
        document=document,
        server=mail.server.name if mail.server else "",
        reason=reason_of(mail),
        can_retry=mail.is_retryable,
        can_cancel=mail.state in Mail.MOVES[Mail.State.CANCELLED],
    )


def _whose(mail: Mail) -> str:
    if mail.user is None:
        return _("E-mail of the system")
    return _("E-mail of %(name)s") % {"name": mail.user.get_full_name() or mail.user.get_username()}


def reason_of(mail: Mail) -> str:
    """Why the mail is red, in our words: the code that the server gave, never its sentence."""
    if not (cause := cause_of(mail)):
        return ""
    title = str(causes.describe(cause).title)
    return f"{mail.reply_code} — {title}" if mail.reply_code else title


def _user(request: HttpRequest) -> AbstractUser:
    return request.user  # type: ignore[return-value]


def _panel(request: HttpRequest, user: AbstractUser, servers: Mapping[int, Server]) -> ControlPanel:
    return ControlPanel(
        request,
        placeholder=_("Subject, recipient or document…"),
        tabs=_tabs({}),
        filters=[*_filters(user, servers), *_record_filter(request, user)],
        sorts={"date": ("pk",)},
        default_sort="-date",
        target="#mails",
    )


def _tabs(counts: Mapping[str, Count]) -> list[Tab]:
    return [
        Tab("", pgettext("e-mails", "All"), counts.get("")),
        Tab("queued", pgettext("e-mails", "Queued"), counts.get("queued")),
        Tab("sent", pgettext("e-mails", "Sent"), counts.get("sent")),
        Tab("failed", pgettext("e-mails", "Failed"), counts.get("failed"), tone="danger"),
        Tab("cancelled", pgettext("e-mails", "Cancelled"), counts.get("cancelled")),
    ]


def _filters(user: AbstractUser, servers: Mapping[int, Server]) -> list[Filter]:
    kinds = cache.get_or_set("mail.document_types", _document_types, KEPT_SECONDS) or []
    types = [(str(pk), ContentType.objects.get_for_id(pk).name.capitalize()) for pk in kinds]
    filters = [Filter("day", _("Date"), [("today", _("Today")), ("week", _("Last 7 days"))])]
    if user.has_perm("mail.manage_mail"):
        filters.append(Filter("whose", _("Sent by"), [("mine", _("Me")), ("others", _("Others"))]))
    return [
        *filters,
        Filter("lane", _("Lane"), [(str(lane.value), lane.label) for lane in Lane]),
        Filter("server", _("Server"), [(str(pk), server.name) for pk, server in sorted(servers.items())]),
        Filter("type", _("Document type"), types),
    ]


def _record_filter(request: HttpRequest, user: AbstractUser) -> list[Filter]:
    """The e-mails about one record ("?record=TYPE-KEY", as the record's own button asks): only there while it is on."""
    value = request.GET.get("record", "")
    if not RECORD.fullmatch(value):
        return []
    mail = Mail.objects.visible_to(user).filter(**_about(value)).first()
    document = documents_of([mail], user).get(mail.pk) if mail else None
    return [Filter("record", _("Document"), [(value, document.name if document else _("One document"))])]


def _about(value: str) -> dict[str, str]:
    kind, _dash, key = value.partition("-")
    return {"document_type": kind, "document_id": key}


def _document_types() -> list[int]:
    # Asked of the few types there are: the distinct types of all mail would read all mail.
    used = Exists(Mail.objects.filter(document_type=OuterRef("pk")))
    return list(ContentType.objects.filter(used).order_by("pk").values_list("pk", flat=True))


def _narrowed(mails: MailQuerySet, panel: ControlPanel, user: AbstractUser) -> MailQuerySet:
    if panel.words:
        mails = mails.searched(panel.words, user)
    if day := panel.chosen("day"):
        mails = mails.filter(created_at__gte=_since(day))
    if whose := panel.chosen("whose"):
        mine = Q(user_id=user.pk)
        mails = mails.filter(mine if whose == "mine" else ~mine)
    if record := panel.chosen("record"):
        mails = mails.filter(**_about(record))
    for name, column in (("lane", "lane"), ("server", "server_id"), ("type", "document_type_id")):
        if value := panel.chosen(name):
            mails = mails.filter(**{column: value})
    # What a mail of others is about is shown to whoever may read the record, and found by nobody else (design §8).
    if kind := record.partition("-")[0] or panel.chosen("type"):
        mails = mails.filter(about_readable(int(kind), user))
    return mails


def _since(day: str) -> datetime:
    midnight = localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if day == "today" else midnight - timedelta(days=6)


def _counts(
    request: HttpRequest,
    visible: MailQuerySet,
    narrowed: MailQuerySet,
    tabs: Mapping[str, Q],
    found: Found,
) -> dict[str, Count]:
    """Every tab's count, and the menu's, by one query; what a search has found already is not counted again."""
    known = {name: Count.bounded(len(keys)) for name, keys in found.keys.items() if found.is_all or len(keys) > LIMIT}
    questions = {NAV_COUNT: visible.filter(tabs["failed"])}
    questions |= {name: narrowed.filter(rows) for name, rows in tabs.items() if name not in known}
    counts = bounded_counts(questions)
    setattr(request, NAV_COUNT, counts[NAV_COUNT])
    return counts | known


def _found(matching: MailQuerySet, blocked: list[int]) -> Found:
    """The keys of what a search finds, by tab: it is made once for all of them."""
    facts = list(matching.order_by().values_list("pk", "state", "cause", "server_id")[: MOST_FOUND + 1])
    keys: dict[str, list[int]] = {"": [pk for pk, *_rest in facts], **{name: [] for name in TABS}}
    for pk, state, cause, server in facts:
        keys[_tab_of(state, is_held_up=bool(cause) or server in blocked)].append(pk)
    return Found(keys, is_all=len(facts) <= MOST_FOUND)


def _tab_of(state: str, *, is_held_up: bool) -> str:
    """The tab of one mail, as `tab_filters` has it."""
    match state:
        case "queued":
            return "failed" if is_held_up else "queued"
        case "sending":
            return "queued"
        case "bounced":
            return "failed"
    return state


def _version(rows: list[Row], counts: Mapping[str, Count], trouble: Trouble | None) -> str:
    """Differs whenever the list would look different."""
    seen = (
        translation.get_language(),
        localtime().date(),  # at midnight, times become dates
        [(row.key, row.fence, row.look.key, row.reason, row.server, row.can_retry) for row in rows],
        [(name, str(count)) for name, count in counts.items()],
        trouble,
    )
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
