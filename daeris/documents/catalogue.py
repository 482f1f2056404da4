"""The kinds of record of this application: opportunities, sale orders, invoices and contacts."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from daeris.documents.forms import (
    ContactForm,
    InvoiceForm,
    InvoiceLines,
    OpportunityForm,
    OpportunityLines,
    OrderForm,
    OrderLines,
)
from daeris.documents.kinds import Column, Group, Kind, Look, Narrowing, Successor
from daeris.documents.models import Invoice, Opportunity, SaleOrder
from mail.models import Contact

NUMBER = Column("number", _("Number"), "title", "c-title", sort="pk")
CUSTOMER = Column("customer.name", _("Customer"), "text", "c-sub", sort="customer_name")
RESPONSIBLE = Column("responsible", _("Responsible"), "person", "c-opt w-12")
AMOUNT = Column("amount", _("Total"), "money", "c-meta num w-9", sort="amount")
STAGE = Column("stage", _("Stage"), "stage", "c-state w-12")
CUSTOMER_GROUP = Group(_("Customer"), ("customer", "customer.company", "customer.email", "customer.phone"))


def _narrowings(late: Any) -> tuple[Narrowing, ...]:
    in_charge = _("In charge")
    return (
        Narrowing("whose", in_charge, "mine", _("Mine"), lambda rows, user: rows.filter(responsible_id=user.pk)),
        Narrowing("whose", in_charge, "nobody", _("Nobody's"), lambda rows, user: rows.filter(responsible=None)),
        Narrowing("date", _("Date"), "overdue", late, lambda rows, user: rows.overdue()),
    )


OPPORTUNITY = Kind(
    name="opportunity",
    plural="opportunities",
    app=_("CRM"),
    title=_("Opportunities"),
    one=_("Opportunity"),
    counted=ngettext_lazy("%d opportunity", "%d opportunities"),
    new=_("New opportunity"),
    nothing=_("No opportunity here yet."),
    placeholder=_("Opportunity, number or customer…"),
    icon=Opportunity.icon,
    model=Opportunity,
    form=OpportunityForm,
    lines=OpportunityLines,
    heading="name",
    figures=("expected_revenue", "probability", "closes_on"),
    groups=(CUSTOMER_GROUP, Group(_("Follow-up"), ("responsible", "team", "priority", "source"))),
    columns=(
        Column("name", _("Opportunity"), "title", "c-title", sort="name"),
        Column("number", _("Number"), "text", "c-opt2 w-7", sort="pk"),
        CUSTOMER,
        RESPONSIBLE,
        Column("due", _("Expected closing"), "deadline", "c-opt w-10", sort="due"),
        Column("expected_revenue", _("Expected revenue"), "money", "c-meta num w-10", sort="expected_revenue"),
        STAGE,
    ),
    search=("name", "number", "customer__name", "customer__company"),
    filters=_narrowings(_("Closing overdue")),
    looks={
        Opportunity.Stage.NEW: Look("neutral", "sparkles"),
        Opportunity.Stage.QUALIFIED: Look("info", "list-checks"),
        Opportunity.Stage.PROPOSAL: Look("accent", "file-text"),
        Opportunity.Stage.WON: Look("success", "check"),
        Opportunity.Stage.LOST: Look("neutral", "ban"),
    },
    way_out=Opportunity.Stage.LOST,
    way_out_label=_("Mark as lost"),
    successor=Successor("order", _("New quotation"), "file-plus"),
)

ORDER = Kind(
    name="order",
    plural="orders",
    app=_("Sales"),
    title=_("Sale orders"),
    one=_("Sale order"),
    counted=ngettext_lazy("%d sale order", "%d sale orders"),
    new=_("New quotation"),
    nothing=_("No sale order here yet."),
    placeholder=_("Number, customer or reference…"),
    icon=SaleOrder.icon,
    model=SaleOrder,
    form=OrderForm,
    lines=OrderLines,
    figures=("amount", "ordered_on", "valid_until"),
    groups=(CUSTOMER_GROUP, Group(_("Follow-up"), ("responsible", "team", "reference"))),
    columns=(
        NUMBER,
        CUSTOMER,
        Column("ordered_on", _("Date"), "date", "c-opt w-9", sort="ordered_on"),
        RESPONSIBLE,
        AMOUNT,
        STAGE,
    ),
    search=("number", "reference", "customer__name", "customer__company"),
    filters=_narrowings(_("Offer expired")),
    looks={
        SaleOrder.Stage.DRAFT: Look("neutral", "file-pen"),
        SaleOrder.Stage.SENT: Look("info", "send"),
        SaleOrder.Stage.CONFIRMED: Look("success", "check"),
        SaleOrder.Stage.CANCELLED: Look("neutral", "ban"),
    },
    way_out=SaleOrder.Stage.CANCELLED,
    way_out_label=_("Cancel the order"),
    counts=("invoice",),
    key="order",
    successor=Successor("invoice", _("Create invoice"), "receipt-euro"),
)

INVOICE = Kind(
    name="invoice",
    plural="invoices",
    app=_("Invoicing"),
    title=_("Invoices"),
    one=_("Invoice"),
    counted=ngettext_lazy("%d invoice", "%d invoices"),
    new=_("New invoice"),
    nothing=_("No invoice here yet."),
    placeholder=_("Number or customer…"),
    icon=Invoice.icon,
    model=Invoice,
    form=InvoiceForm,
    lines=InvoiceLines,
    keys=("customer", "order"),
    figures=("amount", "invoiced_on", "due_on"),
    groups=(CUSTOMER_GROUP, Group(_("Follow-up"), ("responsible", "team", "order"))),
    columns=(
        NUMBER,
        CUSTOMER,
        Column("invoiced_on", _("Date"), "date", "c-opt w-9", sort="invoiced_on"),
        Column("due", _("Due date"), "deadline", "c-opt w-9", sort="due"),
        AMOUNT,
        STAGE,
    ),
    search=("number", "order__number", "customer__name", "customer__company"),
    filters=_narrowings(_("Payment overdue")),
    looks={
        Invoice.Stage.DRAFT: Look("neutral", "file-pen"),
        Invoice.Stage.POSTED: Look("info", "clock"),
        Invoice.Stage.PAID: Look("success", "check"),
        Invoice.Stage.CANCELLED: Look("neutral", "ban"),
    },
    way_out=Invoice.Stage.CANCELLED,
    way_out_label=_("Cancel the invoice"),
)

CONTACT = Kind(
    name="contact",
    plural="contacts",
    app=_("Contacts"),
    title=_("Contacts"),
    one=_("Contact"),
    counted=ngettext_lazy("%d contact", "%d contacts"),
    new=_("New contact"),
    nothing=_("No contact here yet."),
    placeholder=_("Name, e-mail, company or phone…"),
    icon="contact",
    model=Contact,
    form=ContactForm,
    heading="name",
    keys=(),
    counts=("opportunity", "order", "invoice"),
    key="customer",
    groups=(
        Group(_("Details"), ("email", "company", "phone")),
        Group(_("Conversations"), ("language", "time_zone", "notify")),
    ),
    columns=(
        Column("name", _("Name"), "contact", "c-title", sort="name"),
        Column("company", _("Company"), "text", "c-opt w-16", sort="company"),
        Column("email", _("E-mail"), "text", "c-sub", sort="email"),
        Column("phone", _("Phone"), "text", "c-opt w-10"),
        Column("user_id", _("User"), "user", "c-state w-8"),
    ),
    default_sort="name",
    search=("name", "email", "company", "phone"),
    filters=(
        Narrowing("who", _("Who"), "users", _("Users"), lambda rows, user: rows.exclude(user=None)),
        Narrowing("who", _("Who"), "others", _("Not users"), lambda rows, user: rows.filter(user=None)),
        Narrowing("address", _("E-mail"), "none", _("Without e-mail"), lambda rows, user: rows.filter(email="")),
    ),
)

KINDS = {kind.name: kind for kind in (OPPORTUNITY, ORDER, INVOICE, CONTACT)}
