"""What the owner of a domain asks receivers to do with mail that only claims to be theirs: RFC 9989, without the DNS.

`discover` says which names to ask and is told what was found there; the network is somebody else's.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

# The most names that one walk asks, however long the domain is (RFC 9989 §4.10).
MOST_QUERIES = 8
REQUESTS = frozenset({"none", "quarantine", "reject"})
# What an owner expects who is still testing: one step less than the record says.
_TESTED = {"reject": "quarantine", "quarantine": "none", "none": "none"}


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy that holds for mail under one domain."""

    # none, quarantine or reject; "" when nothing is published, or nobody knows.
    value: str = ""
    # Where the record stands, when that is another domain than the one asked about.
    inherited_from: str = ""
    # Known from before; the look-up of now did not succeed.
    is_stale: bool = False
    # The look-up did not succeed, and nothing is known from before.
    failed: bool = False

    @property
    def is_enforced(self) -> bool:
        """Whether receivers are asked to do something about such mail."""
        return self.value in {"quarantine", "reject"}


UNKNOWN = Policy(failed=True)


@dataclass(frozen=True, slots=True)
class Record:
    """A valid DMARC policy record: what it asks for the domain itself, subdomains, and those that do not exist."""

    policy: str = "none"
    subdomains: str = "none"
    nonexistent: str = "none"
    psd: str = "u"
    testing: bool = False

    @property
    def ends_walk(self) -> bool:
        return self.psd in {"y", "n"}


@dataclass(frozen=True, slots=True)
class Finding:
    """The record that counts for a domain, and where it stands."""

    record: Record
    domain: str
    is_inherited: bool

    @property
    def asks_existence(self) -> bool:
        """Whether it matters if the domain exists."""
        return self.is_inherited and self.record.nonexistent != self.record.subdomains

    def policy(self, *, exists: bool = True) -> Policy:
        """What holds for a domain that exists, or does not."""
        record = self.record
        value = record.policy
        if self.is_inherited:
            value = record.subdomains if exists else record.nonexistent
        return Policy(_TESTED[value] if record.testing else value, self.domain if self.is_inherited else "")


def discover(domain: str) -> Generator[str, Sequence[str], Finding | None]:
    """Ask for the texts at one name after another; return the record that counts, None when there is none.

    The author's domain first; then from its parent (or, of a long name, the last seven labels) to the top.
    """
    if record := record_among((yield f"_dmarc.{domain}")):
        return Finding(record, domain, is_inherited=False)
    found: dict[str, Record] = {}
    for parent in _parents(domain):
        if record := record_among((yield f"_dmarc.{parent}")):
            found[parent] = record
            if record.ends_walk:
                break
    return _organisational(domain, found)


def _parents(domain: str) -> list[str]:
    labels = domain.split(".")
    above = labels[1:] if len(labels) < MOST_QUERIES else labels[1 - MOST_QUERIES :]
    return [".".join(above[start:]) for start in range(len(above))]


def _organisational(domain: str, found: Mapping[str, Record]) -> Finding | None:
    """The record of the organisational domain, else that of the public suffix above it (RFC 9989 §4.10.1, §4.10.2)."""
    if not found:
        return None
    top, record = list(found.items())[-1]
    if record.psd == "y":
        # A public suffix: what stands one label below it is the organisation, and may speak for itself.
        below = ".".join(domain.split(".")[-top.count(".") - 2 :])
        if below in found:
            return Finding(found[below], below, is_inherited=True)
    return Finding(record, top, is_inherited=True)


def record_among(texts: Iterable[str]) -> Record | None:
    """The one DMARC record among these texts; of several, none counts."""
    records = [record for record in map(parse_record, texts) if record]
    return records[0] if len(records) == 1 else None


def parse_record(text: str) -> Record | None:
    """The record that a text is; None when it is no DMARC record.

    What is wrong in it after the version is as if it were not written. Without a valid `p`, or with a wrong `sp` or
    `np`, nothing is asked of receivers, whether or not the owner wants reports.
    """
    version, *parts = text.split(";")
    name, _, value = version.partition("=")
    if name.rstrip(" \t").lower() != "v" or value.strip(" \t") != "DMARC1":
        return None
    tags: dict[str, str] = {}
    for part in parts:
        name, equals, value = (piece.strip(" \t") for piece in part.partition("="))
        if not equals or not (name.isascii() and name.isalpha()):
            continue
        if name.lower() in tags:
            return None  # a list with the same tag twice is no list of tags (RFC 6376 §3.2)
        tags[name.lower()] = value.lower()
    psd = tags["psd"] if tags.get("psd") in {"y", "n"} else "u"
    policy = tags.get("p", "")
    subdomains = tags.get("sp", policy)
    nonexistent = tags.get("np", subdomains)
    if not {policy, subdomains, nonexistent} <= REQUESTS:
        return Record(psd=psd)
    return Record(policy, subdomains, nonexistent, psd, testing=tags.get("t") == "y")
