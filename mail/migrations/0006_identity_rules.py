"""The default From by kind of document, and DMARC protection that looks policies up."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("mail", "0005_oauth"),
    ]

    operations = [
        migrations.CreateModel(
            name="IdentityRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField(default=0)),
                ("default_from", models.CharField(max_length=254, verbose_name="default from address")),
                (
                    "document_type",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="contenttypes.contenttype",
                        verbose_name="document type",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="auth.group",
                        verbose_name="team",
                    ),
                ),
            ],
            options={
                "verbose_name": "identity rule",
                "verbose_name_plural": "identity rules",
                "ordering": ["position", "pk"],
            },
        ),
        migrations.AddField(
            model_name="mail",
            name="team",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="auth.group",
            ),
        ),
        migrations.AlterField(
            model_name="options",
            name="dmarc_protection",
            field=models.CharField(
                choices=[("never", "Never"), ("always", "Always"), ("automatic", "Automatic")],
                default="never",
                max_length=9,
                verbose_name="DMARC protection",
            ),
        ),
    ]
