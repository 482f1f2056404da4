"""What README.md tells a newcomer is so."""

import re

from django.conf import settings
from django.core.management import get_commands, load_command_class

from tests.lab.stack import PROJECT

README = (PROJECT / "README.md").read_text()


def test_the_first_command_is_the_one_that_runs_everything() -> None:
    commands = re.findall(r"^ {4}(\S.*)$", README, re.MULTILINE)

    assert commands[0] == "make run"


def test_every_make_target_that_it_names_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    targets = set(re.findall(r"`?make ([a-z-]+)", README))

    assert {"run", "test", "test-fast", "lint", "bench"} <= targets
    assert [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_every_command_that_it_names_exists_and_speaks_json() -> None:
    known = get_commands()
    table = README.partition("## Commands")[2].partition("## ")[0]
    named = re.findall(r"`(mail_\w+|demo)\b", table)

    assert {"mail_config", "mail_route", "mail_work", "mail_queue", "mail_retry", "mail_cancel", "mail_test"} <= {
        *named
    }
    for name in named:
        assert name in known
        command = load_command_class(str(known[name]), name)
        assert "--json" in command.create_parser("manage.py", name).format_help(), name


def test_every_setting_of_the_table_is_read_and_has_that_default() -> None:
    source = (PROJECT / "daeris" / "settings.py").read_text()
    table = README.partition("| setting |")[2].partition("## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in table.splitlines()[2:] if line.startswith("|")]

    for names, default in rows:
        for name in re.findall(r"`(\w+)`", names):
            assert f'"{name}"' in source, name
            if default:
                value = getattr(settings, name)
                assert default == (",".join(map(str, value)) if isinstance(value, list) else str(value)), name
