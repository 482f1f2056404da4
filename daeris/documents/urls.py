"""The addresses of the business records."""

from django.urls import URLPattern, path

from daeris.documents import views
from daeris.documents.catalogue import CONTACT, INVOICE, OPPORTUNITY, ORDER
from daeris.documents.kinds import Kind

app_name = "documents"


def _of(kind: Kind, root: str) -> list[URLPattern]:
    """The pages of one kind of record."""
    known = {"kind": kind}
    return [
        path(root, views.listed, known, name=kind.plural),
        path(f"{root}new/", views.new, known, name=f"{kind.name}_new"),
        path(f"{root}<int:pk>/", views.record, known, name=kind.name),
        path(f"{root}<int:pk>/delete/", views.deletion, known, name=f"{kind.name}_delete"),
    ]


urlpatterns = [
    *_of(OPPORTUNITY, "crm/opportunities/"),
    *_of(ORDER, "sales/orders/"),
    *_of(INVOICE, "invoicing/invoices/"),
    path("contacts/options/", views.contact_options, name="contact_options"),
    *_of(CONTACT, "contacts/"),
]
