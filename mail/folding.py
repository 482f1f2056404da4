"""Words as people look for them: without case and without accents."""

import unicodedata


def fold(text: str) -> str:
    """The text in lower case without marks, so that "renovacion" finds "Renovación" and "n" finds "ñ"."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
