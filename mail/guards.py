"""Where the layers above may hold mail back: they know what it is about, `mail` does not."""

from collections.abc import Callable, Collection, Mapping

# Of mails about a document that are about to leave, by id: the causes (`mail.causes`) why some of them must not.
Guard = Callable[[Collection[int]], Mapping[int, str]]

_guards: list[Guard] = []


def register(guard: Guard) -> None:
    """Ask this guard, too; called in `ready()`. It is asked about many mails at once, just before they leave."""
    if guard not in _guards:
        _guards.append(guard)


def refused(mail_ids: Collection[int]) -> dict[int, str]:
    """Those of these mails that must not leave, each with its cause."""
    if not mail_ids:
        return {}
    return {mail_id: cause for guard in _guards for mail_id, cause in guard(mail_ids).items()}
