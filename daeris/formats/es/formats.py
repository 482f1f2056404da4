"""Spanish as it is written on invoices: 48.600,00. Django writes a space there; everything else stays Django's."""

THOUSAND_SEPARATOR = "."
