"""Provider, client certificate, and what stands under “Advanced” on the form of a server."""

import django.core.validators
from django.db import migrations, models

import mail.fields


class Migration(migrations.Migration):
    dependencies = [
        ("mail", "0002_search_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="server",
            name="preset",
            field=models.CharField(
                choices=[
                    ("own", "Own domain"),
                    ("gmail", "Gmail"),
                    ("outlook", "Outlook"),
                    ("microsoft365", "Microsoft 365"),
                    ("ses", "Amazon SES"),
                    ("sendgrid", "SendGrid"),
                    ("mailgun", "Mailgun"),
                    ("brevo", "Brevo"),
                    ("postmark", "Postmark"),
                    ("other", "Other"),
                ],
                default="other",
                max_length=12,
                verbose_name="provider",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="client_certificate",
            field=models.TextField(blank=True, verbose_name="SSL certificate"),
        ),
        migrations.AddField(
            model_name="server",
            name="client_key",
            field=mail.fields.EncryptedField(blank=True, editable=False, verbose_name="SSL private key"),
        ),
        migrations.AlterField(
            model_name="server",
            name="authentication",
            field=models.CharField(
                choices=[
                    ("none", "No authentication"),
                    ("password", "User name"),
                    ("certificate", "SSL certificate"),
                    ("google", "Google (OAuth)"),
                    ("microsoft", "Microsoft (OAuth)"),
                ],
                default="none",
                max_length=11,
                verbose_name="authenticate with",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="ehlo_name",
            field=models.CharField(blank=True, max_length=253, verbose_name="EHLO name"),
        ),
        migrations.AddField(
            model_name="server",
            name="connect_seconds",
            field=models.PositiveSmallIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(300)],
                verbose_name="seconds to connect",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="command_seconds",
            field=models.PositiveSmallIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(600)],
                verbose_name="seconds per command",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="data_seconds",
            field=models.PositiveSmallIntegerField(
                blank=True,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(10),
                    django.core.validators.MaxValueValidator(3600),
                ],
                verbose_name="seconds after the content",
            ),
        ),
        migrations.AlterField(
            model_name="server",
            name="max_connections",
            field=models.PositiveSmallIntegerField(
                default=10,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(500)],
                verbose_name="connections per worker",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="extra_headers",
            field=models.TextField(blank=True, verbose_name="extra headers"),
        ),
        migrations.AddField(
            model_name="server",
            name="largest_mail",
            field=models.PositiveBigIntegerField(blank=True, null=True, verbose_name="largest e-mail (bytes)"),
        ),
    ]
