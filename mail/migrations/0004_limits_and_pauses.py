"""How much may leave through a server, how much has, and what is paused."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mail", "0003_server_details"),
    ]

    operations = [
        migrations.AddField(
            model_name="server",
            name="limit_minute",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="e-mails per minute",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="limit_hour",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="e-mails per hour",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="limit_day",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="e-mails per day",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="limit_connections",
            field=models.PositiveSmallIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="simultaneous connections",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="is_paused",
            field=models.BooleanField(default=False, verbose_name="paused"),
        ),
        migrations.AddField(
            model_name="server",
            name="slowed_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="server",
            name="slowed_reply",
            field=models.TextField(blank=True, editable=False),
        ),
        migrations.AddField(
            model_name="options",
            name="mass_paused",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="options",
            name="transactional_paused",
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name="Usage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "window",
                    models.CharField(choices=[("minute", "Minute"), ("hour", "Hour"), ("day", "Day")], max_length=6),
                ),
                ("slice", models.PositiveBigIntegerField()),
                ("count", models.PositiveIntegerField()),
                (
                    "server",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="mail.server"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("server", "window", "slice"), name="usage_slice")],
            },
        ),
        migrations.CreateModel(
            name="ConnectionShare",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("owner", models.CharField(max_length=100)),
                ("connections", models.PositiveSmallIntegerField()),
                ("lease_until", models.DateTimeField()),
                (
                    "server",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="mail.server"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("server", "owner"), name="share_of_a_worker")],
            },
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hour", models.DateTimeField()),
                ("sent", models.PositiveIntegerField(default=0)),
                ("failed", models.PositiveIntegerField(default=0)),
                (
                    "server",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="mail.server"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("server", "hour"), name="tally_hour")],
            },
        ),
    ]
