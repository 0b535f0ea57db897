"""Probes: does a process answer? Each returns None for yes, or what is wrong in a few words."""

import http.client
import json
import time
from pathlib import Path
from urllib.parse import urlsplit

BEAT_SECONDS = 2.0  # how often a process without a port touches its beat file
MISSED_SECONDS = 20.0


def http_answers(url: str, timeout_seconds: float = 5.0) -> str | None:
    """A GET of `url` is answered with 2xx."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=timeout_seconds)
    try:
        connection.request("GET", parts.path or "/", headers={"User-Agent": "golive-up"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{parts.netloc} does not answer ({error or type(error).__name__})"
    finally:
        connection.close()
    return None if 200 <= status < 300 else f"{parts.path} answers {status}"


def store_answers(endpoint: Path) -> str | None:
    """The embedded store has written its address and answers there."""
    try:
        url = json.loads(endpoint.read_text())["url"]
    except (OSError, ValueError, KeyError):
        return "it has not written its address yet"
    return http_answers(url.rstrip("/") + "/ping")


def beats(path: Path) -> str | None:
    """The process touched its beat file a short while ago."""
    try:
        age = time.time() - path.stat().st_mtime
    except OSError:
        return "it has not begun to work yet"
    return None if age < MISSED_SECONDS else f"no sign of life for {age:.0f} s"
