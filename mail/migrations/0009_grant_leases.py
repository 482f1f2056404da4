"""Whose turn it is to ask for a new token, and where tokens may be shown."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mail", "0008_probes")]

    operations = [
        migrations.AddField(
            model_name="grant",
            name="place",
            field=models.CharField(blank=True, default="", editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="grant",
            name="refreshing_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
