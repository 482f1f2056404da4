"""What workers and people may do to a mail, in any order: the table and the model of design §6 agree."""

import os

import hypothesis
import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.mail.state_machine import Mails


@pytest.mark.django_db
def test_the_table_and_the_model_agree_whatever_happens() -> None:
    examples = int(os.environ.get("HYPOTHESIS_EXAMPLES") or 25)
    settings = hypothesis.settings(max_examples=examples, stateful_step_count=30)
    run_state_machine_as_test(Mails, settings=settings)
