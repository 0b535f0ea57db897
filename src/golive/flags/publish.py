"""Write what `published` reads: one process at a time, so that an older view never wins."""

import fcntl

import orjson

from golive.flags.models import Flag, FlagKey
from golive.flags.published import FILE
from golive.kit.folders import data_folder, write_private


def document() -> bytes:
    """All flags and the keys in force."""
    keys = FlagKey.objects.filter(revoked_at=None).select_related("project").order_by("pk")
    flags = Flag.objects.select_related("project").prefetch_related("states__flag").order_by("pk")
    return orjson.dumps(
        {
            "keys": {key.digest: [key.project.slug, key.environment] for key in keys},
            "flags": [
                {
                    "project": flag.project.slug,
                    "key": flag.key,
                    "variants": flag.variants,
                    "off": flag.off,
                    "states": {state.environment: state.document() for state in flag.states.all()},
                }
                for flag in flags
            ],
        }
    )


def publish() -> None:
    """Bring DATA/run/flags.json up to date."""
    folder = data_folder() / "run"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / FILE
    with (folder / "flags.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        content = document()
        if not path.is_file() or path.read_bytes() != content:
            write_private(path, content)
