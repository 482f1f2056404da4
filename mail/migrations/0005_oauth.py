"""Logging in by OAuth2."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mail.fields


class Migration(migrations.Migration):
    dependencies = [
        ("mail", "0004_limits_and_pauses"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="OAuthClient",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "provider",
                    models.CharField(
                        choices=[("google", "Google"), ("microsoft", "Microsoft")], max_length=9, unique=True
                    ),
                ),
                ("client_id", models.CharField(blank=True, max_length=300, verbose_name="client id")),
                ("client_secret", mail.fields.EncryptedField(blank=True, editable=False, verbose_name="client secret")),
                ("tenant", models.CharField(blank=True, max_length=200, verbose_name="tenant")),
            ],
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "provider",
                    models.CharField(choices=[("google", "Google"), ("microsoft", "Microsoft")], max_length=9),
                ),
                ("account", models.CharField(blank=True, max_length=320)),
                ("scopes", models.TextField(blank=True)),
                ("access_token", mail.fields.EncryptedField(blank=True, editable=False)),
                ("refresh_token", mail.fields.EncryptedField(blank=True, editable=False)),
                ("expires_at", models.DateTimeField(editable=False, null=True)),
                ("connected_at", models.DateTimeField(editable=False, null=True)),
                ("refreshed_at", models.DateTimeField(editable=False, null=True)),
                ("failure", models.CharField(blank=True, editable=False, max_length=60)),
                ("failed_at", models.DateTimeField(editable=False, null=True)),
                (
                    "connected_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "server",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="grant", to="mail.server"
                    ),
                ),
            ],
        ),
    ]
