"""Design §4 and §5 as a table: these servers, this author, this default From → this decision.

A server is written `name[@priority]:filter`, its filter `-` when it has none, and `!` before an archived one;
the priority is 10 unless written, and the older server stands first. `-` is nothing, `info@` is info@us.test,
`=` repeats the header From, and `author` the author.
"""

import re

import pytest
from django.utils import translation

from mail.addresses import Mailbox, parse_filter
from mail.domains.dmarc import UNKNOWN, Policy
from mail.explanations import summary
from mail.routing import Decision, DomainFacts, Rules, ServerFacts, choose

PROVIDERS = frozenset({"gmail.com", "yahoo.com"})

# servers | asked | author | default From → server step | From | envelope | reply-to | warnings
LADDER = """
# 1: the author's exact address
A:ana@us.test               | - | ana@us.test   | info@ | A author_address  | ana@us.test   | = | -      | -
A:- B:ana@us.test           | - | ana@us.test   | info@ | B author_address  | ana@us.test   | = | -      | -
A:us.test B:ana@us.test     | - | ana@us.test   | info@ | B author_address  | ana@us.test   | = | -      | -
A@1:us.test B@99:ana@us.test | - | ana@us.test  | info@ | B author_address  | ana@us.test   | = | -      | -
A@1:- B@99:ana@us.test      | - | ana@us.test   | info@ | B author_address  | ana@us.test   | = | -      | -
A@20:ana@us.test B@10:ana@us.test | - | ana@us.test | info@ | B author_address | ana@us.test | = | -     | -
A:ana@us.test B:ana@us.test | - | ana@us.test   | info@ | A author_address  | ana@us.test   | = | -      | -
A@-5:ana@us.test B@0:ana@us.test | - | ana@us.test | -  | A author_address  | ana@us.test   | = | -      | -
A:ana@us.test               | - | ANA@US.Test   | info@ | A author_address  | ANA@us.test   | = | -      | -
A:ANA@US.TEST.              | - | ana@us.test   | info@ | A author_address  | ana@us.test   | = | -      | -
A:bob@us.test,ana@us.test   | - | ana@us.test   | info@ | A author_address  | ana@us.test   | = | -      | -
A:ana@us.test               | - | ana@us.test   | -     | A author_address  | ana@us.test   | = | -      | -
A:ana@partner.test          | - | ana@partner.test | info@ | A author_address | ana@partner.test | = | - | -
A:ana@españa.test           | - | ana@xn--espaa-rta.test | - | A author_address | ana@xn--espaa-rta.test | = | - | -
A:josé@us.test              | - | JOSÉ@us.test  | -     | A author_address  | JOSÉ@us.test  | = | -      | -
!A:ana@us.test B:us.test    | - | ana@us.test   | info@ | B author_domain   | ana@us.test   | = | -      | -
# 2: the author's domain
A:us.test                   | - | ana@us.test   | info@ | A author_domain   | ana@us.test   | = | -      | -
A:@us.test                  | - | ana@us.test   | info@ | A author_domain   | ana@us.test   | = | -      | -
A:US.Test.                  | - | ana@us.test   | info@ | A author_domain   | ana@us.test   | = | -      | -
A:- B:us.test               | - | ana@us.test   | info@ | B author_domain   | ana@us.test   | = | -      | -
A:info@us.test B:us.test    | - | ana@us.test   | info@ | B author_domain   | ana@us.test   | = | -      | -
A@1:info@us.test B@50:us.test | - | ana@us.test | info@ | B author_domain   | ana@us.test   | = | -      | -
A@30:us.test B@20:us.test C:us.test | - | ana@us.test | info@ | C author_domain | ana@us.test | = | -    | -
A@5:us.test B@5:us.test     | - | ana@us.test   | info@ | A author_domain   | ana@us.test   | = | -      | -
A:partner.test              | - | ana@partner.test | info@ | A author_domain | ana@partner.test | = | -  | -
A:españa.test               | - | ana@ESPAÑA.test | -   | A author_domain   | ana@xn--espaa-rta.test | = | - | -
A:us.test                   | - | ana@sales.us.test | - | A fallback        | ana@sales.us.test | = | -  | fallback
A:sales.us.test             | - | ana@us.test   | -     | A fallback        | ana@us.test   | = | -      | fallback
A:us.test B:-               | - | ana@notus.test | -    | B no_filter       | ana@notus.test | = | -     | -
A:us.test                   | - | info@us.test  | info@ | A author_domain   | info@         | = | -      | -
# 3: the exact default From
A:info@us.test              | - | ana@x.test    | info@ | A default_address | info@         | = | author | -
A:info@us.test              | - | ana@us.test   | info@ | A default_address | info@         | = | author | -
A:- B:info@us.test          | - | ana@x.test    | info@ | B default_address | info@         | = | author | -
A:us.test B:info@us.test    | - | ana@x.test    | info@ | B default_address | info@         | = | author | -
A@1:us.test B@9:info@us.test | - | ana@x.test   | info@ | B default_address | info@         | = | author | -
A:INFO@US.TEST              | - | ana@x.test    | info@ | A default_address | info@         | = | author | -
A:info@us.test B@2:info@us.test | - | ana@x.test | info@ | B default_address | info@        | = | author | -
A:info@us.test              | - | -             | info@ | A default_address | info@         | = | -      | -
A:- B:info@us.test          | - | -             | info@ | B default_address | info@         | = | -      | -
A:info@us.test              | - | info@us.test  | info@ | A author_address  | info@         | = | -      | -
A:box@gmail.com             | - | ana@x.test    | box@gmail.com | A default_address | box@gmail.com | = | author | -
# 4: the domain of the default From
A:us.test                   | - | ana@x.test    | info@ | A default_domain  | info@         | = | author | -
A:- B:us.test               | - | ana@x.test    | info@ | B default_domain  | info@         | = | author | -
A@20:us.test B@30:-         | - | ana@x.test    | info@ | A default_domain  | info@         | = | author | -
A@30:us.test B@20:-         | - | ana@x.test    | info@ | A default_domain  | info@         | = | author | -
A:us.test B@3:us.test       | - | ana@x.test    | info@ | B default_domain  | info@         | = | author | -
A:us.test                   | - | -             | info@ | A default_domain  | info@         | = | -      | -
A:x.test B:us.test          | - | -             | info@ | B default_domain  | info@         | = | -      | -
A:other.test                | - | ana@x.test    | post@other.test | A default_domain | post@other.test | = | author | -
# 5: no filter
A:-                         | - | ana@us.test   | info@ | A no_filter       | ana@us.test   | = | -      | -
A:-                         | - | ana@x.test    | info@ | A no_filter       | ana@x.test    | = | -      | -
A:-                         | - | ana@x.test    | -     | A no_filter       | ana@x.test    | = | -      | -
A:-                         | - | -             | info@ | A no_filter       | info@         | = | -      | -
A:,                         | - | ana@x.test    | info@ | A no_filter       | ana@x.test    | = | -      | -
A:other.test B:-            | - | ana@x.test    | info@ | B no_filter       | ana@x.test    | = | -      | -
A:other.test B:- C@5:-      | - | ana@x.test    | info@ | C no_filter       | ana@x.test    | = | -      | -
A:us.test B:-               | - | ana@x.test    | -     | B no_filter       | ana@x.test    | = | -      | -
!A:us.test B:-              | - | ana@us.test   | info@ | B no_filter       | ana@us.test   | = | -      | -
# 6: the first active server
A:other.test                | - | ana@x.test    | info@ | A fallback        | info@         | = | author | fallback
A:other.test                | - | ana@us.test   | info@ | A fallback        | info@         | = | author | fallback
A:other.test                | - | ana@x.test    | -     | A fallback        | ana@x.test    | = | -      | fallback
A:other.test                | - | -             | info@ | A fallback        | info@         | = | -      | fallback
A:other.test                | - | info@us.test  | info@ | A fallback        | info@         | = | -      | fallback
A:other.test B@1:third.test | - | ana@x.test    | info@ | B fallback        | info@         | = | author | fallback
!A:- B:other.test           | - | ana@x.test    | info@ | B fallback        | info@         | = | author | fallback
A:bob@x.test                | - | ana@x.test    | -     | A fallback        | ana@x.test    | = | -      | fallback
# 7, and what cannot leave
-                           | - | ana@us.test   | info@ | no_server         | -             | - | -      | -
!A:- !B:us.test             | - | ana@us.test   | info@ | no_server         | -             | - | -      | -
A:-                         | - | -             | -     | from_missing      | -             | - | -      | -
A:us.test                   | - | -             | -     | from_missing      | -             | - | -      | -
-                           | - | -             | -     | from_missing      | -             | - | -      | -
A:-                         | - | ana           | info@ | from_invalid      | -             | - | -      | -
A:-                         | - | ana@          | info@ | from_invalid      | -             | - | -      | -
A:-                         | - | ana@x..test   | info@ | from_invalid      | -             | - | -      | -
A:-                         | - | a@x.test,b@x.test | info@ | from_invalid  | -             | - | -      | -
-                           | - | ana           | info@ | from_invalid      | -             | - | -      | -
# 0: a server asked for
A:us.test B:-               | B | ana@us.test   | info@ | B asked           | ana@us.test   | = | -      | -
A:ana@us.test B:us.test     | B | ana@us.test   | info@ | B asked           | ana@us.test   | = | -      | -
A:- B:ana@us.test           | B | ana@us.test   | -     | B asked           | ana@us.test   | = | -      | -
A:- B:us.test               | B | ana@x.test    | info@ | B asked           | info@         | = | author | -
A:- B:info@us.test          | B | ana@us.test   | info@ | B asked           | info@         | = | author | -
A:x.test B:us.test          | B | ana@x.test    | info@ | B asked           | info@         | = | author | -
A:- B:other.test            | B | ana@x.test    | info@ | B asked           | ana@x.test    | = | -      | uncovered
A:- B:other.test            | B | ana@x.test    | -     | B asked           | ana@x.test    | = | -      | uncovered
A:- B:us.test               | B | ana@x.test    | -     | B asked           | ana@x.test    | = | -      | uncovered
A:us.test B:-               | B | ana@x.test    | info@ | B asked           | ana@x.test    | = | -      | -
A:- B:us.test               | B | -             | info@ | B asked           | info@         | = | -      | -
A:us.test B:-               | B | -             | info@ | B asked           | info@         | = | -      | -
A:- B:other.test            | B | -             | info@ | B asked           | info@         | = | -      | uncovered
A:- B:us.test               | B | -             | -     | from_missing      | -             | - | -      | -
A:- !B:us.test              | B | ana@us.test   | info@ | server_archived   | -             | - | -      | -
A:us.test !B:-              | B | ana@us.test   | info@ | server_archived   | -             | - | -      | -
!A:-                        | A | ana@us.test   | info@ | server_archived   | -             | - | -      | -
A:-                         | A | ana@          | info@ | from_invalid      | -             | - | -      | -
"""

# The same with DMARC protection "always". us.test is ours, x.test and the providers are not.
PROTECTED = """
A:-                | - | ana@us.test  | info@ | A no_filter      | ana@us.test  | = | -      | -
A:-                | - | ana@x.test   | info@ | A no_filter      | info@        | = | author | -
A:-                | - | ana@gmail.com | info@ | A no_filter     | info@        | = | author | -
A:-                | - | ana@sub.us.test | info@ | A no_filter   | info@        | = | author | -
A:-                | - | ana@x.test   | -     | A no_filter      | ana@x.test   | = | -      | unprotected
A:-                | - | ana@us.test  | -     | A no_filter      | ana@us.test  | = | -      | -
A:-                | - | -            | info@ | A no_filter      | info@        | = | -      | -
A:-                | - | info@us.test | info@ | A no_filter      | info@        | = | -      | -
A:-                | - | post@x.test  | post@x.test | A no_filter | post@x.test | = | -      | -
A:- B@99:-         | - | ana@x.test   | info@ | A no_filter      | info@        | = | author | -
A:ana@x.test B:-   | - | ana@x.test   | info@ | A author_address | ana@x.test   | = | -      | -
A:x.test B:-       | - | ana@x.test   | info@ | A author_domain  | ana@x.test   | = | -      | -
A:gmail.com B:-    | - | ana@gmail.com | info@ | A author_domain | ana@gmail.com | = | -     | -
A:us.test B:-      | - | ana@x.test   | info@ | A default_domain | info@        | = | author | -
A:other.test       | - | ana@x.test   | -     | A fallback       | ana@x.test   | = | -      | fallback
A:-                | A | ana@x.test   | info@ | A asked          | info@        | = | author | -
A:-                | A | ana@us.test  | info@ | A asked          | ana@us.test  | = | -      | -
A:-                | A | ana@x.test   | -     | A asked          | ana@x.test   | = | -      | unprotected
A:-                | A | -            | info@ | A asked          | info@        | = | -      | -
A:x.test           | A | ana@x.test   | info@ | A asked          | ana@x.test   | = | -      | -
A:other.test       | A | ana@x.test   | info@ | A asked          | ana@x.test   | = | -      | uncovered
"""

# Protection "always", and the alias domain is gmail.com: only the default From and our users' addresses are ours.
PROVIDER = """
A:-             | - | box@gmail.com   | box@gmail.com | A no_filter       | box@gmail.com   | = | -      | -
A:-             | - | BOX@gmail.com   | box@gmail.com | A no_filter       | BOX@gmail.com   | = | -      | -
A:-             | - | user@gmail.com  | box@gmail.com | A no_filter       | user@gmail.com  | = | -      | -
A:-             | - | other@gmail.com | box@gmail.com | A no_filter       | box@gmail.com   | = | author | -
A:-             | - | ana@yahoo.com   | box@gmail.com | A no_filter       | box@gmail.com   | = | author | -
A:-             | - | other@gmail.com | -             | A no_filter       | other@gmail.com | = | -      | unprotected
A:gmail.com     | - | other@gmail.com | box@gmail.com | A author_domain   | other@gmail.com | = | -      | -
A:box@gmail.com | - | other@gmail.com | box@gmail.com | A default_address | box@gmail.com   | = | author | -
"""

# Automatic protection. The policies known: reject.test reject, quarantine.test quarantine, none.test none, absent.test
# publishes nothing, failed.test could not be looked up, stale.test reject from before, kept.test none from before,
# yahoo.com reject, gmail.com none; unasked.test was not looked up yet.
AUTOMATIC = """
A:-                | - | ana@us.test      | info@ | A no_filter      | ana@us.test     | = | -      | -
A:-                | - | ana@reject.test  | info@ | A no_filter      | info@           | = | author | -
A:-                | - | ana@quarantine.test | info@ | A no_filter   | info@           | = | author | -
A:-                | - | ana@none.test    | info@ | A no_filter      | ana@none.test   | = | -      | -
A:-                | - | ana@absent.test  | info@ | A no_filter      | ana@absent.test | = | -      | -
A:-                | - | ana@failed.test  | info@ | A no_filter      | info@           | = | author | policy_unknown
A:-                | - | ana@unasked.test | info@ | A no_filter      | info@           | = | author | policy_unknown
A:-                | - | ana@stale.test   | info@ | A no_filter      | info@           | = | author | policy_stale
A:-                | - | ana@kept.test    | info@ | A no_filter      | ana@kept.test   | = | -      | policy_stale
A:-                | - | ana@yahoo.com    | info@ | A no_filter      | info@           | = | author | -
A:-                | - | ana@gmail.com    | info@ | A no_filter      | info@           | = | author | -
A:-                | - | -                | info@ | A no_filter      | info@           | = | -      | -
A:-                | - | info@us.test     | info@ | A no_filter      | info@           | = | -      | -
# the default From is ours, wherever it is
A:-                | - | a@reject.test | a@reject.test | A no_filter | a@reject.test   | = | -      | -
A:-                | - | a@gmail.com   | a@gmail.com   | A no_filter | a@gmail.com     | = | -      | -
# nothing to use instead
A:-                | - | ana@reject.test  | -     | A no_filter      | ana@reject.test | = | -      | unprotected
A:-                | - | ana@failed.test  | -     | A no_filter      | ana@failed.test | = | -      | unprotected
A:-                | - | ana@gmail.com    | -     | A no_filter      | ana@gmail.com   | = | -      | unprotected
A:-                | - | ana@none.test    | -     | A no_filter      | ana@none.test   | = | -      | -
# a filter that lists the author is a reason to keep the From, whatever its owner says
A:reject.test B:-  | - | ana@reject.test  | info@ | A author_domain  | ana@reject.test | = | -      | -
A:ana@reject.test B:- | - | ana@reject.test | info@ | A author_address | ana@reject.test | = | -   | -
A:us.test B:-      | - | ana@none.test    | info@ | A default_domain | info@           | = | author | -
A:other.test       | - | ana@none.test    | info@ | A fallback       | info@           | = | author | fallback
A:- B@99:-         | - | ana@reject.test  | info@ | A no_filter      | info@           | = | author | -
# a server asked for
A:-                | A | ana@reject.test  | info@ | A asked          | info@           | = | author | -
A:-                | A | ana@none.test    | info@ | A asked          | ana@none.test   | = | -      | -
A:-                | A | ana@failed.test  | info@ | A asked          | info@           | = | author | policy_unknown
A:-                | A | ana@reject.test  | -     | A asked          | ana@reject.test | = | -      | unprotected
A:reject.test      | A | ana@reject.test  | info@ | A asked          | ana@reject.test | = | -      | -
A:other.test       | A | ana@reject.test  | info@ | A asked          | ana@reject.test | = | -      | uncovered
"""

# Custom servers off: the environment's server E is all there is, and A is a kept row.
ENVIRONMENT = """
E:-                | - | ana@us.test  | info@ | E no_filter      | ana@us.test  | = | -      | -
E:-                | - | ana@x.test   | -     | E no_filter      | ana@x.test   | = | -      | -
E:-                | - | -            | info@ | E no_filter      | info@        | = | -      | -
E:-                | A | ana@us.test  | info@ | E no_filter      | ana@us.test  | = | -      | asked_ignored
E:-                | E | ana@us.test  | info@ | E asked          | ana@us.test  | = | -      | -
-                  | - | ana@us.test  | info@ | no_server        | -            | - | -      | -
-                  | A | ana@us.test  | info@ | no_server        | -            | - | -      | asked_ignored
E:-                | - | -            | -     | from_missing     | -            | - | -      | -
"""

# The domain has a bounce part; the token is "tok".
BOUNCE = """
A:-                        | - | ana@us.test | info@ | A no_filter       | ana@us.test | bounce+tok@ | -      | -
A:-                        | - | ana@x.test  | info@ | A no_filter       | ana@x.test  | bounce+tok@ | -      | -
A:us.test                  | - | ana@us.test | info@ | A author_domain   | ana@us.test | bounce+tok@ | -      | -
A:us.test                  | - | ana@x.test  | info@ | A default_domain  | info@       | bounce+tok@ | author | -
A:ana@us.test              | - | ana@us.test | info@ | A author_address  | ana@us.test | =           | -      | -
A:ana@us.test,bounce@us.test | - | ana@us.test | info@ | A author_address | ana@us.test | bounce+tok@ | -     | -
A:info@us.test             | - | ana@x.test  | info@ | A default_address | info@       | =           | author | -
A:x.test                   | - | ana@x.test  | info@ | A author_domain   | ana@x.test  | =           | -      | -
A:other.test               | A | ana@x.test  | info@ | A asked           | ana@x.test  | = | - | uncovered
"""

# The domain is gmail.com with a bounce part: a plus-address of the account, unless that leaves a token no room.
PLUS = (
    """
A:-         | - | ana@us.test | box@G        | A no_filter       | ana@us.test | box+bounce-tok@G  | -      | -
A:box@G     | - | ana@us.test | box@G        | A default_address | box@G       | box+bounce-tok@G  | author | -
A:us.test   | - | ana@us.test | box@G        | A author_domain   | ana@us.test | =                 | -      | -
A:-         | - | ana@us.test | info@us.test | A no_filter       | ana@us.test | =                 | -      | -
A:-         | - | ana@us.test | {32}@G       | A no_filter       | ana@us.test | {32}+bounce-tok@G | -      | -
A:-         | - | ana@us.test | {33}@G       | A no_filter       | ana@us.test | =                 | -      | -
A:gmail.com | - | -           | {33}@G       | A default_domain  | {33}@G      | =                 | -      | -
""".replace("@G", "@gmail.com")
    .replace("{32}", "a" * 32)
    .replace("{33}", "a" * 33)
)


def _rows(name: str, table: str) -> list[object]:
    lines = [line for line in table.splitlines() if line.strip() and not line.startswith("#")]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [pytest.param(*row, id=f"{name}-{' '.join(row[:4])}") for row in rows]


def _servers(cell: str) -> list[ServerFacts]:
    servers = []
    for number, text in enumerate(cell.split() if cell != "-" else [], start=1):
        archived, name, priority, filter_ = re.fullmatch(r"(!?)(\w+)(?:@(-?\d+))?:(\S+)", text).groups()
        from_filter = parse_filter("" if filter_ == "-" else filter_)
        servers.append(ServerFacts(number, name, int(priority or 10), from_filter, active=not archived))
    return servers


def _decide(servers: str, asked: str, author: str, default: str, rules: Rules, **facts: str) -> Decision:
    known = _servers(servers)
    kept_row = ServerFacts(99, "A", 10, parse_filter(""))
    decision = choose(
        author=None if author == "-" else Mailbox("", author),
        # The order in which the rows come must not matter.
        servers=known[::-1],
        domain=DomainFacts(facts.get("domain", "us.test"), _full(default), bounce=facts.get("bounce", "")),
        rules=rules,
        asked=None if asked == "-" else next((server for server in known if server.name == asked), kept_row),
        bounce_token=facts.get("token", ""),
    )
    if decision.reply_to:
        assert decision.reply_to.address == author
    return decision


def _full(cell: str) -> str:
    return "" if cell == "-" else re.sub(r"@$", "@us.test", cell)


def _short(address: str) -> str:
    return address.removesuffix("us.test") if address.startswith(("info@", "bounce")) else address


def _told(decision: Decision) -> list[str]:
    """The decision as the last five cells of a row."""
    if decision.error:
        assert decision.step is None
        assert decision.why
        return [decision.error.value, "-", "-", "-", ",".join(w.code for w in decision.warnings) or "-"]
    assert decision.server
    assert decision.step
    assert decision.header_from
    assert decision.original_from == decision.reply_to
    with translation.override("en"):
        assert "not kept" not in summary(decision)
    sender = decision.header_from.address
    return [
        f"{decision.server.name} {decision.step.value}",
        _short(sender),
        "=" if decision.envelope_from == sender else _short(decision.envelope_from),
        "author" if decision.reply_to else "-",
        ",".join(warning.code for warning in decision.warnings) or "-",
    ]


COLUMNS = ("servers", "asked", "author", "default", "way", "sender", "envelope", "reply_to", "warnings")
OURS = frozenset({"us.test"})


def test_the_ladder():
    """Every line of the table; those that are decided otherwise are told together."""
    rules = Rules(own_domains=OURS, providers=PROVIDERS)
    rows = [row.values for row in _rows("ladder", LADDER)]
    decided = [(row, _told(_decide(*row[:4], rules))) for row in rows]
    assert len(decided) >= 90
    assert [(row, told) for row, told in decided if told != list(row[4:])] == []


@pytest.mark.parametrize(COLUMNS, _rows("protected", PROTECTED))
def test_dmarc_protection(servers, asked, author, default, way, sender, envelope, reply_to, warnings):
    decision = _decide(
        servers, asked, author, default, Rules(protection="always", own_domains=OURS, providers=PROVIDERS)
    )
    assert _told(decision) == [way, sender, envelope, reply_to, warnings]


POLICIES = {
    **{f"{value}.test": Policy(value) for value in ("reject", "quarantine", "none")},
    "absent.test": Policy(),
    "failed.test": UNKNOWN,
    "stale.test": Policy("reject", is_stale=True),
    "kept.test": Policy("none", is_stale=True),
    "yahoo.com": Policy("reject"),
    "gmail.com": Policy("none"),
}


@pytest.mark.parametrize(COLUMNS, _rows("automatic", AUTOMATIC))
def test_automatic_protection(servers, asked, author, default, way, sender, envelope, reply_to, warnings):
    rules = Rules(protection="automatic", own_domains=OURS, providers=PROVIDERS, policies=POLICIES)
    decision = _decide(servers, asked, author, default, rules)
    assert _told(decision) == [way, sender, envelope, reply_to, warnings]
    assert decision.awaits == ("unasked.test" if "unasked" in author else "")


@pytest.mark.parametrize(COLUMNS, _rows("provider", PROVIDER))
def test_a_public_provider_is_never_ours(servers, asked, author, default, way, sender, envelope, reply_to, warnings):
    rules = Rules(
        protection="always",
        own_domains=frozenset({"gmail.com"}),
        own_addresses=frozenset({"user@gmail.com"}),
        providers=PROVIDERS,
    )
    decision = _decide(servers, asked, author, default, rules, domain="gmail.com")
    assert _told(decision) == [way, sender, envelope, reply_to, warnings]


@pytest.mark.parametrize(COLUMNS, _rows("environment", ENVIRONMENT))
def test_custom_servers_off(servers, asked, author, default, way, sender, envelope, reply_to, warnings):
    decision = _decide(servers, asked, author, default, Rules(custom_servers=False, own_domains=OURS))
    assert _told(decision) == [way, sender, envelope, reply_to, warnings]


@pytest.mark.parametrize(COLUMNS, _rows("bounce", BOUNCE))
def test_the_envelope_sender(servers, asked, author, default, way, sender, envelope, reply_to, warnings):
    decision = _decide(servers, asked, author, default, Rules(own_domains=OURS), bounce="bounce", token="tok")
    assert _told(decision) == [way, sender, envelope, reply_to, warnings]


def test_the_table_is_as_long_as_it_should_be():
    tables = (LADDER, PROTECTED, AUTOMATIC, PROVIDER, ENVIRONMENT, BOUNCE, PLUS)
    assert sum(len(_rows("", table)) for table in tables) >= 120


@pytest.mark.parametrize(COLUMNS, _rows("plus", PLUS))
@pytest.mark.parametrize("token", ["tok", "t" * 24, ""])
def test_reports_to_a_public_provider(
    servers, asked, author, default, way, sender, envelope, reply_to, warnings, token
):
    rules = Rules(own_domains=frozenset({"us.test", "gmail.com"}), providers=PROVIDERS)
    decision = _decide(servers, asked, author, default, rules, domain="gmail.com", bounce="bounce", token=token)
    # As a mail with a token leaves, so it is simulated without one.
    envelope = envelope.replace("-tok@", f"-{token}@" if token else "@")
    assert _told(decision) == [way, sender, envelope, reply_to, warnings]
