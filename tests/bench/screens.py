"""Pages over many rows: 200,000 mails, a thread of 2,000 messages. Runs inside an installation on PostgreSQL."""

FILL_AND_MEASURE = r"""
import json, random, re, time
from statistics import median
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection, reset_queries
from django.test import Client
from django.core.files.base import ContentFile
from chatter.models import Follower, Message, Notification
from daeris.documents.models import Opportunity, OpportunityLine
from daeris.models import User
from mail.attachments import store
from mail.models import Contact, Content, Mail, Server

random.seed(1)
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
# The same in the midst of work: a company's contacts and colleagues, lines, followers, files, copies of each message.
people = Contact.objects.bulk_create(
    Contact(name=f"{random.choice(words).title()} {n}", email=f"p{n}@empresa{n % 70}.example") for n in range(500)
)
User.objects.bulk_create(User(username=f"colleague{n}", first_name=f"Colega {n}") for n in range(30))
busy = Opportunity.objects.create(name="Hotel", responsible=user, customer=people[7])
OpportunityLine.objects.bulk_create(
    OpportunityLine(document=busy, product=f"Producto {n}", quantity=n, price=n) for n in range(1, 6)
)
Follower.objects.bulk_create(Follower(thread=busy.thread, contact=one) for one in people[:6])
messages = Message.objects.bulk_create(
    Message(thread=busy.thread, author=contact, user=user, body=f"<p>Mensaje {n}</p>") for n in range(2000)
)
copies = iter(Mail.objects.bulk_create(mail(n) for n in range(8000)))
Notification.objects.bulk_create(
    Notification(message=one, contact=people[n], channel="email", mail=next(copies))
    for one in messages
    for n in range(4)
)
for n in range(0, 2000, 4):
    messages[n].attachments.add(store(ContentFile(b"x"), name=f"{n}.txt", content_type="text/plain", owner=user))
with connection.cursor() as cursor:
    cursor.execute("ANALYZE")
client = Client(SERVER_NAME="localhost", headers={"accept-language": "es"})
client.force_login(user)
def measure(url):
    page = client.get(url)
    assert page.status_code == 200, (url, page.status_code)
    times, busy_times = [], []
    for _ in range(9):
        began, worked = time.perf_counter(), time.process_time()
        page = client.get(url)
        times.append((time.perf_counter() - began) * 1000)
        busy_times.append((time.process_time() - worked) * 1000)
    connection.force_debug_cursor = True
    reset_queries()
    client.get(url)
    queries = len(connection.queries)
    connection.force_debug_cursor = False
    return [median(times), median(busy_times), queries], page
base = "/settings/mail/mails/"
figures = {}
figures["e-mails, first page"], page = measure(base)
after = re.search(r'after=[^&"]+', page.content.decode())[0]
figures["e-mails, next page"], _ = measure(f"{base}?{after}")
for state in ("queued", "sent", "failed", "cancelled"):
    figures[f"e-mails, {state}"], _ = measure(f"{base}?state={state}")
figures["e-mails, search for a common word"], _ = measure(base + "?q=factura")
figures["e-mails, search for a rare word"], _ = measure(base + "?q=hotel199999")
figures["e-mails, search for what is not there"], _ = measure(base + "?q=zzzzzz")
figures["record with 2,000 messages"], _ = measure(record.get_absolute_url())
figures["the same with copies, files and lines"], _ = measure(busy.get_absolute_url())
print(json.dumps(figures))
"""
