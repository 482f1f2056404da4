"""The bell over a real Redis: quick when it rings, and of no importance when it does not."""

import pytest

from tests.lab.fixtures import StartStack
from tests.lab.redis import Redis
from tests.lab.waiting import eventually
from tests.peers.installation import mails, post
from tests.smtp_double import SmtpDouble

pytestmark = pytest.mark.peers

# A worker whose engine looks at the table by itself once in an hour: whatever it does sooner, it was rung for.
DEAF_WORKER = """
import django
from celery.__main__ import main

django.setup()
from mail import engine

engine.POLL_SECONDS = 3600
main()
"""


def test_a_post_reaches_its_follower_at_once(start_stack: StartStack, smtp_double: SmtpDouble) -> None:
    stack = start_stack("postgres", EMAIL_URL=smtp_double.url)
    stack.worker(code=DEAF_WORKER)

    post(stack)

    (mail,) = smtp_double.wait_for(1)
    assert mail.recipients == ("julia@acme.test",)
    assert mail.message["From"] == "alicia <alicia@miempresa.test>"


@pytest.mark.parametrize("trouble", ["dead", "frozen"])
def test_without_redis_a_post_is_as_quick_and_its_mail_still_leaves(
    start_stack: StartStack, smtp_double: SmtpDouble, redis: Redis, trouble: str
) -> None:
    stack = start_stack("postgres", EMAIL_URL=smtp_double.url)
    worker = stack.worker()
    (usual_first,) = post(stack)
    smtp_double.wait_for(1)

    with redis.dead() if trouble == "dead" else redis.frozen():
        # Of three processes the quickest at each post: a busy machine holds up one or another of them.
        first, *others = map(min, *[post(stack, 20) for _ in range(3)])

        # One wait of 0.3 s, not two, and then the bell is silent and costs nothing.
        assert first < usual_first + 0.3 + 0.25
        assert max(others) < 0.3
        # The engine looks at the table by itself.
        smtp_double.wait_for(61, deadline=15)
        assert worker.is_running


def test_a_worker_hears_the_bell_again_when_redis_is_back(
    start_stack: StartStack, smtp_double: SmtpDouble, redis: Redis
) -> None:
    stack = start_stack("postgres", EMAIL_URL=smtp_double.url)
    worker = stack.worker()
    redis.stop()
    worker.wait_for_output("Connection to broker lost")
    redis.start()
    eventually(lambda: worker.output().count("Connected to redis") == 2, deadline=20, says=worker.output)

    post(stack)

    smtp_double.wait_for(1)
    assert mails(stack, "recipient_address") == [("julia@acme.test",)]


BURST = """
import json, time
import redis
from django.conf import settings
from django.core.mail import send_mail
from mail import bell
from mail.models import Lane
from tests.lab.waiting import eventually

client = redis.Redis.from_url(settings.REDIS_URL)
lane = Lane.TRANSACTIONAL

def send():
    send_mail("Hello", "Hello", "ana@miempresa.test", ["julia@acme.test"])

def asked():
    return client.info("commandstats").get("cmdstat_set", {}).get("calls", 0)

send()  # its connections stand
bell.heard(lane, lambda: None)
eventually(lambda: not client.exists(bell._key(lane)), deadline=5)
before, began = asked(), time.monotonic()
for _ in range(50):
    send()
moments = (time.monotonic() - began) / bell.MOMENT_SECONDS
looks = []
bell.heard(lane, lambda: looks.append(time.monotonic()))
last = time.monotonic()
send()  # whoever heard the others will look once more
eventually(lambda: looks[-1] > last, deadline=5)
print(json.dumps([asked() - before, moments]))
"""


def test_a_burst_of_mails_asks_redis_once_in_a_moment(start_stack: StartStack, redis: Redis) -> None:
    stack = start_stack("postgres", EMAIL_URL="smtp://127.0.0.1:9")

    questions, moments = stack.python(BURST)

    assert 1 <= questions <= moments + 3


def test_a_schedule_and_a_worker_tidy_up_after_a_dead_one(start_stack: StartStack, smtp_double: SmtpDouble) -> None:
    stack = start_stack("sqlite", EMAIL_URL=smtp_double.url, MAIL_LEASE_SECONDS=2, MAIL_BACKOFF_SECONDS=1)
    smtp_double.hang("DATA", times=1)
    worker = stack.worker("transactional", "background")
    post(stack)
    eventually(lambda: "DATA" in [command.upper() for command in smtp_double.commands])
    worker.kill()

    stack.beat()
    stack.worker("transactional", "background")

    smtp_double.wait_for(1, deadline=15)
    eventually(lambda: stack.states() == {"sent": 1})
    assert stack.sql("SELECT cause FROM mail_attempt ORDER BY id") == [("worker_lost",), ("",)]
