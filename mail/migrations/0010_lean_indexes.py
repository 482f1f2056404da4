"""Indexes that cost less: every change of a state writes an entry of each."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("mail", "0009_grant_leases"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="mail",
            name="mail_due",
        ),
        migrations.RemoveIndex(
            model_name="mail",
            name="mail_document",
        ),
        migrations.AlterField(
            model_name="mail",
            name="asked_server",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="mail.server",
            ),
        ),
        migrations.AlterField(
            model_name="mail",
            name="contact",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="mail.contact",
            ),
        ),
        migrations.AlterField(
            model_name="mail",
            name="document_type",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="contenttypes.contenttype",
            ),
        ),
        migrations.AlterField(
            model_name="mail",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("state", "queued")), fields=["lane", "server", "due_at", "id"], name="mail_due"
            ),
        ),
        migrations.AddIndex(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("state", "queued"), ("urgent", True)),
                fields=["lane", "server", "due_at"],
                name="mail_urgent",
            ),
        ),
        migrations.AddIndex(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("document_type__isnull", False)),
                fields=["document_type", "document_id"],
                name="mail_document",
            ),
        ),
        migrations.AddIndex(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("contact__isnull", False)), fields=["contact"], name="mail_of_contact"
            ),
        ),
        migrations.AddIndex(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("asked_server__isnull", False)),
                fields=["asked_server"],
                name="mail_of_asked_server",
            ),
        ),
    ]
