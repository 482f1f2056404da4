import json
import re

from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.core.mail import send_mail
from django.core.management.base import BaseCommand
from django.test import Client

import mail
from helpdesk.models import Ticket
from mail.models import Contact, Mail


class Command(BaseCommand):
    help = "Use the project as its people would, and print what was seen."

    def handle(self, *args, **options):
        ana = User.objects.create_superuser("ana", "ana@ayuda.example", "una-clave-larga")
        ticket = Ticket.objects.create(title="La impresora no imprime")
        ticket.follow(Contact.objects.create(name="Julia", email="julia@levante.example"))
        ticket.post(author=ana, body="<p>¿Está encendida?</p>")
        send_mail("Copia", "Hecha", None, ["copias@levante.example"])
        pages = {"/login/": Client().get("/login/")}
        client = Client()
        client.force_login(ana)
        mails = "/settings/mail/mails/"
        for path in (
            ticket.get_absolute_url(),
            mails,
            f"{mails}{Mail.objects.first().pk}/",
            "/settings/mail/servers/",
            "/settings/mail/aliases/",
            "/settings/general/",
            "/search/?q=printer",
        ):
            pages[path] = client.get(path)
        html = "".join(page.content.decode() for page in pages.values())
        seen = {
            "from": mail.__file__,
            "mails": sorted(Mail.objects.values_list("recipient_address", flat=True)),
            "pages": {path: [page.status_code, page.content.decode()] for path, page in pages.items()},
            "static": {name: finders.find(name) for name in sorted(set(re.findall(r'/static/([^"?]+)', html)))},
        }
        self.stdout.write(json.dumps(seen))
