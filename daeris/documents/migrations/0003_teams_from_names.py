from django.db import migrations


def groups_from_names(apps, schema_editor):
    opportunities = apps.get_model("documents", "Opportunity").objects
    groups = apps.get_model("auth", "Group").objects
    for name in opportunities.exclude(team_name="").order_by().values_list("team_name", flat=True).distinct():
        group, _ = groups.get_or_create(name=name)
        opportunities.filter(team_name=name).update(team=group)


def names_from_groups(apps, schema_editor):
    opportunities = apps.get_model("documents", "Opportunity").objects
    groups = apps.get_model("auth", "Group").objects
    for group in groups.filter(pk__in=opportunities.exclude(team=None).values("team")):
        opportunities.filter(team=group).update(team_name=group.name[:100])


class Migration(migrations.Migration):
    """The teams that opportunities were written with become groups of that name."""

    dependencies = [("documents", "0002_team_as_group")]

    operations = [migrations.RunPython(groups_from_names, names_from_groups)]
