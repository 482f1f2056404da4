"""Tokens in addresses: signed by the newest key, read with all of them."""

from typing import Any

import pytest

from mail import tokens

OLD, NEW = "o" * 40, "n" * 40


@pytest.mark.parametrize("number", [0, 1, 255, 256, 2**63 - 1])
def test_a_token_gives_its_number_back_and_fits_into_an_address(number: int) -> None:
    token = tokens.make("reply", number)

    assert tokens.read("reply", token) == tokens.read("reply", token.upper()) == number
    assert len(f"notificaciones+{token}") <= 64


def test_a_token_is_good_for_its_own_use_only(settings: Any) -> None:
    token = tokens.make("reply", 7)
    other = ("a" if token[0] != "a" else "b") + token[1:]

    assert [
        tokens.read("bounce", token),
        tokens.read("reply", other),
        tokens.read("reply", ""),
        tokens.read("reply", "ñ"),
    ] == [None] * 4


def test_the_first_key_signs_and_all_of_them_verify(settings: Any) -> None:
    settings.DAERIS_TOKEN_KEY = OLD
    before = tokens.make("reply", 7)

    settings.DAERIS_TOKEN_KEY = f"{NEW}, {OLD}"
    after = tokens.make("reply", 7)
    assert tokens.read("reply", before) == tokens.read("reply", after) == 7

    settings.DAERIS_TOKEN_KEY = NEW
    assert (tokens.read("reply", before), tokens.read("reply", after)) == (None, 7)
