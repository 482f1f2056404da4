"""The address that mail leaves under when its author's own may not be used."""

from mail.addresses import domain_of, normalise
from mail.models import Domain


def use_as_default_from(address: str) -> Domain:
    """Make this address the default From of the default domain, which is made when there is none yet."""
    whole = normalise(address)
    local, name = whole.rpartition("@")[0], domain_of(whole)
    domain = Domain.objects.order_by("-is_default", "pk").first() or Domain(name=name, is_default=True)
    domain.default_from = local if domain.name == name else whole
    domain.save()
    return domain
