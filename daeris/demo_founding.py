"""How the demo company comes into being, from what stands in `demo_company.json`."""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.files.base import ContentFile
from django.utils.timezone import localdate, now

from chatter.models import Follower, Message
from chatter.tracking import snapshot, track
from daeris.documents.models import Invoice, Opportunity, SaleOrder
from daeris.documents.models.base import Document
from daeris.models import User
from mail.attachments import store
from mail.models import Attachment, Contact, Domain, Options, Server

DOMAIN = "miempresa.example"
DEMO_SERVER = "Buzón de demostración"


class Founding:
    """The company while it comes into being: who is known already, by name."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = json.loads(Path(__file__).with_name("demo_company.json").read_text())
        self.today: date = localdate()
        self.users: dict[str, User] = {}
        self.contacts: dict[str, Contact] = {}
        self.records: dict[tuple[str, str], Any] = {}
        self.products = cycle(self.data["products"])

    def found(self) -> None:
        self.mail_settings()
        for row in self.data["users"]:
            self.user(row)
        for row in self.data["contacts"]:
            self.contacts[row["name"]] = Contact.objects.create(**row)
        self.opportunities()
        self.orders()
        self.invoices()
        for row in self.data["conversations"]:
            self.conversation(row)

    def mail_settings(self) -> None:
        """One server, for the company's own domain; its port is told by `set_demo_server`."""
        Domain.objects.get_or_create(
            name=DOMAIN,
            defaults={
                "default_from": "notificaciones",
                "is_default": not Domain.objects.filter(is_default=True).exists(),
            },
        )
        Server.objects.get_or_create(
            name=DEMO_SERVER,
            is_environment=False,
            defaults={"host": "127.0.0.1", "port": 2525, "from_filter": DOMAIN},
        )
        options = Options.load()
        options.custom_servers = True
        options.save(update_fields=["custom_servers"])
        Options.raise_version()

    def user(self, row: dict[str, Any]) -> None:
        user = User.objects.create(
            username=row["username"],
            first_name=row["first_name"],
            last_name=row["last_name"],
            email=f"{row['username']}@{DOMAIN}",
            is_superuser=row.get("superuser", False),
        )
        user.user_permissions.set(_permissions(row))
        Contact.objects.filter(user=user).update(notify=row["notify"])
        self.users[user.username] = User.objects.get(pk=user.pk)

    def opportunities(self) -> None:
        for name, customer, responsible, stage, revenue, closes, priority, team, source in self.data["opportunities"]:
            record = Opportunity.objects.create(
                name=name,
                customer=self.contacts[customer],
                responsible=self.users[responsible],
                stage=stage,
                expected_revenue=Decimal(revenue),
                probability=Opportunity.USUAL_PROBABILITY[stage],
                closes_on=self.today + timedelta(days=closes),
                priority=priority,
                team=self.team(team),
                source=source,
            )
            self.records["opportunity", name] = record
            # The flagship has the lines that add up to its revenue; the others come before their lines do.
            if name == self.data["opportunities"][-1][0]:
                self.lines(record, self.data["products"][:3])

    def orders(self) -> None:
        for customer, responsible, stage, days, reference in self.data["orders"]:
            ordered = self.today + timedelta(days=days)
            record = SaleOrder.objects.create(
                customer=self.contacts[customer],
                responsible=self.users[responsible],
                stage=stage,
                ordered_on=ordered,
                valid_until=ordered + timedelta(days=30),
                reference=reference,
                team=self.team("Ventas"),
            )
            self.records["order", customer] = record
            self.lines(record, islice(self.products, 2 + record.pk % 3))

    def invoices(self) -> None:
        for customer, has_order, stage, days, due in self.data["invoices"]:
            order = self.records["order", customer] if has_order else None
            record = Invoice.objects.create(
                customer=self.contacts[customer],
                responsible=self.users["lucia"],
                stage=stage,
                invoiced_on=self.today + timedelta(days=days),
                due_on=self.today + timedelta(days=due),
                order=order,
                team=self.team("Facturación"),
            )
            self.records["invoice", customer] = record
            ordered = order.lines.values_list("product", "description", "quantity", "price") if order else ()
            self.lines(record, ordered or islice(self.products, 1 + record.pk % 3))

    def team(self, name: str) -> Group:
        return Group.objects.get_or_create(name=name)[0]

    def lines(self, record: Any, rows: Iterable[Any]) -> None:
        model = record.lines.model
        model.objects.bulk_create(
            model(document=record, product=product, description=description, quantity=quantity, price=str(price))
            for product, description, quantity, price in rows
        )

    def conversation(self, row: dict[str, Any]) -> None:
        """What was said before anyone followed has left by no e-mail; what is said now does."""
        record = self.records[tuple(row["about"])]
        if start := row.get("start"):
            type(record).objects.filter(pk=record.pk).update(stage=start)
            record.refresh_from_db()
        for entry in row["before"]:
            self.say(record, entry)
        for name in row["followers"]:
            who = self.users.get(name) or self.contacts[name]
            is_user = name in self.users
            record.follow(who)
            contact = self.users[name].contact if is_user else self.contacts[name]
            Follower.objects.filter(thread=record.thread, contact=contact).update(
                wants_notes=is_user, wants_changes=is_user
            )
        for entry in row["now"]:
            self.say(record, entry)

    def say(self, record: Document, entry: dict[str, Any]) -> None:
        author = self.users.get(entry["by"]) or self.contacts[entry["by"]]
        if stage := entry.get("stage"):
            before = snapshot(record)
            record.save(update_fields=record.enter(stage))
            message = track(record, before, author)
        else:
            files = [self.file(entry["file"], author)] if "file" in entry else []
            message = record.post(
                author=author, body=entry["body"], kind=entry.get("kind", Message.Kind.MESSAGE), attachments=files
            )
        if message and (hours := entry.get("hours")):
            Message.objects.filter(pk=message.pk).update(created_at=now() - timedelta(hours=hours))

    def file(self, name: str, owner: Any) -> Attachment:
        content = ContentFile(one_page_pdf("Condiciones de mantenimiento anual"), name=name)
        return store(content, name=name, content_type="application/pdf", owner=owner)


def _permissions(row: dict[str, Any]) -> list[Permission]:
    """What a colleague may do, beside reading and writing notes."""
    wanted = {("chatter", "use_notes")}
    for verbs, models in ((("view", "add", "change", "delete"), "manages"), (("view",), "reads")):
        for path in row.get(models, ()):
            app, model = path.split(".")
            wanted |= {(app, f"{verb}_{model}") for verb in verbs}
    every = Permission.objects.select_related("content_type")
    return [one for one in every if (one.content_type.app_label, one.codename) in wanted]


def one_page_pdf(title: str) -> bytes:
    """The smallest PDF that says something: one A4 page with a title."""
    drawing = b"BT /F1 24 Tf 72 740 Td (" + title.encode("cp1252") + b") Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawing), drawing),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    pdf, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(pdf))
        pdf += b"%d 0 obj%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    tail = b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return pdf + tail % (len(objects) + 1, table, len(objects) + 1, len(pdf))
