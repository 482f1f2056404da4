from daeris.documents.models.invoice import Invoice, InvoiceLine
from daeris.documents.models.opportunity import Opportunity, OpportunityLine
from daeris.documents.models.order import SaleOrder, SaleOrderLine

__all__ = ["Invoice", "InvoiceLine", "Opportunity", "OpportunityLine", "SaleOrder", "SaleOrderLine"]
