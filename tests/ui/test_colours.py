"""The tokens: readable in both themes, and the only place where a colour is written."""

import re
from math import cos, radians, sin
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "static"
TOKENS = (STATIC / "css" / "tokens.css").read_text()
SURFACES = ["canvas", "surface", "surface-2", "sunken"]
TONES = ["danger", "warning", "success", "info", "accent"]
# Words on grounds: at least 4.5 to 1 (WCAG 1.4.3).
TEXT = [
    *((ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in SURFACES),
    *((f"{tone}-fg", ground) for tone in TONES for ground in ("canvas", "surface", "surface-2", f"{tone}-soft")),
    *((ink, ground) for ink in ("ink", "ink-2") for ground in [*(f"{tone}-soft" for tone in TONES), "note-soft"]),
    ("on-accent", "accent-solid"),
    ("on-accent", "accent-solid-hover"),
    ("on-solid", "danger-solid"),
    ("bar-ink", "bar"),
    ("bar-ink-2", "bar"),
    ("bar-ink-2", "bar-hover"),
]
# What must be seen to be used: at least 3 to 1 (WCAG 1.4.11).
EDGES = [
    *(("control-line", ground) for ground in ("canvas", "surface", "surface-2")),
    *(("focus", ground) for ground in SURFACES),
    *((f"chart-{number}", "surface") for number in range(1, 5)),
    ("accent-solid", "surface"),
    ("danger-solid", "danger-soft"),
]
COLOUR = r"oklch\(\s*([\d.]+)%\s+([\d.]+)\s+([\d.]+)\s*\)"


def colours() -> dict[str, tuple[float, float]]:
    """Each token's luminance, light and dark."""
    found = {}
    for name, value in re.findall(r"--([\w-]+):\s*([^;]+);", TOKENS):
        if parts := re.findall(COLOUR, value):
            light, *dark = [luminance(*map(float, part)) for part in parts]
            found.setdefault(name, (light, dark[0] if dark else light))
    return found


def luminance(percent: float, chroma: float, hue: float) -> float:
    """Relative luminance of an OKLCH colour (Ottosson's matrices, clipped to sRGB as a screen does)."""
    lightness, a, b = percent / 100, chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    return sum(weight * min(max(part, 0), 1) for weight, part in ((0.2126, red), (0.7152, green), (0.0722, blue)))


def contrast(one: float, other: float) -> float:
    light, dark = max(one, other), min(one, other)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXT, 4.5), (EDGES, 3.0)], ids=["text", "edges"])
def test_what_must_be_read_can_be_read(theme: str, pairs: list[tuple[str, str]], least: float) -> None:
    tokens, column = colours(), ["light", "dark"].index(theme)

    ratios = {pair: contrast(tokens[pair[0]][column], tokens[pair[1]][column]) for pair in pairs}

    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < least} == {}


def test_the_measure_itself_is_right() -> None:
    assert contrast(luminance(100, 0, 0), luminance(0, 0, 0)) == pytest.approx(21, abs=0.01)
    # White on #c22122, the red of the light theme.
    assert contrast(luminance(100, 0, 0), luminance(52.5, 0.195, 27)) == pytest.approx(5.9, abs=0.15)


def test_no_colour_is_written_outside_the_tokens() -> None:
    literal = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch)\(", re.IGNORECASE)
    named = re.compile(r":[^;{]*\b(?:white|black|red|green|blue|gr[ae]y|orange|yellow)\b\s*[;!}]", re.IGNORECASE)
    found = [
        (path.name, line.strip())
        for path in sorted(STATIC.rglob("*"))
        if path.suffix in {".css", ".js"} and path.name != "tokens.css"
        for line in path.read_text().splitlines()
        # color-mix() names the space it mixes tokens in, "in oklab"; it holds no colour of its own.
        if (literal.search(re.sub(r"/\*.*?\*/|^\s*//.*", "", line)) if path.suffix == ".css" else literal_in_js(line))
        or (path.suffix == ".css" and named.search(line))
    ]
    assert found == []


def literal_in_js(line: str) -> bool:
    return bool(re.search(r"""["'`](?:#[0-9a-f]{6}|rgba?\(|oklch\()""", line, re.IGNORECASE))


def test_every_token_that_is_used_exists() -> None:
    written = set(re.findall(r"--([\w-]+)\s*:", "".join(path.read_text() for path in STATIC.rglob("*.css"))))
    used = {
        (path.name, name) for path in STATIC.rglob("*.css") for name in re.findall(r"var\(--([\w-]+)", path.read_text())
    }
    assert {(file, name) for file, name in used if name not in written} == set()
