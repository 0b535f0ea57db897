"""The atomic switch: Caddy dials through one symbolic link to a folder of slots, each a link to a process's socket.

A canary is some slots of another release; a switch is all of them; either is one `rename`, and Caddy is not touched.
"""

import contextlib
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

SLOTS = 20


@dataclass(frozen=True)
class Split:
    """Who gets the requests: `canary` percent go to the sockets of `new`, the rest to those of `old`."""

    old: tuple[Path, ...]
    new: tuple[Path, ...] = ()
    canary: int = 0


def assign(split: Split) -> list[Path]:
    """The socket behind each slot. Slots go round robin, so the new ones are spread evenly among the others."""
    if not split.old and not split.new:
        raise ValueError("no process takes requests")
    if not split.old:
        return [split.new[i % len(split.new)] for i in range(SLOTS)]
    wanted = min(SLOTS, max(1, round(split.canary * SLOTS / 100))) if split.new and split.canary else 0
    chosen = {i * SLOTS // wanted for i in range(wanted)} if wanted else set()
    old = new = 0
    slots: list[Path] = []
    for i in range(SLOTS):
        if i in chosen:
            slots.append(split.new[new % len(split.new)])
            new += 1
        else:
            slots.append(split.old[old % len(split.old)])
            old += 1
    return slots


def flip(live: Path, split: Split) -> None:
    """Put a split in force with one rename. The slots before stay until the next flip, for who dials just now."""
    folder = live.with_name(f".{live.name}.{secrets.token_hex(4)}")
    folder.mkdir(mode=0o700)
    for number, socket in enumerate(assign(split)):
        (folder / f"{number:02d}").symlink_to(socket)
    draft = live.with_name(f".{live.name}.draft.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(folder.name)
    before = target(live)
    draft.rename(live)
    for older in live.parent.glob(f".{live.name}.*"):
        if older not in (folder, before):
            shutil.rmtree(older, ignore_errors=True)


def target(live: Path) -> Path | None:
    """The folder of slots in force."""
    with contextlib.suppress(OSError):
        return live.with_name(live.readlink().name)
    return None


def serving(live: Path) -> dict[Path, int]:
    """The folders of sockets that requests go to, with their number of slots."""
    folder = target(live)
    counts: dict[Path, int] = {}
    if folder is not None and folder.is_dir():
        for slot in sorted(folder.iterdir()):
            socket = slot.readlink()
            counts[socket.parent] = counts.get(socket.parent, 0) + 1
    return counts


def close(live: Path) -> None:
    """Take no more requests."""
    live.unlink(missing_ok=True)
    for folder in live.parent.glob(f".{live.name}.*"):
        shutil.rmtree(folder, ignore_errors=True)


def connections(folder: Path) -> int:
    """How many connections the sockets of a folder hold now (requests under way, WebSockets)."""
    held = 0
    with contextlib.suppress(OSError):
        for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
            words = line.split(maxsplit=7)
            if len(words) == 8 and words[5] == "03" and words[7].startswith(f"{folder}/"):
                held += 1
    return held
