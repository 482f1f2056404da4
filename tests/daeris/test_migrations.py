"""The tables that migrations make are those that the models describe."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


@pytest.mark.django_db
def test_no_model_waits_for_a_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db
def test_every_migration_can_be_undone() -> None:
    executor = MigrationExecutor(connection)

    for migration in executor.loader.graph.nodes.values():
        assert all(operation.reversible for operation in migration.operations), migration
