"""Queued rows to settled rows: two workers of Celery against the bare loop, in turn."""

import subprocess
import sys
import time
from pathlib import Path

import psycopg

from tests.lab.ports import free_port
from tests.lab.proc import Process, program
from tests.lab.stack import PROJECT, Stack

MAILS = 3000
CONNECTIONS = 20
BODY = "<p>Estimada Julia:</p>" + "<p>La señal acústica funciona según el plan previsto para mañana.</p>" * 22

# Distinct contents: one for each mail. The same content: one for all.
FILL = """
import sys
from django.db import transaction
from mail.addresses import Mailbox
from mail.composing import new_message_id
from mail.models import Content
from mail.queue import Recipient, enqueue
total, contents, body = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
each = total // contents
with transaction.atomic():
    for number in range(contents):
        content = Content.objects.create(subject=f"Oferta {number} mañana", html=body, author_name="Ana",
            author_address="ana@miempresa.test", message_id=new_message_id("miempresa.test"))
        enqueue(content, [Recipient(Mailbox("", f"c{number}-{n}@acme.test")) for n in range(each)], lane="mass")
"""
ENQUEUE = """
import json, sys, time
from django.core.mail import send_mail
body = sys.argv[1]
began = time.perf_counter()
for number in range(300):
    send_mail("Hola", "texto", "ana@miempresa.test", [f"c{number}@acme.test"], html_message=body)
single = time.perf_counter() - began
from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Contact, Mail
from chatter.models import Follower
user = User.objects.create_user(f"u{time.time_ns()}", "u@miempresa.test")
record = Opportunity.objects.create(name="Bench", responsible=user)
contacts = Contact.objects.bulk_create([Contact(name=f"C{n}", email=f"c{n}@acme.test") for n in range(2000)])
thread = record.thread
Follower.objects.bulk_create([Follower(thread=thread, contact=contact) for contact in contacts])
began = time.perf_counter()
record.post(author=user, body=body)
many = time.perf_counter() - began
Mail.objects.all().delete()
print(json.dumps({"send_mail": 300 / single, "post": 2000 / many}))
"""


class Sink:
    """Postfix's smtp-sink: a server in C that accepts everything."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        command = [program("smtp-sink", package="postfix"), "-u", "nobody", f"127.0.0.1:{self.port}", "1024"]
        self.process = Process("sink", command, log=folder / "sink.log")
        self.process.wait_for_port(self.port)


def bare_rate(port: int) -> float:
    """Mails a second of two bare processes together, connections not counted."""
    message = ("Subject: x\n\n" + BODY).encode()[:4500].replace(b"\n", b"\r\n")
    command = [sys.executable, "-m", "tests.bench.bare", str(port), str(MAILS // 2), str(CONNECTIONS)]
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT) for _ in range(2)]
    for process in running:
        assert process.stdin
        process.stdin.write(message)
        process.stdin.close()
    seconds = [float(process.stdout.read()) for process in running if process.stdout]
    for process in running:
        process.wait()
    return MAILS / max(seconds)


def drain_rate(stack: Stack, *, contents: int) -> float:
    """Mails a second from the first that is taken to the last settled row, by two Celery workers."""
    with psycopg.connect(stack.database_url) as database:
        database.execute("TRUNCATE mail_mail, mail_content, mail_attempt CASCADE")
    stack.python(FILL, str(MAILS), str(contents), BODY)
    workers = [stack.worker("mass", name=f"bench{number}-{time.time_ns()}") for number in range(2)]
    deadline = time.monotonic() + 300
    while stack.sql("SELECT count(*) FROM mail_mail WHERE state <> 'sent'")[0][0] > 0:
        if time.monotonic() > deadline:
            raise SystemExit(f"not everything was sent in 300 s: {stack.states()}")
        time.sleep(0.05)
    [(first, last)] = stack.sql(
        "SELECT min(started_at), max(settled_at) FROM mail_attempt JOIN mail_mail ON mail_mail.id = mail_id"
    )
    for worker in workers:
        worker.stop()
    return MAILS / float((last - first).total_seconds())
