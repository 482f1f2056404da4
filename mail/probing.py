"""Test a server step by step: connect, encrypt, log in, try senders and a recipient. A mail is sent only when asked."""

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter

from mail.causes import describe
from mail.connection import Connection
from mail.endpoint import Endpoint, Envelope
from mail.exceptions import DeliveryError, Phase, Reply
from mail.probe_fixes import account_note, detail_of, fix_for, title_of, untried_note, words_of
from mail.probe_letter import letter_from
from mail.probe_looks import look_again
from mail.probe_report import ProbeReport, ProbeStep
from mail.probe_senders import Sender
from mail.replies import classify
from mail.smtp import refuse_unsafe_addresses, refuse_unsafe_sender
from mail.wire import without_secrets

__all__ = ["ProbeReport", "ProbeStep", "Sender", "Trial", "probe_now", "probe_steps", "take_steps"]

# A person waits for the answer: each command, everything up to the log-in, all senders, the recipient, the mail.
# Together less than the minute after which `probe_runs` takes a test for interrupted.
STEP_SECONDS = 10.0
ALL_SECONDS = 25.0
SENDERS_SECONDS = 10.0
RECIPIENT_SECONDS = 5.0
MAIL_SECONDS = 10.0
# A server that hangs up after a refusal is asked again; not for ever. And each refusal counts against us there: after
# ten Postfix makes us wait, after twenty it hangs up.
MOST_CONNECTIONS = 4
MOST_REFUSED = 10


@dataclass(frozen=True, slots=True)
class Trial:
    """What to try: a server, the senders that it should let through, and a recipient who may get a mail."""

    endpoint: Endpoint
    senders: tuple[Sender, ...] = ()
    untried: int = 0  # how many more senders there are
    recipient: str = ""
    sends: bool = False
    preset: str = ""  # whose words the advice is in


def probe_now(trial: Trial) -> ProbeReport:
    """Test the server and report, within a minute. For code without an event loop."""
    return ProbeReport(tuple(step for step in take_steps(trial) if step.ok is not None))


def take_steps(trial: Trial) -> Iterator[ProbeStep]:
    """As `probe_steps`, for code without an event loop, which stands still while the caller looks at a step."""
    with asyncio.Runner() as runner:
        steps = probe_steps(trial)

        async def take() -> ProbeStep | None:
            return await anext(steps, None)

        async def end() -> None:
            await steps.aclose()

        try:
            while step := runner.run(take()):
                yield step
        finally:
            runner.run(end())


async def probe_steps(trial: Trial) -> AsyncGenerator[ProbeStep, None]:
    """Each step twice: as it begins, when `ok` is None, and as soon as it is done."""
    run = _Run(trial)
    try:
        async with contextlib.aclosing(run.steps()) as steps:
            async for step in steps:
                yield step
    finally:
        await run.end()


class _Run:
    """One test, on one connection; on another one when the server hangs up after refusing a sender."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._endpoint = replace(
            trial.endpoint,
            connect_seconds=min(trial.endpoint.connect_seconds, STEP_SECONDS),
            command_seconds=min(trial.endpoint.command_seconds, STEP_SECONDS),
            data_seconds=min(trial.endpoint.data_seconds, MAIL_SECONDS),
        )
        self._connection = Connection(self._endpoint)
        self._connections = 1
        self._ends = perf_counter() + ALL_SECONDS

    async def steps(self) -> AsyncGenerator[ProbeStep, None]:
        for phase, act in self._connection.steps():
            yield self._begun(phase)
            step = await self._take(phase, act)
            yield step
            if not step.ok:
                return
        self._ends = perf_counter() + SENDERS_SECONDS
        accepted, refused, untried = "", 0, self._trial.untried
        for position, sender in enumerate(self._trial.senders):
            if not self._can_go_on or refused == MOST_REFUSED:
                untried += len(self._trial.senders) - position
                break
            yield self._begun("mail", sender.address)
            step = await self._take("mail", partial(self._try_sender, sender), sender)
            accepted = accepted or (sender.address if step.ok else "")
            refused += not step.ok
            yield step
        if untried:
            yield ProbeStep("note", True, 0, title_of("mail"), untried_note(untried))
        if accepted and self._trial.recipient:
            async for step in self._with_recipient(accepted):
                yield step

    async def _with_recipient(self, sender: str) -> AsyncGenerator[ProbeStep, None]:
        """Whether the recipient is accepted, and then, when it was asked for, a mail."""
        recipient = self._trial.recipient
        self._ends = perf_counter() + RECIPIENT_SECONDS
        yield self._begun("rcpt", recipient)
        step = await self._take("rcpt", partial(self._try_recipient, sender, recipient), Sender(recipient))
        yield step
        if not step.ok or not self._trial.sends:
            return
        self._ends = perf_counter() + MAIL_SECONDS
        letter = letter_from(sender, recipient)
        yield self._begun("data", recipient)
        step = await self._take("data", partial(self._send, letter.envelope), Sender(recipient))
        yield replace(step, message_id=letter.message_id if step.ok else "")

    async def end(self) -> None:
        with contextlib.suppress(DeliveryError):
            await self._connection.quit()

    # -- What is tried ---------------------------------------------------------------------------

    async def _try_sender(self, sender: Sender) -> Reply:
        """Ask for the sender, and for a recipient as well: by default Postfix looks at the sender only then."""
        refuse_unsafe_sender(sender.address)
        connection = await self._open_connection()
        if not sender.address.isascii() and "smtputf8" not in connection.extensions:
            raise DeliveryError("mail", "smtputf8_missing", detail="The server does not offer SMTPUTF8")
        reply = await connection.mail_from(sender.address, self._options(sender.address))
        try:
            await connection.rcpt_to(self._trial.recipient or sender.address)
        except DeliveryError as error:
            # What is wrong with the recipient is told once, later.
            if describe(classify(error).cause).blame not in ("sender", "credentials"):
                return reply
            raise
        finally:
            with contextlib.suppress(DeliveryError):
                await connection.reset()
        return reply

    async def _try_recipient(self, sender: str, recipient: str) -> Reply:
        connection = await self._open_connection()
        await connection.mail_from(sender, self._options(sender, recipient))
        reply = await connection.rcpt_to(recipient)
        await connection.reset()
        return reply

    async def _send(self, envelope: Envelope) -> Reply:
        refuse_unsafe_addresses(envelope)
        connection = await self._open_connection()
        return (await connection.deliver(self._endpoint.dressed(envelope))).reply

    @staticmethod
    def _options(*addresses: str) -> list[bytes]:
        return [] if all(map(str.isascii, addresses)) else [b"SMTPUTF8"]

    @property
    def _can_go_on(self) -> bool:
        """Whether there is time for another sender, and a connection to ask on."""
        has_connection = self._connection.is_usable or self._connections < MOST_CONNECTIONS
        return has_connection and self._ends - perf_counter() > 0.1

    async def _open_connection(self) -> Connection:
        """The connection, or another one when the server has left this one."""
        if not self._connection.is_usable:
            await self._connection.abort()
            self._connection = Connection(self._endpoint)
            self._connections += 1
            await self._connection.open()
        return self._connection

    # -- How it is told --------------------------------------------------------------------------

    def _begun(self, phase: Phase, address: str = "") -> ProbeStep:
        return ProbeStep(phase, None, 0, self._title(phase), address=address)

    def _title(self, phase: Phase) -> str:
        return title_of(phase, encrypted=self._endpoint.security == "starttls" and bool(self._connection.tls))

    async def _take(
        self, phase: Phase, act: Callable[[], Awaitable[Reply | None]], about: Sender | None = None
    ) -> ProbeStep:
        started = perf_counter()
        step = ProbeStep(phase, True, 0, self._title(phase))
        if about:
            step = replace(step, address=about.address, whose=about.whose)
        try:
            try:
                async with asyncio.timeout(max(0.0, self._ends - started)):
                    reply = await act()
            except TimeoutError:
                raise DeliveryError(phase, "timeout", detail="No answer in time", host=self._endpoint.host) from None
        except DeliveryError as error:
            return await self._failed(replace(step, ok=False, seconds=perf_counter() - started), error)
        seconds = perf_counter() - started
        detail = str(reply) if reply else detail_of(self._connection, phase)
        fix = account_note(self._trial.preset, self._endpoint, step.address) if phase == "mail" else ""
        if phase == "auth":
            step = replace(step, address=self._endpoint.username)
        return replace(step, seconds=seconds, detail=self._harmless(detail), fix=fix)

    async def _failed(self, step: ProbeStep, error: DeliveryError) -> ProbeStep:
        cause = classify(error).cause
        seen = await look_again(self._connection, cause, error.phase)
        fix = fix_for(cause, error, preset=self._trial.preset, endpoint=self._endpoint, seen=seen)
        return replace(
            step,
            detail=self._harmless(words_of(error, cause)),
            cause=cause,
            fix=fix.text,
            link=str(fix.link),
            url=fix.url,
        )

    def _harmless(self, text: str) -> str:
        """The text without our password: a server may say again what it was told."""
        password = self._endpoint.password or ""
        if len(password) < 4:
            return text
        return without_secrets(Reply(0, "", text), [password, b64encode(password.encode()).decode()]).text
