"""`python -m daeris.health`: whether the web process of this container answers; for its health check."""

import os
import sys
import urllib.error
import urllib.request

TIMEOUT_SECONDS = 4


def check(url: str) -> bool:
    """Ask as the proxy in front would: over what it calls HTTPS, under the first of ALLOWED_HOSTS."""
    host = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".*") or "localhost"
    request = urllib.request.Request(url, headers={"Host": host, "X-Forwarded-Proto": "https"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  a loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(0 if check(os.environ.get("DAERIS_HEALTH_URL", "http://127.0.0.1:8000/healthz")) else 1)
