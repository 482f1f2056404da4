"""Trigram indexes for the search box, where the database offers them.

They hold settled mail only. Every change of a row's state writes all its index entries anew, and those of a trigram
index are many: with mail on its way inside, claiming and settling took three times as long.
"""

from django.db import DatabaseError, migrations, transaction

SETTLED = "state IN ('sent', 'failed', 'bounced', 'cancelled')"
INDEXES = {
    "mail_search_words": "search",
    "mail_search_recipient": "UPPER(recipient_address)",
}


def create(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql" or not _has_trigrams(schema_editor):
        return
    for name, what in INDEXES.items():
        schema_editor.execute(
            f"CREATE INDEX IF NOT EXISTS {name} ON mail_mail USING gin ({what} gin_trgm_ops) WHERE {SETTLED}"
        )


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


def _has_trigrams(schema_editor):
    """Whether pg_trgm is there, or may be made by this role. Without it searches read more, and find the same."""
    try:
        with transaction.atomic(using=schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError:
        return False
    return True


class Migration(migrations.Migration):
    dependencies = [("mail", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
