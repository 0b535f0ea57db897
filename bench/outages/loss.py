"""A healthy site whose packets are lost: many checks, many rounds, and what golive falsely says."""

import time
from pathlib import Path

from bench.outages.lands import Lands
from bench.outages.world import Pace, World

CHECKS = 500
PACE = Pace(3)


def lossy(lands: Lands, folder: Path, percent: int, rounds: int) -> int:
    """Look `rounds` times from every region; 0 when nothing was said."""
    more = "".join(
        f'\n[checks.c{number}]\nurl = "/{number}"\nevery = "20s"\ntimeout = "10s"\nregions = ["ap", "eu", "us"]\n'
        for number in range(CHECKS)
    )
    with World(lands, folder, PACE, more) as world:
        while not (world.voices() and {state for _, state in world.states()} == {"ok"}):
            time.sleep(1)
        before, packets = world.last_flip(), 0
        lands.lose("site", percent)
        began, first = time.monotonic(), numbers(world)
        while (done := min(now - then for now, then in zip(numbers(world), first, strict=True))) < rounds:
            time.sleep(5)
            print(f"{done} rounds in {time.monotonic() - began:.0f} s, {lands.lost('site')} packets lost", flush=True)
        packets = lands.lost("site")
        flips = [flip for flip in world.flips(before) if flip["new"] != "ok"]
        for flip in flips:
            print(f"  {flip['source']}: {flip['severity']} {flip['title']} - {flip['reason']}")
        print("| rounds in each region | packets lost | false verdicts | pages |\n|---|---|---|---|")
        pages = len(world.mail.mailbox.messages(to="eve@shop.example"))
        print(f"| {done} | {packets} ({percent} %) | {len(flips)} | {pages} |")
    return 1 if pages else 0


def numbers(world: World) -> list[int]:
    """How many results each probe has handed over."""
    return [int(row[0]) for row in world.asked("SELECT taken FROM checks_probe ORDER BY name")]
