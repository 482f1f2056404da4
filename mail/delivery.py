"""One mail, from the moment it is claimed to its outcome."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import perf_counter

from django.conf import settings
from django.utils.timezone import now

from mail import tokens
from mail.addresses import Mailbox
from mail.backoff import next_wait
from mail.boot_clock import boot_seconds
from mail.claiming import MOST_UNCERTAIN, Claimed
from mail.composing import Body, Letter, MessageInvalid, compose
from mail.domains.dmarc import Policy
from mail.endpoint import Accepted, Endpoint, Envelope
from mail.exceptions import DeliveryError
from mail.models import Attempt
from mail.replies import Outcome, Verdict, classify
from mail.routing import Decision
from mail.settling import Fate, ServerNews, Settlement, Try

logger = logging.getLogger(__name__)


class Released(Exception):
    """The mail goes back untouched: the lease is short, the worker stops, or its server is in trouble."""


class ServerOut(Released):
    """This server is in trouble; another one may take the mail."""


@dataclass(slots=True, eq=False)
class Job:
    """A claimed mail with all that is needed to send it."""

    mail: Claimed
    letter: Letter
    # The planned way first, then the others under the same header From, in the order of the ladder.
    ways: list[Decision]
    # Until then, by the boot clock, something may be begun that might outlast the lease (design §3).
    safe_until: float
    # The next server under the same From whose mail is counted: it must be claimed there before it may go.
    next_server_id: int | None = None
    # The domain whose DMARC policy decides about the From; with it `choose` finds the ways anew.
    awaits: str = ""
    choose: Callable[[Mapping[str, Policy]], None] | None = None
    lost: bool = False
    # How each server was reached, as far as it was tried.
    reached: dict[int, Endpoint] = field(default_factory=dict)
    # The message is being handed over: from here on a broken end leaves the outcome unknown.
    begun: bool = False


Transmit = Callable[[Job, Decision, Envelope], Awaitable[Accepted]]
BodyOf = Callable[[Job], Awaitable[Body]]


@dataclass(slots=True)
class Report:
    """What `deliver` found out: the settlement to write, and what was learnt about servers."""

    settlement: Settlement
    news: list[ServerNews] = field(default_factory=list)


async def deliver(job: Job, *, body_of: BodyOf, transmit: Transmit) -> Report:
    """Send one claimed mail and say what became of it; `settle` writes it down. Raises nothing but a cancellation."""
    tries: list[Try] = []
    try:
        return await _try_ways(job, body_of, transmit, tries)
    except MessageInvalid as error:
        return Report(_failed_here(job, error.cause, str(error), tries))
    except Exception as defect:  # ours to mend: the row must not stay "sending", the log must hear of it
        logger.exception("mail %s", job.mail.id)
        if job.begun:
            return Report(unknown_outcome(job, tuple(tries), cause="internal"))
        if isinstance(defect, OSError):  # not ours: the storage of its files has a bad moment
            return Report(_again_here(job, "files_unreadable", tries))
        return Report(_failed_here(job, "internal", type(defect).__name__, tries))


async def _try_ways(job: Job, body_of: BodyOf, transmit: Transmit, tries: list[Try]) -> Report:
    """Try the ways of a mail until one answers for good."""
    news: list[ServerNews] = []
    verdict: Verdict | None = None
    try:
        body = await body_of(job)
        for way in job.ways:
            envelope = _envelope(job, way, body)
            started, clock, began = now(), perf_counter(), boot_seconds()
            try:
                accepted = await transmit(job, way, envelope)
            except DeliveryError as error:
                verdict = classify(error)
                tries.append(_failed(_begun(way, started, clock), error, verdict))
                news += _news_of(job, way, error, verdict, began)
                if verdict.outcome is not Outcome.NEXT_SERVER:
                    break
            except ServerOut:
                if verdict is None:  # its own server: planned anew
                    raise
            except asyncio.CancelledError:
                if not job.begun:
                    raise
                tries.append(_interrupted(_begun(way, started, clock)))
                return Report(unknown_outcome(job, tuple(tries), cause="worker_stopped"), news)
            else:
                tries.append(_accepted(_begun(way, started, clock), accepted))
                news.append(ServerNews(_server_id(way), works=True))
                return Report(Settlement(job.mail, Fate.SENT, tuple(tries)), news)
    except Released:
        return Report(_given_back(job, tries, verdict), news)
    return Report(_concluded(job, verdict, tries), news)


def _envelope(job: Job, way: Decision, body: Body) -> Envelope:
    if way.header_from is None:
        raise TypeError("a way without a header From was planned")
    composed = compose(
        job.letter,
        body,
        header_from=way.header_from,
        recipient=Mailbox(job.mail.recipient_name, job.mail.recipient_address),
        date=now(),
        reply_to=way.reply_to,
        original_from=way.original_from,
    )
    return Envelope(
        sender=way.envelope_from,
        recipient=job.mail.recipient_address,
        message=composed.head,
        shared=body.on_the_wire,
        smtputf8=composed.smtputf8,
    )


# -- What to conclude ------------------------------------------------------------------------------


def _concluded(job: Job, verdict: Verdict | None, tries: list[Try]) -> Settlement:
    if verdict is None:
        return _failed_here(job, "internal", "no way to send was planned", tries)
    last = tries[-1]
    failed = Settlement(
        job.mail,
        Fate.FAILED,
        tuple(tries),
        cause=verdict.cause,
        reply_code=last.reply_code,
        failure=_words(last),
    )
    if verdict.outcome is Outcome.FAILED:
        return failed
    if verdict.outcome is Outcome.BLOCKED:
        # Due at once: it goes by itself as soon as somebody has mended the server.
        return replace(failed, fate=Fate.AGAIN)
    if verdict.outcome is Outcome.UNCERTAIN:
        return unknown_outcome(job, tuple(tries), cause=verdict.cause)
    if verdict.outcome is Outcome.NEXT_SERVER and job.next_server_id:
        return replace(failed, fate=Fate.AGAIN, server_id=job.next_server_id)
    wait = wait_of(job, verdict.retry_after)
    if _is_over(job, wait):
        return replace(failed, cause="expired")
    return replace(failed, fate=Fate.AGAIN, wait_seconds=wait)


def _again_here(job: Job, cause: str, tries: list[Try]) -> Settlement:
    wait = wait_of(job, None)
    fate = Fate.FAILED if _is_over(job, wait) else Fate.AGAIN
    return Settlement(job.mail, fate, tuple(tries), cause=cause, wait_seconds=wait)


def unknown_outcome(job: Job, tries: tuple[Try, ...], *, cause: str) -> Settlement:
    """It may have been accepted: the same server is asked again later, twice at most; then a person decides."""
    given_up = job.mail.uncertain + 1 >= MOST_UNCERTAIN
    last = tries[-1] if tries else None
    return Settlement(
        job.mail,
        Fate.FAILED if given_up else Fate.AGAIN,
        tries=tries,
        cause=cause,
        failure=_words(last) if last else "",
        wait_seconds=0 if given_up else wait_of(job, None),
        is_uncertain=True,
        server_id=last.server_id if last else None,
    )


def wait_of(job: Job, hint: float | None) -> float:
    """Seconds until the next try."""
    waits = settings.MAIL_BACKOFF_SECONDS
    return next_wait(job.mail.tries + 1, waits=waits, hint=hint, random=random.random)


def _is_over(job: Job, wait: float) -> bool:
    first = job.mail.first_attempt_at or now()
    return now() + timedelta(seconds=wait) > first + timedelta(seconds=settings.MAIL_RETRY_SECONDS)


def _given_back(job: Job, tries: list[Try], verdict: Verdict | None) -> Settlement:
    if verdict is None:
        return Settlement(job.mail, Fate.RELEASED)
    # One server was tried and the next could not be: what happened is kept.
    return _concluded(job, verdict, tries)


def _failed_here(job: Job, cause: str, words: str, tries: list[Try]) -> Settlement:
    return Settlement(job.mail, Fate.FAILED, tuple(tries), cause=cause, failure=words)


# -- What to remember ------------------------------------------------------------------------------


def _begun(way: Decision, started_at: datetime, clock: float) -> Try:
    """A try of this way, as far as it is the same however it ended; `clock` is when it began."""
    return Try(
        outcome=Attempt.Outcome.TEMPORARY,
        server_id=_server_id(way),
        server_name=way.server.name if way.server else "",
        step=way.step.value if way.step else "",
        explanation={
            "why": [way.why.code, way.why.params] if way.why else None,
            "warnings": [[warning.code, warning.params] for warning in way.warnings],
        },
        header_from=str(way.header_from)[:600] if way.header_from else "",
        envelope_from=way.envelope_from[:320],
        started_at=started_at,
        seconds=perf_counter() - clock,
    )


def _accepted(begun: Try, accepted: Accepted) -> Try:
    reply = accepted.reply
    return replace(
        begun,
        outcome=Attempt.Outcome.ACCEPTED,
        phase="final",
        tls=accepted.tls,
        reply_code=reply.code,
        enhanced_code=reply.enhanced,
        reply_text=reply.text,
    )


def _failed(begun: Try, error: DeliveryError, verdict: Verdict) -> Try:
    outcomes = {Outcome.FAILED: Attempt.Outcome.PERMANENT, Outcome.UNCERTAIN: Attempt.Outcome.UNCERTAIN}
    reply = error.reply
    return replace(
        begun,
        outcome=outcomes.get(verdict.outcome, Attempt.Outcome.TEMPORARY),
        phase=error.phase,
        tls=error.tls,
        reply_code=reply.code if reply else None,
        enhanced_code=reply.enhanced if reply else "",
        reply_text=reply.text if reply else error.detail,
        cause=verdict.cause,
    )


def _interrupted(begun: Try) -> Try:
    return replace(begun, outcome=Attempt.Outcome.UNCERTAIN, phase="final", cause="worker_stopped")


def _news_of(job: Job, way: Decision, error: DeliveryError, verdict: Verdict, began: float) -> list[ServerNews]:
    server_id = _server_id(way)
    if verdict.outcome is Outcome.BLOCKED:
        endpoint = job.reached.get(server_id)
        news = ServerNews(server_id, blocked_cause=verdict.cause, reply=error.words, endpoint=endpoint, began=began)
        return [news]
    if verdict.slow_down:
        return [ServerNews(server_id, slow_seconds=verdict.slow_down, reply=error.words)]
    if counts_for_breaker(job, verdict):
        return [ServerNews(server_id, failed=True)]
    if lets_us_in(error, verdict):
        return [ServerNews(server_id, works=True)]
    return []


def counts_for_breaker(job: Job, verdict: Verdict) -> bool:
    """Whether a failure speaks against the server.

    After MAIL it may be the mail that the server stumbles over, so each mail counts there once, the first time.
    """
    return verdict.outcome is Outcome.NEXT_SERVER and (verdict.before_mail or job.mail.tries == 0)


def lets_us_in(error: DeliveryError, verdict: Verdict) -> bool:
    """Whether the server refused the mail only: so it is there, and open to us."""
    return error.reply is not None and not verdict.before_mail and verdict.outcome in {Outcome.AGAIN, Outcome.FAILED}


def _server_id(way: Decision) -> int:
    if way.server is None:
        raise TypeError("a way without a server was planned")
    return way.server.id


def _words(last: Try) -> str:
    code = " ".join(str(part) for part in (last.reply_code, last.enhanced_code) if part)
    return f"{code} {last.reply_text}".strip()


def bounce_token(mail_id: int) -> str:
    """The token of a mail's own envelope sender."""
    return tokens.make("bounce", mail_id)
