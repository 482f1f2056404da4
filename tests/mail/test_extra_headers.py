"""Headers of a server: never one of ours, never a way to smuggle in another line."""

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from mail import headers
from mail.extra_headers import MOST_LINES, OURS, InvalidHeaders, headers_of, normalise_headers, parse_headers


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        (" \r\n\n", ""),
        ("X-Empresa: Mi Empresa", "X-Empresa: Mi Empresa"),
        (" X-A :  b \r\nX-C:d: e\r", "X-A: b\nX-C: d: e"),
        ("X-SES-CONFIGURATION-SET: ventas", "X-SES-CONFIGURATION-SET: ventas"),
        ("X-Compañero: no", None),
        ("X-Saludo: ¡Hola!", "X-Saludo: ¡Hola!"),
        ("X-A b: c", None),
        ("X-A", None),
        (": b", None),
        ("X-A:", None),
        ("X-A: b\nx-a: c", None),
        ("X-A: b\x0bBcc: x@b.example", None),
        ("X-A: b\x85Bcc: x@b.example", None),
        ("X-A: b\u2028Bcc: x@b.example", None),
        ("X-A: b\0", None),
        ("X-A: " + "b" * 901, None),
        ("X" * 77 + ": b", None),
        ("\n".join(f"X-{number}: b" for number in range(MOST_LINES + 1)), None),
        ("Resent-From: a@b.example", None),
        ("ARC-Seal: a", None),
        ("Content-Language: es", None),
        *((f"{name}: a", None) for name in sorted(OURS)),
        ("SUBJECT : a", None),
    ],
)
def test_which_lines_are_kept(text: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(InvalidHeaders):
            normalise_headers(text)
        assert headers_of(text) == ()
    else:
        assert normalise_headers(text) == kept
        assert normalise_headers(kept) == kept


def test_our_own_headers_are_ours() -> None:
    wanted = {"from", "to", "cc", "bcc", "sender", "reply-to", "subject", "date", "message-id", "references"}
    assert wanted | {"return-path", "received", "dkim-signature", "mime-version", "content-type"} <= OURS


def test_every_bad_line_is_named_with_its_reason() -> None:
    with translation.override("en"), pytest.raises(InvalidHeaders) as refused:
        parse_headers("Subject: a\nX-Fine: b\nX-Empty:\nnonsense")
    assert refused.value.lines == [
        ("Subject: a", "This header is written by the program itself."),
        ("X-Empty:", "The value is missing."),
        ("nonsense", "A line is a name, a colon and a value, like X-Company: Mi Empresa."),
    ]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_whatever_is_kept_can_be_written_in_one_line(text: str) -> None:
    for name, value in headers_of(text):
        line = headers.text(name, value)
        assert line.endswith("\r\n")
        # Folded lines go on with a space: nothing else begins a line.
        assert all(more.startswith(" ") for more in line.removesuffix("\r\n").split("\r\n")[1:])
        assert name.lower() not in OURS
