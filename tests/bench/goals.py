"""What Daeris owes and aims at: ratios to the others in the same run, or limits of its own."""

from dataclasses import dataclass

OURS = "Daeris"
BARE = "bare aiosmtplib, 2 × 20, uvloop"
TUNED = "django-post_office, p2 t20, batch 5,000"
DEFAULTS = "django-post_office, p2, defaults"
MAILER = "django-mailer"
CELERY = "Celery task per row, prefork 2"
SOURCE = "smtp-source, 50 sessions"
POST_OFFICE = "django-post_office"


@dataclass(frozen=True, slots=True)
class Goal:
    """Of one figure in one case: how many times the rival's it must be, and should be; without a rival, a value."""

    case: str
    figure: str
    owed: float
    aim: float | None = None
    rival: str = ""
    # Where the rival was measured, when not in the same case.
    rival_case: str = ""
    less_is_better: bool = False

    def met(self, value: float, wanted: float) -> bool:
        return value <= wanted if self.less_is_better else value >= wanted


def _rate(case: str, rival: str, owed: float, aim: float | None = None, rival_case: str = "") -> Goal:
    return Goal(case, "rate", owed, aim, rival, rival_case)


GOALS = [
    _rate("drain plain", TUNED, 3.5, 8),
    _rate("drain plain", BARE, 0.55, 1.2),
    _rate("drain plain", MAILER, 15, 30),
    _rate("drain plain", CELERY, 22, 45),
    _rate("drain same", TUNED, 4.5, 9, "drain plain"),
    _rate("drain same", BARE, 0.7, rival_case="drain plain"),
    _rate("drain tls", TUNED, 3.5, 6),
    _rate("drain tls", BARE, 0.8, 1.5),
    _rate("drain far", TUNED, 4, 6),
    Goal("enqueue post", "rate", 5000, 15000),
    Goal("enqueue bulk", "rate", 5000, 15000),
    _rate("enqueue one", POST_OFFICE, 0.7, 1),
    Goal("latency idle", "p50", 0.8, 0.5, CELERY, less_is_better=True),
    Goal("latency idle", "p99", 1.5, 0.7, CELERY, less_is_better=True),
    Goal("latency busy", "p99", 150, 50, less_is_better=True),
    Goal("memory", "memory", 180, 150, less_is_better=True),
    Goal("memory", "growth", 1.05, less_is_better=True),
    Goal("memory of 25 MB to many", "more", 140, less_is_better=True),
    Goal("memory of 25 MB each", "more", 140, less_is_better=True),
]


def goals_of(case: str) -> list[Goal]:
    return [goal for goal in GOALS if goal.case == case]
