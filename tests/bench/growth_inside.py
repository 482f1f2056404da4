"""What is measured over many mails, inside an installation: the claim, the pages, the retention."""

import base64
import itertools
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from statistics import median
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from daeris.documents.models import Invoice, Opportunity, SaleOrder
from daeris.models import User
from mail import claiming, desk, glance, retention, rounds
from mail.claiming import Hands
from mail.models import Lane, Mail, Options, Server
from mail.reports import queue_counts
from mail.statements import rows

OWNER = "bench"
CLAIMS = 40
LOOKS = 5
# So many are queued at once, and the statistics know of none.
BURST = 50_000
# No page may ask anything that takes longer, and batches are counted for so long.
MOST_SECONDS = 15
LARGE = {"mail_mail", "mail_content", "mail_attempt"}
BASE = "/settings/mail/mails/"


def main(what: str, *arguments: str) -> None:
    asked: dict[str, Callable[..., Any]] = {
        "prepare": prepare,
        "claims": claims,
        "claim_plans": claim_plans,
        "pages": pages,
        "retention": retained,
    }
    sys.stdout.write(json.dumps(asked[what](*arguments)))


def prepare() -> dict[str, Any]:
    """The few rows that mails name: servers, people and documents."""
    options = Options.load()
    options.custom_servers = True
    options.save()
    servers = [Server.objects.create(name=f"S{number}", host="127.0.0.1", port=9) for number in range(3)]
    User.objects.create_superuser("bench", "bench@miempresa.test", "x")
    people = [User(username=f"colleague{number}", first_name=f"Colega {number}") for number in range(19)]
    User.objects.bulk_create(people)
    kinds = [ContentType.objects.get_for_model(model).pk for model in (Opportunity, SaleOrder, Invoice)]
    return {
        "servers": [server.pk for server in servers],
        "users": list(User.objects.order_by("pk").values_list("pk", flat=True)),
        "types": [kinds[1], kinds[1], kinds[0], kinds[2], None],
    }


# -- The claim -------------------------------------------------------------------------------------


def claims() -> dict[str, list[float]]:
    """Milliseconds of each: a look, a claim, a whole round of a worker. What was taken is put back."""
    desk._settle_in(connection)
    found = {
        "glance": _timed(CLAIMS, glance.glance),
        "claim": _timed(CLAIMS, lambda: claiming.claim(Lane.TRANSACTIONAL, owner=OWNER, hands=Hands())),
    }
    _put_back()
    memory = rounds.Memory()
    found["round: look, claim, read, decide"] = _timed(
        CLAIMS, lambda: rounds.take(Lane.values, owner=OWNER, hands=Hands(), memory=memory)
    )
    _put_back()
    return found


def claim_plans() -> dict[str, str]:
    """What a claim and a look read: as things are, and when so many more were queued since anybody counted rows."""
    desk._settle_in(connection)
    sql = claiming._claim_sql(connection.vendor, only_urgent=False)
    server = Server.objects.order_by("pk").first()
    assert server is not None
    claimed = [OWNER, 60, Lane.TRANSACTIONAL, server.pk, 0, 20]
    found = {}
    with transaction.atomic():
        found["a claim reads"] = _words(_kept_plan("claim", sql, claimed))
        found["a look reads"] = _words(_kept_plan("look", glance._SQL[connection.vendor], []))
        transaction.set_rollback(True)
    with transaction.atomic():
        newest = Mail.objects.order_by("-pk").values_list("pk", flat=True)[0]
        Mail.objects.filter(pk__gt=newest - BURST).update(state=Mail.State.QUEUED, due_at=now() - timedelta(minutes=1))
        found["a claim in a burst reads"] = _words(_kept_plan("claim_in_burst", sql, claimed))
        found["a look in a burst reads"] = _words(_kept_plan("look_in_burst", glance._SQL[connection.vendor], []))
        transaction.set_rollback(True)
    _put_back()
    return found


def _put_back() -> None:
    rows("UPDATE mail_mail SET state = 'queued', lease_owner = '', lease_until = NULL WHERE state = 'sending'")
    with connection.cursor() as cursor:
        # What was put back leaves dead rows behind, as many here as there.
        cursor.execute("VACUUM mail_mail")


# -- The pages -------------------------------------------------------------------------------------


def pages(who: str, part: str, parts: str) -> dict[str, Any]:
    """Of each page its milliseconds, the rows that it reads of the large tables, and which of them it reads whole."""
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    user = User.objects.get(username=who)
    client = Client(SERVER_NAME="localhost", headers={"accept-language": "es"})
    client.force_login(user)
    _bound()
    found = {}
    for name, address in list(_addresses(client, user))[int(part) :: int(parts)]:
        found[name] = _page(client, address)
    if user.is_superuser and part == "0":
        found["mail_queue"] = _measured(queue_counts, 1)
    return found


def _bound() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, false)", [f"{MOST_SECONDS}s"])


def _addresses(client: Client, user: User) -> Iterator[tuple[str, str]]:
    yield "first page", BASE
    after = re.search(r'after=[^&"]+', client.get(BASE).content.decode())
    yield "next page", f"{BASE}?{after[0] if after else ''}"
    middle = json.dumps([_middle()]).encode()
    yield "a page in the middle", f"{BASE}?{urlencode({'after': _as_key(middle)})}"
    tabs = ("", "queued", "sent", "failed", "cancelled")
    for state in tabs[1:]:
        yield f"tab {state}", f"{BASE}?state={state}"
    first, second, last = Server.objects.order_by("pk").values_list("pk", flat=True)
    kind = ContentType.objects.get_for_model(SaleOrder).pk
    narrowings: list[dict[str, Any]] = [
        {"day": "today"},
        {"day": "week"},
        {"lane": "mass"},
        {"lane": "transactional"},
        {"server": first},
        {"server": second},
        {"server": last},
        {"type": kind},
        {"record": f"{kind}-12"},
        {"server": last, "lane": "mass"},
        {"server": last, "day": "week"},
        {"server": second, "type": kind, "lane": "mass", "day": "week"},
    ]
    if user.is_superuser:
        narrowings += [{"whose": "mine"}, {"whose": "others"}]
    for asked in narrowings:
        named = " ".join(f"{name}={_named(name, value, (first, second, last))}" for name, value in asked.items())
        for state in tabs:
            query = {**asked, "state": state} if state else asked
            yield f"{named} {state}".strip(), f"{BASE}?{urlencode(query)}"
    searches = {
        "a common word": "factura",
        "two common words": "factura flota",
        "a rare word": f"hotel{_middle() // 10 * 10 + 3}",
        "part of an address": "empresa77.ex",
        "two letters": "fa",
        "one digit": "7",
        "what is not there": "zzzzzz",
        "common and not there": "factura zzzzzz",
    }
    for name, words in searches.items():
        yield f"search: {name}", f"{BASE}?{urlencode({'q': words})}"
        yield f"search: {name}, week", f"{BASE}?{urlencode({'q': words, 'day': 'week'})}"
    own = Mail.objects.opened_by(user)
    oldest, newest = own.order_by("pk").first(), own.order_by("-pk").first()
    for name, mail in (("old", oldest), ("new", newest)):
        yield f"an {name} e-mail".replace("an n", "a n"), f"{BASE}{mail.pk if mail else 0}/"
    if user.is_superuser:
        yield "servers", "/settings/mail/servers/"
        yield "pauses", "/settings/mail/servers/pauses/"
        yield "one server", f"/settings/mail/servers/{first}/"
        yield "general options", "/settings/general/"


def _named(name: str, value: object, servers: Sequence[int]) -> str:
    return ("most", "tenth", "old")[servers.index(value)] if name == "server" else str(value)


def _middle() -> int:
    newest = Mail.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    return newest // 2


def _as_key(written: bytes) -> str:
    return base64.urlsafe_b64encode(written).decode().rstrip("=")


def _page(client: Client, address: str) -> dict[str, Any]:
    def look() -> None:
        page = client.get(address)
        assert page.status_code == 200, (address, page.status_code)

    return _measured(look, LOOKS)


def _measured(look: Callable[[], Any], most: int) -> dict[str, Any]:
    try:
        times = _timed(1, look)
        # What takes seconds is not asked five times.
        times += _timed(most if times[0] < 1000 else 1, look)
        with CaptureQueriesContext(connection) as captured:
            look()
        plans = [_plan(query["sql"], None) for query in captured if query["sql"].startswith("SELECT")]
    except OperationalError:  # it took too long
        return {"ms": MOST_SECONDS * 1000, "rows": 0, "scans": ["?"]}
    read = [node for plan in plans for node in _reading(plan)]
    return {
        "ms": median(times[1:]),
        "rows": sum(_rows_read(node) for node in read),
        "scans": [node["Relation Name"] for node in read if node["Node Type"] == "Seq Scan"],
    }


# -- Retention -------------------------------------------------------------------------------------


def retained() -> dict[str, Any]:
    """Batches of the retention, for some seconds of each kind: how many rows went, and how long each batch took."""
    found = {}
    since = now() - timedelta(days=365)
    for name, batches in (("bodies", retention.sweep_bodies), ("attempts", retention.sweep_attempts)):
        rows_gone, times, began = 0, [], time.perf_counter()
        steps = batches(since)
        while time.perf_counter() - began < MOST_SECONDS:
            before = time.perf_counter()
            gone = next(steps, None)
            if gone is None:
                break
            rows_gone += gone
            times.append((time.perf_counter() - before) * 1000)
        found[name] = {
            "rows": rows_gone,
            "seconds": time.perf_counter() - began,
            "batches": len(times),
            "median": median(times),
            "longest": max(times),
        }
    return found


# -- Plans -----------------------------------------------------------------------------------------


def _timed(times: int, work: Callable[[], Any]) -> list[float]:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1000)
    return found


def _plan(sql: str, parameters: Sequence[Any] | None) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", parameters)
        answer = cursor.fetchone()[0]
    plan: dict[str, Any] = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    return plan


def _kept_plan(name: str, sql: str, parameters: Sequence[Any]) -> dict[str, Any]:
    """The plan that a worker keeps, made before the values are known."""
    numbers = itertools.count(1)
    with connection.cursor() as cursor:
        cursor.execute(f"PREPARE {name} AS {re.sub('%s', lambda _: f'${next(numbers)}', sql)}")
    values = ", ".join(["%s"] * len(parameters))
    return _plan(f"EXECUTE {name}{f'({values})' if values else ''}", parameters)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _reading(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes that read a large table and ran."""
    return [
        node
        for node in _nodes(plan)
        if node.get("Relation Name") in LARGE and node["Node Type"] != "ModifyTable" and node["Actual Loops"]
    ]


def _rows_read(node: dict[str, Any]) -> float:
    dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + dropped) * node["Actual Loops"])


def _words(plan: dict[str, Any]) -> str:
    return "; ".join(
        f"{node['Node Type']} {node.get('Index Name', node['Relation Name'])} {_rows_read(node):,.0f}"
        for node in _reading(plan)
    )
