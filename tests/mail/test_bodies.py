"""Bodies of mails in hand: each file read once for all its copies, and few large ones in memory at a time."""

import asyncio
from collections.abc import Iterator

import pytest

from mail import bodies
from mail.bodies import Bodies
from mail.claiming import Claimed
from mail.composing import AttachmentPart, Letter
from mail.delivery import Job
from tests.lab.waiting import eventually

SIZE = 10_000


class File:
    """A file that counts how often it is read, and may be held while it is."""

    def __init__(self, name: str = "plano.bin") -> None:
        self.read_times = 0
        self.letter = Letter(
            subject="Plano", message_id="<1@miempresa.example>", text="Hola", attachments=(self._part(name),)
        )

    def _part(self, name: str) -> AttachmentPart:
        return AttachmentPart(name, "application/octet-stream", "", self._read, SIZE)

    def _read(self) -> Iterator[bytes]:
        self.read_times += 1
        yield b"x" * SIZE


def job(content_id: int, letter: Letter, server_id: int = 1) -> Job:
    claimed = Claimed(
        id=0,
        fence=1,
        content_id=content_id,
        lane="transactional",
        server_id=server_id,
        asked_server_id=None,
        recipient_name="",
        recipient_address="julia@levante.example",
        tries=0,
        uncertain=0,
        urgent=False,
        document_type_id=None,
        team_id=None,
        first_attempt_at=None,
    )
    return Job(claimed, letter, [], 0)


async def test_a_file_is_read_once_for_all_copies_whenever_they_come() -> None:
    file, made = File(), Bodies()
    jobs = [job(1, file.letter, server_id=1 + number % 2) for number in range(50)]

    taken = await asyncio.gather(*(made.take(each) for each in jobs))
    for each in jobs:
        made.give_back(each)
    later = await made.take(job(1, file.letter))

    assert file.read_times == 1
    assert {id(body) for body in [*taken, later]} == {id(later)}


async def test_a_file_is_read_when_there_is_room_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_BYTES", 3 * SIZE)  # for two
    files, made = [File() for _ in range(4)], Bodies()
    jobs = [job(number, file.letter) for number, file in enumerate(files)]

    taking = [asyncio.create_task(made.take(each)) for each in jobs]
    await asyncio.wait(taking[:2])
    elsewhere = await made.take(job(9, File().letter, server_id=2))  # a slow server holds up nobody else's mail
    assert [file.read_times for file in files] == [1, 1, 0, 0]

    for number in range(4):
        await taking[number]
        made.give_back(jobs[number])
    assert [file.read_times for file in files] == [1, 1, 1, 1]
    assert elsewhere


async def test_what_is_in_use_is_not_read_again_for_want_of_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_BYTES", 2 * SIZE)  # for one
    file, made = File(), Bodies()
    await made.take(job(1, file.letter))
    for number in range(2, 5):
        other = job(number, File().letter, server_id=2)
        await made.take(other)
        made.give_back(other)

    await made.take(job(1, file.letter))

    assert file.read_times == 1


async def test_a_large_body_is_forgotten_when_no_more_copies_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "KEPT_SECONDS", 0.05)
    file, made = File(), Bodies()
    for _ in range(2):
        each = job(1, file.letter)
        await made.take(each)
        made.give_back(each)
        await asyncio.to_thread(eventually, lambda: not made._bulky)

    assert file.read_times == 2


async def test_a_copy_that_is_given_up_leaves_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_BYTES", SIZE)
    made, first, second = Bodies(), job(1, File().letter), job(2, File().letter)
    await made.take(first)
    waiting = asyncio.create_task(made.take(second))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    made.give_back(second)
    made.give_back(first)

    async with asyncio.timeout(5):
        await made.take(job(3, File().letter))
