"""Why each other server is not the one: a table of cases, in words."""

import pytest
from django.utils import translation

from mail.addresses import Mailbox, parse_filter
from mail.alternatives import passed_over
from mail.decisions import DomainFacts, Rules, ServerFacts
from mail.explanations import render
from mail.routing import Question

# servers `name@priority:filter` (! archived, ~ not counting) | asked | author | → chosen | each other with its reason
CASES = """
A@1:ana@us.test B@1:us.test C@1:info@us.test D@1:-|-| ana@us.test | A | B author_domain, C default_address, D no_filter
A@10:us.test B@10:us.test C@5:x.test D@20:us.test      | - | ana@us.test | A | C filter, B older, D priority
A@10:us.test !B@5:us.test                              | - | ana@us.test | A | B archived
A@10:us.test ~B@5:us.test                              | - | ana@us.test | A | B switched_off
A@10:info@us.test B@5:us.test C@1:-                    | - | eva@x.test  | A | C no_filter, B default_domain
A@10:- B@5:-                                           | - | eva@x.test  | B | A priority
A@10:- B@10:-                                          | B | eva@x.test  | B | A asked
A@10:y.test B@5:z.test                                 | - | eva@x.test  | B | A fallback
!A@10:- !B@5:-                                         | - | eva@x.test  | - | B archived, A archived
A@10:- !B@5:-                                          | B | eva@x.test  | B | A asked
A@10:-                                                 | - | eva         | - |
A@10:- B@5:ana@us.test                                 | - | -           | A | B filter
"""


def _rows() -> list[object]:
    rows = [[cell.strip() for cell in line.split("|")] for line in CASES.strip().splitlines()]
    return [pytest.param(*row, id=" ".join(row[:3])) for row in rows]


def _server(number: int, text: str) -> ServerFacts:
    name, _, rest = text.lstrip("!~").partition("@")
    priority, _, filter_ = rest.partition(":")
    from_filter = parse_filter("" if filter_ == "-" else filter_)
    return ServerFacts(number, name, int(priority), from_filter, active=not text.startswith("!"))


@pytest.mark.parametrize(("servers", "asked", "author", "chosen", "others"), _rows())
def test_every_other_server_has_its_reason(servers, asked, author, chosen, others):
    known = [_server(number, text) for number, text in enumerate(servers.split(), start=1)]
    counting = [server for server, text in zip(known, servers.split(), strict=True) if not text.startswith("~")]
    question = Question(
        author=None if author == "-" else Mailbox("", author),
        servers=counting,
        domain=DomainFacts("us.test", "info@us.test"),
        rules=Rules(own_domains=frozenset({"us.test"})),
        asked=next((server for server in known if server.name == asked), None),
    )
    decision = question.choice()
    assert (decision.server.name if decision.server else "-") == chosen
    passed = passed_over(question, decision, known[::-1])
    assert ", ".join(f"{server.name} {why.code.removeprefix('passed_')}" for server, why in passed) == others
    with translation.override("en"):
        words = [render(why) for _, why in passed]
    assert all(sentence.endswith(".") and "%(" not in sentence for sentence in words)
    assert "The reason was not kept." not in words


def test_the_reason_names_what_it_is_about():
    known = [_server(1, "A@10:us.test"), _server(2, "B@20:us.test"), _server(3, "C@5:x.test")]
    question = Question(Mailbox("", "ana@us.test"), known, DomainFacts("us.test", "info@us.test"), Rules())
    with translation.override("en"):
        words = [render(why) for _, why in passed_over(question, question.choice(), known)]
    assert words == [
        "Its From filter does not let ana@us.test, info@us.test through.",
        "It fits as well, but its priority is 20 and that of «A» is 10: the smaller number comes first.",
    ]
