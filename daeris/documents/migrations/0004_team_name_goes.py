from django.db import migrations


class Migration(migrations.Migration):
    """The names of teams are those of their groups now."""

    dependencies = [("documents", "0003_teams_from_names")]

    operations = [migrations.RemoveField("opportunity", "team_name")]
