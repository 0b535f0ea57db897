"""What golive makes is for its owner alone, even in a folder that others may enter."""

import os
import subprocess
import sys
from pathlib import Path


def test_the_database_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")}
    subprocess.run(
        [sys.executable, "-m", "golive.cli", "project", "list"],
        env=kept | {"GOLIVE_DATA": str(tmp_path)},
        umask=0o022,
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert (tmp_path / "golive.db").stat().st_mode & 0o077 == 0
