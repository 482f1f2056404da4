"""What a test of a server found: its steps, one sentence about them, and the same as text to take along."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from django.utils.formats import localize
from django.utils.translation import gettext as _

from mail.causes import describe


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """One step: what was tried, how long it took, the server's words and what to do about a failure.

    `phase` is that of a delivery, or "note" for what is only to be known. A step that went well and has a `fix`
    is a warning. All texts are in the language of the person who asked.
    """

    phase: str
    ok: bool | None  # None: under way
    seconds: float
    title: str
    detail: str = ""
    fix: str = ""
    link: str = ""
    url: str = ""
    cause: str = ""
    address: str = ""  # the sender or recipient that was tried, the account that logged in
    whose: str = ""
    message_id: str = ""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """The step from its stored form, also from that of another version."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    @property
    def tone(self) -> str:
        """How it is shown: of the tones of ui."""
        if self.ok is None:
            return "info"
        if not self.ok:
            return "danger"
        return "warning" if self.fix else "neutral" if self.phase == "note" else "success"

    @property
    def icon(self) -> str:
        return {"info": "loader", "danger": "x", "warning": "triangle-alert", "neutral": "info"}.get(self.tone, "check")


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """The steps so far, or all of them. Only senders and a recipient may fail without ending the test."""

    steps: tuple[ProbeStep, ...]

    @classmethod
    def of(cls, stored: Iterable[Mapping[str, Any]]) -> Self:
        """The report from the stored form of its steps."""
        return cls(tuple(map(ProbeStep.of, stored)))

    @property
    def ok(self) -> bool:
        """Whether everything that was tried went well."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    @property
    def connects(self) -> bool:
        """Whether one gets in, and may send as somebody: whatever stopped the server has been mended."""
        before = [step for step in self.steps if step.phase not in ("mail", "rcpt", "data", "note")]
        tried = self._senders
        return bool(before) and all(step.ok for step in before) and (not tried or any(step.ok for step in tried))

    @property
    def sentence(self) -> str:
        """That it went well, or what failed at which step, in the active language."""
        failed = [step for step in self.steps if step.ok is False]
        if not failed:
            return _("Connection to outgoing mail server successful")
        first = failed[0]
        words = {"step": first.title, "cause": describe(first.cause).title}
        if first.phase == "mail" and len(self._senders) > 1:
            numbers = {"refused": len(self.refused), "tried": len(self._senders)}
            return _("%(step)s: %(cause)s (%(refused)s of %(tried)s).") % {**words, **numbers}
        return _("%(step)s: %(cause)s.") % words

    # -- What it says about the senders ----------------------------------------------------------

    @property
    def _senders(self) -> list[ProbeStep]:
        return [step for step in self.steps if step.phase == "mail" and step.ok is not None]

    @property
    def refused(self) -> list[str]:
        """The senders that this server would not let through: their mail would fail."""
        return [step.address for step in self._senders if not step.ok]

    @property
    def narrow_filter(self) -> str:
        """A From filter of those that it does let through; "" when it lets through all, or nobody."""
        return ", ".join(step.address for step in self._senders if step.ok) if self.refused else ""

    @property
    def account(self) -> str:
        """The address that the account logs in with; "" when its user name is no address, or it was refused too."""
        name = next((step.address for step in self.steps if step.phase == "auth" and step.ok), "")
        return name if "@" in name and name not in self.refused else ""

    @property
    def was_sent(self) -> bool:
        return any(step.phase == "data" and step.ok for step in self.steps)

    # -- To take along ---------------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {"ok": self.ok, "sentence": self.sentence, "steps": [asdict(step) for step in self.steps]}

    @property
    def text(self) -> str:
        """Everything as lines of text. Holds no secret, as no step does."""
        lines = [self.sentence]
        number = 0
        for step in self.steps:
            if step.ok is None:
                continue
            number += 1
            mark = "✓" if step.ok else "✗"
            about = f" {step.address}" if step.address and step.phase != "auth" else ""
            lines.append(f"{number}. {mark} {step.title}{about} ({localize(round(step.seconds, 2))} s): {step.detail}")
            for more in (step.message_id, step.fix and f"→ {step.fix}", step.url):
                if more:
                    lines.append(f"   {more}")
        return "\n".join(lines)

    def finished(self) -> Self:
        """The same without what was under way: of a test whose process ended in the middle."""
        done = tuple(step for step in self.steps if step.ok is not None)
        return replace(self, steps=done)
