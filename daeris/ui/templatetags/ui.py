"""Template tags that every screen shares."""

from django import template

from daeris.ui.tags import blocks, forms, pieces

register = template.Library()
for part in (pieces, blocks, forms):
    register.tags.update(part.register.tags)
    register.filters.update(part.register.filters)
