"""A few megabytes kept back on the store's disk.

On a disk that is full to the last byte the engine cannot even drop a partition, because it writes a marker for it.
So the embedded store keeps a file that can be given up for that moment.
"""

import os
import shutil
from pathlib import Path

from golive.kit.folders import data_folder

SIZE_BYTES = 32 * 2**20


def reserve_file() -> Path:
    return data_folder() / "store.reserve"


def keep(size_bytes: int = SIZE_BYTES) -> bool:
    """Make the reserve unless it is there; False when the disk has not the room (ten times its size must stay free)."""
    path = reserve_file()
    if path.exists() and path.stat().st_size == size_bytes:
        return True
    if shutil.disk_usage(path.parent).free < 11 * size_bytes:
        return False
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size_bytes)
        finally:
            os.close(descriptor)
    except OSError:
        path.unlink(missing_ok=True)
        return False
    return True


def release() -> bool:
    """Give the reserve up; False when there was none."""
    path = reserve_file()
    if not path.exists():
        return False
    path.unlink()
    return True
