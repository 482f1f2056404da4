"""The laboratory itself: each server starts, does its part, and leaves nothing."""

import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from redis import Redis as RedisClient

from tests.lab import ports
from tests.lab.ca import Authority
from tests.lab.policy import Greylist
from tests.lab.postfix import RECIPIENTS, USERS, Postfix
from tests.lab.postgres import Postgres
from tests.lab.proc import MissingPackageError, Process, program
from tests.lab.redis import Redis
from tests.lab.waiting import DeadlineError, eventually

MESSAGE = b"Subject: Hello\r\n\r\nHello\r\n"


def test_ports_are_private_and_below_the_ephemeral_range() -> None:
    mine = [ports.free_port() for _ in range(ports.SPAN + 5)]
    code = "from tests.lab import ports; print([ports.free_port() for _ in range(5)])"
    theirs = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert len(set(mine)) == len(mine)
    assert max(mine) < 32768
    assert not set(mine) & set(eval(theirs))


def test_waiting_ends_with_the_truth_or_with_the_story() -> None:
    answers = iter([0, 0, 7])
    assert eventually(lambda: next(answers), every=0) == 7
    with pytest.raises(DeadlineError, match="the server is up"):
        eventually(lambda: False, deadline=0, says="the server is up")


def test_a_missing_program_names_its_package() -> None:
    with pytest.raises(MissingPackageError, match="apt-get install unheard-of"):
        program("no-such-program", package="unheard-of")


def test_a_process_that_ends_early_is_told_with_what_it_said(tmp_path: Path) -> None:
    process = Process("failing", [sys.executable, "-c", "print('no luck'); exit(3)"], log=tmp_path / "log")
    with pytest.raises(AssertionError, match=r"failing ended with 3; failing said:\nno luck"):
        process.wait_for_port(ports.free_port())


def test_a_process_that_does_not_listen_to_its_signal_is_killed(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    process = Process("deaf", [sys.executable, "-c", code], log=tmp_path / "log")
    process.wait_for_output("deaf")
    with pytest.raises(AssertionError, match="did not end within"):
        process.stop(deadline=0.1)
    assert not process.is_running


@pytest.mark.skipif(not shutil.which("setpriv"), reason="Linux only")
def test_a_killed_run_leaves_no_server_behind(tmp_path: Path) -> None:
    run = f"""
import os, pathlib, sys
from tests.lab.proc import Process
log = pathlib.Path({str(tmp_path / "log")!r})
process = Process("server", [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(60)"], log=log)
process.wait_for_output("up")
print(process.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, timeout=30)
    assert killed.returncode == -9
    pid = int(killed.stdout)

    def is_gone() -> bool:
        # Ended, or a zombie that nobody has collected yet.
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"

    eventually(is_gone)


@pytest.mark.parametrize("wrong", ["expired", "wrong_host", "untrusted"])
def test_wrong_certificates_are_refused_by_who_checks(authority: Authority, wrong: str) -> None:
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    assert _handshake(authority.server.server_context(), trust) == ""
    assert "CERTIFICATE_VERIFY_FAILED" in _handshake(getattr(authority, wrong).server_context(), trust)


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> str:
    """The client's complaint, if any, in a handshake without a network."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(3):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return str(error)
    return ""


def test_greylisting_puts_off_once(greylist: Greylist) -> None:
    def ask() -> bytes:
        with socket.create_connection(("127.0.0.1", greylist.port), timeout=5) as client:
            client.sendall(b"request=smtpd_access_policy\nsender=a@lab.test\nrecipient=b@lab.test\n\n")
            return client.recv(1000)

    assert ask() == b"action=451 4.7.1 Greylisted, please try again later\n\n"
    assert ask() == b"action=DUNNO\n\n"


@pytest.mark.peers
def test_postgres_makes_and_copies_databases(postgres: Postgres) -> None:
    first = postgres.create_database()
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE kept (number int)")

    with psycopg.connect(postgres.create_database(first)) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


@pytest.mark.peers
def test_redis_stops_and_comes_back(redis: Redis) -> None:
    with RedisClient.from_url(redis.url) as client:
        assert client.ping()
        redis.stop()
        assert not ports.is_listening(redis.port)
        redis.start()
        assert client.ping()


@pytest.mark.peers
def test_postfix_delivers_to_a_maildir_over_every_kind_of_connection(postfix: Postfix, authority: Authority) -> None:
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    alice = "alice@lab.test"
    for name in ("plain", "bare", "starttls", "tls", "submission", "submissions", "login_only"):
        with _connect(postfix, name, trust) as client:
            if "submission" in name or name == "login_only":
                client.login(alice, USERS[alice])
            client.sendmail(alice, [f"lab-{name}@example.test"], MESSAGE)

        (mail,) = postfix.wait_for(f"lab-{name}@example.test")
        assert (mail.return_path, mail.message["Subject"]) == (alice, "Hello")


@pytest.mark.peers
@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_postfix_refuses_as_written(postfix: Postfix, recipient: str) -> None:
    code, _, text = RECIPIENTS[recipient].partition(" ")
    client = smtplib.SMTP(postfix.host, postfix.ports["refusing"], timeout=5)
    with client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail("alice@lab.test", [recipient], MESSAGE)
    answer = refused.value.recipients[recipient]
    assert (answer[0], text.split()[-1] in answer[1].decode()) == (int(code), True)


def _connect(postfix: Postfix, name: str, trust: ssl.SSLContext) -> smtplib.SMTP:
    port = postfix.ports[name]
    if name in ("tls", "submissions"):
        return smtplib.SMTP_SSL(postfix.host, port, timeout=5, context=trust)
    client = smtplib.SMTP(postfix.host, port, timeout=5)
    if name not in ("plain", "bare"):
        client.starttls(context=trust)
    return client
