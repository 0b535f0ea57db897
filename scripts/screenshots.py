"""Takes the pictures in docs/screenshots: runs the demo's world with customers, breaks it, looks at every page.

`screenshots.py --seconds 120` lets customers work longer before the first picture.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.demo.watching import Watcher, until  # noqa: E402 (the examples are found from the root)
from examples.demo.world import PERSON, PROJECT, Options, World  # noqa: E402

PICTURES = ROOT / "docs" / "screenshots"
WIDTH, HEIGHT = 1280, 860


def sign_in(page: Page, world: World) -> None:
    page.goto(f"{world.install.url}/accounts/login/")
    page.fill("input[name=login]", PERSON)
    page.fill("input[name=password]", world.password)
    page.click("button[type=submit]")
    page.wait_for_url(f"{world.install.url}/**")


def take(page: Page, world: World, name: str, path: str) -> None:
    page.goto(world.install.url + path)
    page.wait_for_timeout(2500)  # parts of a page load on their own, charts draw when they are in view
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"screenshots: {name}.png", flush=True)


def pictures(page: Page, world: World, watcher: Watcher) -> None:
    """All pictures, the healthy ones first."""
    base = f"/p/{PROJECT}"
    take(page, world, "home", f"{base}/")
    take(page, world, "logs", f"{base}/logs/")
    take(page, world, "service", f"{base}/services/acme/")
    take(page, world, "checks", f"{base}/checks/")
    spans = watcher.get("traces", since="15m")
    if spans:
        take(page, world, "trace", f"{base}/traces/{spans[0]['trace_id']}/")
    world.acme.fault("errors", route="/support", seconds=20)
    world.acme.http.get("/support")
    until("error group", watcher.groups, 60)
    take(page, world, "errors", f"{base}/errors/")
    world.acme.kill()
    number = until("incident", watcher.incident, 90)["number"]
    until("outage on the status page", lambda: watcher.status_page()["incidents"], 60)
    take(page, world, "incident", f"{base}/incidents/{number}/")
    take(page, world, "status", f"/status/{PROJECT}/")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=90, help="how long customers work before the first picture")
    chosen = parser.parse_args()
    PICTURES.mkdir(parents=True, exist_ok=True)
    program = shutil.which("chromium") or shutil.which("chromium-browser") or sys.exit("no Chromium: run make setup")
    with (
        tempfile.TemporaryDirectory(prefix="golive-pictures-") as folder,
        World(Options(Path(folder) / "world"), print) as world,
        sync_playwright() as playwright,
    ):
        world.build()
        time.sleep(chosen.seconds)
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=program, args=options)
        page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        sign_in(page, world)
        pictures(page, world, Watcher(world))
        chromium.close()


if __name__ == "__main__":
    main()
