"""A worker's rounds at the queue: what it asks, what it remembers, and what it gives back."""

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from mail import rounds
from mail.claiming import Hands
from mail.letters import Letters
from mail.models import Lane, Mail, Server
from mail.rounds import Memory
from tests.mail.conftest import MakeMails

pytestmark = pytest.mark.django_db

TRANSACTIONAL = (Lane.TRANSACTIONAL.value,)


def take(memory: Memory) -> rounds.Round:
    return rounds.take(TRANSACTIONAL, owner="me", hands=Hands(TRANSACTIONAL), memory=memory)


def looks(queries: CaptureQueriesContext) -> int:
    return sum("LEFT JOIN mail_server AS server" in query["sql"] for query in queries.captured_queries)


def test_while_there_is_mail_to_take_one_look_is_good_for_some_rounds(
    server: Server, make_mails: MakeMails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "MOMENT", 3600)
    make_mails("r1@levante.example")
    memory = Memory()

    with CaptureQueriesContext(connection) as first:
        assert len(take(memory).jobs) == 1
    make_mails("r2@levante.example")
    with CaptureQueriesContext(connection) as second:
        assert len(take(memory).jobs) == 1

    assert (looks(first), looks(second)) == (1, 0)


def test_a_round_that_found_nothing_looks_anew_next_time(
    server: Server, make_mails: MakeMails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "MOMENT", 3600)
    memory = Memory()
    assert not take(memory).jobs

    make_mails("r1@levante.example")

    assert len(take(memory).jobs) == 1


def test_a_look_holds_for_a_moment_only(server: Server, make_mails: MakeMails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MOMENT", 0)
    make_mails("r1@levante.example", "r2@levante.example")
    memory = Memory()
    assert len(take(memory).jobs) == 2
    make_mails("r3@levante.example")

    Server.objects.update(is_paused=True)

    assert not take(memory).jobs


def test_what_was_claimed_and_could_not_be_read_goes_back_untouched(
    server: Server, make_mails: MakeMails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "MOMENT", 3600)
    [mail] = make_mails("r1@levante.example")
    memory = Memory()

    def fail(*args: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(Letters, "of", fail)
        with pytest.raises(OperationalError):
            take(memory)
    assert Mail.objects.get().state == "sending"

    # Given back first, and then taken like any other.
    assert [job.mail.id for job in take(memory).jobs] == [mail.pk]
    assert (Mail.objects.get().fence, Mail.objects.get().tries, Mail.objects.get().uncertain) == (2, 0, 0)
