"""Who may send: the keys that the console publishes as SHA-256 digests in DATA/run/ingest-keys.json."""

import hashlib
import hmac
import logging
from dataclasses import dataclass
from pathlib import Path

import orjson

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Key:
    """A key that may write to one project. `kind` is "ingest" (OTLP) or "dsn" (Sentry)."""

    digest: str
    project: str
    project_id: int
    kind: str


class KeyRing:
    """The published keys, read again whenever the file changes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int, int] | None = None
        self._keys: dict[str, Key] = {}

    def find(self, secret: str) -> Key | None:
        """The key of this secret, or None."""
        self._refresh()
        digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
        key = self._keys.get(digest)
        return key if key and hmac.compare_digest(key.digest, digest) else None

    def _refresh(self) -> None:
        try:
            stat = self.path.stat()
            stamp = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if stamp == self._stamp:
                return
            entries = orjson.loads(self.path.read_bytes())["keys"]
            self._keys = {
                digest: Key(digest, str(entry["project"]), int(entry["project_id"]), str(entry["kind"]))
                for digest, entry in entries.items()
            }
            self._stamp = stamp
        except FileNotFoundError:
            self._keys, self._stamp = {}, None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            log.exception("cannot read %s; the keys known before stay valid", self.path)
