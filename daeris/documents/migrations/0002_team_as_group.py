import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TEAM = {"blank": True, "null": True, "on_delete": django.db.models.deletion.SET_NULL, "related_name": "+"}


class Migration(migrations.Migration):
    """Every document may belong to a team, which is a group; what opportunities called so is put aside."""

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("documents", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RenameField("opportunity", "team", "team_name"),
        *(
            migrations.AddField(model, "team", models.ForeignKey(to="auth.group", verbose_name="team", **TEAM))
            for model in ("opportunity", "saleorder", "invoice")
        ),
    ]
