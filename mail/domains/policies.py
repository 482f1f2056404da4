"""The DMARC policies of foreign domains: looked up within three seconds, shared, and remembered.

What is known lies in Django's cache for as long as the DNS says, within bounds. It is kept longer than that: when the
DNS cannot be asked, an old answer is better than none.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from asgiref.sync import async_to_sync
from django.core.cache import BaseCache, caches

from mail.domains.dmarc import UNKNOWN, Finding, Policy, discover
from mail.domains.lookup import LookupFailed, NameserverInvalid, Resolver

logger = logging.getLogger(__name__)

# All questions about one domain together (design §5).
LIMIT_SECONDS = 3.0
# How long an answer counts, whatever the zone says.
LEAST_SECONDS = 300.0
MOST_SECONDS = 86400.0
# How long an old answer stands in for a look-up that did not succeed.
STALE_SECONDS = 14 * 86400.0
# How long nobody asks again after a look-up that did not succeed: a DNS that is down must not cost each mail 3 s.
PAUSE_SECONDS = 60.0
# A process need not ask the cache for each mail of a batch.
REMEMBERED_SECONDS = 30.0
MOST_REMEMBERED = 5000


@dataclass(frozen=True, slots=True)
class Known:
    """What the cache holds of a domain: the policy, until when it counts, until when it is not asked for again."""

    policy: Policy = UNKNOWN
    fresh_until: float = 0
    paused_until: float = 0

    def answer(self, now: float) -> Policy | None:
        """The policy to go by; None when it is time to look it up."""
        if now < self.fresh_until:
            return self.policy
        return self.makeshift() if now < self.paused_until else None

    def makeshift(self) -> Policy:
        """What stands in for a look-up that did not succeed."""
        return self.policy if self.policy.failed else replace(self.policy, is_stale=True)


async def look_up(domain: str, *, seconds: float) -> tuple[Policy, float]:
    """The policy that the DNS tells, and for how many seconds it counts. LookupFailed when it cannot be known."""
    try:
        async with asyncio.timeout(seconds):
            return await _walk(domain, Resolver(seconds=seconds))
    except TimeoutError:
        raise LookupFailed(f"{domain}: no answer within {seconds:g} s") from None
    except NameserverInvalid as error:
        raise LookupFailed(f"MAIL_NAMESERVER: {error}") from error


async def _walk(domain: str, resolver: Resolver) -> tuple[Policy, float]:
    walk = discover(domain)
    ttl = MOST_SECONDS
    name = next(walk)
    while True:
        answer = await resolver.ask(name)
        ttl = min(ttl, max(answer.seconds, LEAST_SECONDS))
        try:
            name = walk.send(answer.texts)
        except StopIteration as end:
            found: Finding | None = end.value
            break
    if found is None:
        return Policy(), ttl
    exists = not found.asks_existence or await _exists(domain, resolver)
    return found.policy(exists=exists), ttl


async def _exists(domain: str, resolver: Resolver) -> bool:
    """Whether mail could have to do with this name: it has an address or a mail server (RFC 9989 §3.2)."""
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(_quietly(resolver, domain, kind)) for kind in ("A", "AAAA", "MX")]
    answers = [task.result() for task in asked]
    if any(answer is True for answer in answers):
        return True
    if None in answers:
        raise LookupFailed(f"{domain}: whether it exists is not known")
    return False


async def _quietly(resolver: Resolver, name: str, kind: str) -> bool | None:
    try:
        return (await resolver.ask(name, kind)).exists
    except LookupFailed:
        return None


class Policies:
    """The policies that a process knows, and the look-ups under way; for one event loop."""

    def __init__(self, cache: BaseCache | None = None) -> None:
        self._remembered: dict[str, tuple[Policy, float]] = {}
        self._under_way: dict[str, asyncio.Task[Policy]] = {}
        # One object for all threads: Django's `caches` makes one for each that asks, and ours come and go.
        self._cache: BaseCache = cache or caches.create_connection("default")

    async def of(self, domains: Iterable[str]) -> dict[str, Policy]:
        """The policy of each domain, within three seconds; `UNKNOWN` for one that cannot be found out."""
        wanted = list(dict.fromkeys(domains))
        found = await asyncio.gather(*map(self._one, wanted))
        return dict(zip(wanted, found, strict=True))

    async def _one(self, domain: str) -> Policy:
        remembered = self._remembered.get(domain)
        if remembered and time.monotonic() < remembered[1]:
            return remembered[0]
        if domain not in self._under_way:
            task = asyncio.create_task(self._find(domain))
            self._under_way[domain] = task
            task.add_done_callback(lambda _: self._under_way.pop(domain, None))
        # Shared: who gives up waiting does not take the answer from the others.
        return await asyncio.shield(self._under_way[domain])

    async def _find(self, domain: str) -> Policy:
        known = await asyncio.to_thread(_read, self._cache, domain)
        now = time.time()
        policy = known.answer(now)
        if policy is None:
            fresh = await _refreshed(domain, known, now)
            await asyncio.to_thread(_write, self._cache, domain, fresh)
            policy = fresh.answer(now) or fresh.makeshift()
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[domain] = policy, time.monotonic() + REMEMBERED_SECONDS
        return policy


async def _refreshed(domain: str, known: Known, now: float) -> Known:
    try:
        policy, ttl = await look_up(domain, seconds=LIMIT_SECONDS)
    except LookupFailed as reason:
        logger.warning("DMARC policy of %s: %s", domain, reason)
        return replace(known, paused_until=now + PAUSE_SECONDS)
    except Exception:  # whatever a stranger's zone holds: the mail goes on without it
        logger.exception("DMARC policy of %s", domain)
        return replace(known, paused_until=now + PAUSE_SECONDS)
    return Known(policy, now + min(ttl, MOST_SECONDS))


# -- For who has no event loop -----------------------------------------------------------------------


def policies_now(domains: Iterable[str]) -> dict[str, Policy]:
    """The policies of these domains, looked up where nothing is known; waits three seconds at most."""

    async def ask() -> dict[str, Policy]:
        return await Policies(caches["default"]).of(domains)

    return async_to_sync(ask)() if (domains := list(domains)) else {}


def policies_known(domains: Iterable[str]) -> dict[str, Policy]:
    """Of these policies, those that are known already; asks no name server."""
    cache, now = caches["default"], time.time()
    answers = {domain: _read(cache, domain).answer(now) for domain in domains}
    return {domain: policy for domain, policy in answers.items() if policy is not None}


# -- The cache ---------------------------------------------------------------------------------------


def _key(domain: str) -> str:
    return f"daeris:dmarc:{domain}"


def _read(cache: BaseCache, domain: str) -> Known:
    # A cache that is away makes things slower, never wrong.
    with contextlib.suppress(Exception):
        stored = cache.get(_key(domain))
        if isinstance(stored, Mapping):
            return Known(Policy(**stored["policy"]), float(stored["fresh_until"]), float(stored["paused_until"]))
    return Known()


def _write(cache: BaseCache, domain: str, known: Known) -> None:
    policy = known.policy
    values = {
        "policy": {"value": policy.value, "inherited_from": policy.inherited_from, "failed": policy.failed},
        "fresh_until": known.fresh_until,
        "paused_until": known.paused_until,
    }
    until = known.paused_until if policy.failed else known.fresh_until + STALE_SECONDS
    with contextlib.suppress(Exception):
        cache.set(_key(domain), values, timeout=max(1, until - time.time()))
