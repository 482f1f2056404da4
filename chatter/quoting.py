"""Earlier messages that an answer carries along, told apart from what is new."""

import re

TAG = re.compile(r"<(/?)blockquote\b[^>]*>")


def folded(body: str) -> tuple[str, str]:
    """What is new, and the quoted history after it; sanitised, so well-formed, HTML in and out. Pure."""
    trimmed = body.rstrip()
    if not trimmed.endswith("</blockquote>"):
        return body, ""
    depth = 0
    for tag in reversed(list(TAG.finditer(trimmed))):
        depth += 1 if tag[1] else -1
        if depth == 0:
            new = trimmed[: tag.start()].rstrip()
            # A message that is nothing but a quote is shown as it is.
            return (new, trimmed[tag.start() :]) if new else (body, "")
    return body, ""
