"""How values of business records are written."""

from decimal import Decimal

from django import template
from django.utils.formats import number_format

from daeris.documents import cells
from daeris.documents.forms import name_of

register = template.Library()
register.simple_tag(cells.cell)
register.filter("euros", cells.euros)
register.filter("name_of", name_of)


@register.filter
def quantity(number: Decimal) -> str:
    """16 rather than 16,00; 1,5 as it is."""
    return number_format(number, 0 if number == number.to_integral_value() else 2, force_grouping=True)
