"""Pages over many rows: 200,000 mails, a thread of 2,000 messages. Runs inside an installation on PostgreSQL."""

FILL_AND_MEASURE = r"""
import json, random, time
from statistics import median
from urllib.parse import urlencode
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection, reset_queries
from django.test import Client
from django.test.utils import setup_test_environment
from chatter.models import Message
from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Contact, Content, Mail, Server

random.seed(1)
setup_test_environment()
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
user = User.objects.create_superuser("bench", "bench@miempresa.test", "x")
other = User.objects.create_user("other", "other@miempresa.test")
server = Server.objects.create(name="Bench", host="127.0.0.1", port=9)
record = Opportunity.objects.create(name="Flota", responsible=user)
kind = ContentType.objects.get_for_model(Opportunity)
words = "presupuesto factura pedido oferta renovación mantenimiento flota almacén barrica hotel".split()
contents = Content.objects.bulk_create(
    Content(subject=f"{random.choice(words)} {random.choice(words)} {n}", message_id=f"<{n}@x>", html="<p>x</p>")
    for n in range(5000)
)
states = ["sent"] * 95 + ["failed"] * 2 + ["cancelled"] * 2 + ["queued"]
def mail(n):
    content = contents[n % len(contents)]
    address = f"{random.choice(words)}{n}@empresa{n % 700}.example"
    return Mail(
        content=content, recipient_address=address, user=user if n % 2 else other, server=server,
        state=random.choice(states), document_type=kind, document_id=record.pk, document_name="Flota",
        plan_version=10**6, search=f"{content.subject} {address} flota",
    )
for start in range(0, 200_000, 5000):
    Mail.objects.bulk_create(mail(n) for n in range(start, start + 5000))
contact = user.contact
Message.objects.bulk_create(
    Message(thread=record.thread, author=contact, user=user, body=f"<p>Mensaje {n}</p>") for n in range(2000)
)
with connection.cursor() as cursor:
    cursor.execute("ANALYZE")
client = Client(headers={"accept-language": "es"})
client.force_login(user)
def measure(url):
    page = client.get(url)
    assert page.status_code == 200, (url, page.status_code)
    times = []
    connection.force_debug_cursor = True
    for _ in range(7):
        reset_queries()
        began = time.perf_counter()
        page = client.get(url)
        times.append((time.perf_counter() - began) * 1000)
    queries = len(connection.queries)
    connection.force_debug_cursor = False
    return [median(times), queries], page
base = "/settings/mail/mails/"
figures = {}
figures["e-mails, first page"], page = measure(base)
panel = page.context["panel"]
figures["e-mails, next page"], _ = measure(base + "?" + urlencode(panel.page.next))
for state in ("queued", "sent", "failed", "cancelled"):
    figures[f"e-mails, {state}"], _ = measure(f"{base}?state={state}")
figures["e-mails, search for a common word"], _ = measure(base + "?q=factura")
figures["e-mails, search for a rare word"], _ = measure(base + "?q=hotel199999")
figures["e-mails, search for what is not there"], _ = measure(base + "?q=zzzzzz")
figures["record with 2,000 messages"], _ = measure(record.get_absolute_url())
print(json.dumps(figures))
"""
