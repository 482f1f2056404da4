"""Everything that is measured: which case, which contender, with how many mails."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.bench import enqueueing, goals, latency, memory, ours, rivals
from tests.bench.goals import GOALS, OURS
from tests.bench.lab import Lab
from tests.bench.results import Figures
from tests.bench.sinks import Kind


@dataclass(frozen=True, slots=True)
class Contest:
    """One contender in one case."""

    case: str
    who: str
    mails: int
    measure: Callable[[Lab, int], Figures]

    @property
    def name(self) -> str:
        return f"{self.case}/{self.who}"


def _ours(case: str, kind: Kind, mails: int, *, same: bool = False, connections: int = 20) -> Contest:
    def measure(lab: Lab, total: int) -> Figures:
        return ours.drain(lab, kind, total, contents="same" if same else "distinct", connections=connections)

    return Contest(case, OURS, mails, measure)


def _peer(case: str, kind: Kind, who: str, peer: rivals.Peer, mails: int) -> Contest:
    return Contest(case, who, mails, lambda lab, total: rivals.drain(lab, kind, total, peer=peer))


def _bare(case: str, kind: Kind, mails: int) -> Contest:
    return Contest(case, goals.BARE, mails, lambda lab, total: rivals.bare(lab, kind, total))


def _queueing(case: str, who: str, peer: rivals.Peer, mails: int, how: str = "queue") -> Contest:
    return Contest(case, who, mails, lambda lab, total: enqueueing.by_peer(lab, total, peer, how))


CONTESTS = [
    _ours("drain plain", "plain", 12_000),
    _bare("drain plain", "plain", 12_000),
    Contest("drain plain", goals.SOURCE, 20_000, lambda lab, total: rivals.source(lab, "plain", total)),
    _peer("drain plain", "plain", goals.TUNED, rivals.TUNED, 3_000),
    _peer("drain plain", "plain", goals.DEFAULTS, rivals.DEFAULTS, 3_000),
    _peer("drain plain", "plain", goals.MAILER, rivals.MAILER, 1_500),
    _peer("drain plain", "plain", goals.CELERY, rivals.CELERY, 1_000),
    _ours("drain same", "plain", 12_000, same=True),
    _ours("drain tls", "tls", 8_000),
    _bare("drain tls", "tls", 8_000),
    _peer("drain tls", "tls", goals.TUNED, rivals.TUNED, 2_000),
    _peer("drain tls", "tls", goals.MAILER, rivals.MAILER, 800),
    _peer("drain tls", "tls", goals.CELERY, rivals.CELERY, 800),
    _ours("drain far", "far", 8_000, connections=100),
    _peer("drain far", "far", goals.TUNED, rivals.TUNED, 3_000),
    _peer("drain far", "far", goals.MAILER, rivals.MAILER, 100),
    _peer("drain far", "far", goals.CELERY, rivals.CELERY, 200),
    Contest("enqueue post", OURS, 6_000, enqueueing.by_post),
    Contest("enqueue bulk", OURS, 2_000, lambda lab, total: enqueueing.by_us(lab, total, "queue_distinct")),
    _queueing("enqueue bulk", "django-post_office, send_many", rivals.DEFAULTS, 2_000, "queue_bulk"),
    Contest("enqueue one", OURS, 500, lambda lab, total: enqueueing.by_us(lab, total, "queue_singly")),
    _queueing("enqueue one", goals.POST_OFFICE, rivals.DEFAULTS, 500),
    _queueing("enqueue one", goals.MAILER, rivals.MAILER, 500),
    _queueing("enqueue one", goals.CELERY, rivals.CELERY, 500),
    Contest("latency idle", OURS, 150, latency.ours_idle),
    Contest("latency idle", goals.CELERY, 150, latency.peer_idle),
    Contest("latency busy", OURS, 100_000, latency.ours_busy),
    Contest("memory", OURS, 200_000, memory.many),
    Contest("memory of 25 MB to many", OURS, 500, memory.large),
    Contest("memory of 25 MB each", OURS, 50, lambda lab, total: memory.large(lab, total, contents=total)),
]
CASES = list(dict.fromkeys(contest.case for contest in CONTESTS))


def contenders(case: str) -> list[str]:
    """Who is measured in a case."""
    return [contest.who for contest in CONTESTS if contest.case == case]


def chosen(words: list[str]) -> list[Contest]:
    """Those whose name holds one of the words, and whom Daeris is owed to beat there; all, without words.

    A word with a slash (`drain plain/Daeris`) names one contender, and brings no others.
    """
    if not words:
        return CONTESTS
    found = [contest for contest in CONTESTS if any(word.lower() in contest.name.lower() for word in words)]
    open_cases = {contest.case for contest in found if any("/" not in word and word in contest.case for word in words)}
    rivals_of = {(goal.rival_case or goal.case, goal.rival) for goal in GOALS if goal.case in open_cases}
    return [contest for contest in CONTESTS if contest in found or (contest.case, contest.who) in rivals_of]
