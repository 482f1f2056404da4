"""What a kind of record may say about itself; one list and one sheet serve them all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise

from daeris.documents.forms import ChangedFieldsForm, LineFormSet
from daeris.documents.models.base import Document
from mail.models.mail import AnyUser

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list: what it shows, how it looks, where it goes when the list is narrow."""

    name: str  # of a field, of an annotation, or a path such as "customer.name"
    label: Text
    look: str = "text"  # one of `daeris.documents.cells.LOOKS`
    css: str = ""
    # The columns behind it when the list is sorted by it (never NULL; the pager adds the key). Empty: it is not.
    sort: str = ""

    @property
    def key(self) -> str:
        """What `?sort=` calls it."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One answer of the list's Filters menu, and the rows that are left then."""

    name: str
    label: Text
    value: str
    words: Text
    keeps: Callable[[Any, AnyUser], Any]  # (rows, user) -> rows


@dataclass(frozen=True, slots=True)
class Group:
    """A titled group of the sheet: fields of the form, or paths such as "customer.email" that are only shown."""

    title: Text
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Successor:
    """What naturally follows a record: a new one of another kind, begun with this one's customer and lines."""

    kind: str
    label: Text
    icon: str


@dataclass(frozen=True, slots=True)
class Look:
    """How a stage looks in the list."""

    tone: str
    icon: str


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of record: everything in which its list and its sheet differ from the others'."""

    name: str
    plural: str
    app: Text
    title: Text
    one: Text
    # "%d invoice" or "%d invoices", by the number put into it.
    counted: Any
    new: Text
    nothing: Text
    placeholder: Text
    icon: str
    model: type[Any]
    form: type[ChangedFieldsForm]
    columns: tuple[Column, ...]
    search: tuple[str, ...]
    groups: tuple[Group, ...]
    filters: tuple[Narrowing, ...] = ()
    default_sort: str = "-number"
    # Foreign keys by which the list may be narrowed ("?customer=12"), as the buttons of other records do.
    keys: tuple[str, ...] = ("customer",)
    # The kinds whose records belong to one of this kind, and the key by which they do.
    counts: tuple[str, ...] = ()
    key: str = ""
    # The field that is the title of the sheet; a number is shown, not written.
    heading: str = "number"
    figures: tuple[str, ...] = ()
    lines: type[LineFormSet] | None = None
    looks: dict[str, Look] | None = None
    # The stage beside the path, and the words and the icon of the action that leads there.
    way_out: str = ""
    way_out_label: Text = ""
    successor: Successor | None = None

    @property
    def is_document(self) -> bool:
        """Whether it has stages, lines and a conversation."""
        return issubclass(self.model, Document)

    @property
    def stages(self) -> list[tuple[str, Text]]:
        """Every stage with its name, in the order in which records pass through them."""
        return list(self.model.Stage.choices) if self.is_document else []

    @property
    def sorts(self) -> dict[str, tuple[str, ...]]:
        """The orders of the list, for the control panel; the key comes last, so that no two rows are equal."""
        named = {one.key: (one.sort, "pk") for one in self.columns if one.sort and one.sort != "pk"}
        return {"number": ("pk",), **named}

    def listed(self, rows: Any) -> Any:
        """The rows with all that the list shows of them."""
        return rows.listed() if self.is_document else rows

    def allows(self, user: Any, verb: str) -> bool:
        """Whether the user may do this (add, change, delete) to records of this kind in general."""
        meta = self.model._meta
        return bool(user.has_perm(f"{meta.app_label}.{verb}_{meta.model_name}"))

    def url(self, view: str = "", pk: int | None = None) -> str:
        """The address of a record, or of one of its views: "new", "delete"."""
        name = f"documents:{self.name}_{view}" if view else f"documents:{self.name}"
        return reverse(name, args=[] if pk is None else [pk])

    @property
    def list_url(self) -> str:
        return reverse(f"documents:{self.plural}")

    @property
    def new_url(self) -> str:
        return self.url("new")
