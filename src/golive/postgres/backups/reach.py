"""Does the bucket's service answer, and is it trusted? Asked first: pgBackRest itself tries for minutes."""

import socket
import ssl
import time

from golive.postgres.backups.plan import BucketPlan
from golive.postgres.backups.tools import BackupTrouble

TRIES, PAUSE_SECONDS, TIMEOUT_SECONDS = 3, 1.0, 10.0


def place_of(bucket: BucketPlan) -> tuple[str, int]:
    """Host and port of the service."""
    host, _, port = bucket.endpoint.removeprefix("https://").rstrip("/").partition(":")
    return host, int(port or 443)


def reach(bucket: BucketPlan) -> None:
    """Connect by TLS and hang up. Names in the certificate are pgBackRest's to judge. Raises BackupTrouble."""
    host, port = place_of(bucket)
    try:
        context = ssl.create_default_context(cafile=bucket.ca or None)
    except OSError as error:
        raise BackupTrouble(f"{bucket.ca} of [database.backup.bucket] ca cannot be read: {error.strerror}.") from error
    context.check_hostname = False
    for attempt in range(1, TRIES + 1):
        try:
            with (
                socket.create_connection((host, port), timeout=TIMEOUT_SECONDS) as plain,
                context.wrap_socket(plain, server_hostname=host),
            ):
                return
        except ssl.SSLCertVerificationError as error:
            raise BackupTrouble(
                f"The certificate of {bucket.endpoint} is not to be trusted ({error.verify_message}); `ca` of "
                "[database.backup.bucket] names a file with its authority."
            ) from error
        except OSError as error:
            if attempt == TRIES:
                words = error.strerror or str(error)
                raise BackupTrouble(f"Bucket {bucket.name} cannot be reached: {bucket.endpoint}: {words}.") from error
            time.sleep(PAUSE_SECONDS)
