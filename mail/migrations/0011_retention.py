"""Words that have been kept long enough go, and the row says when."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mail", "0010_lean_indexes")]

    operations = [
        migrations.AddField(
            model_name="content",
            name="forgotten_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="content",
            index=models.Index(
                condition=models.Q(("forgotten_at", None)), fields=["created_at", "id"], name="content_kept"
            ),
        ),
    ]
