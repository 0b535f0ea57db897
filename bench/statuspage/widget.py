"""`python -m bench.statuspage.widget`: Atlassian's own Statuspage widget from npm, unmodified, shows our page.

It asks `/api/v2/summary.json` at the root of an address, so the page is served under a domain of its own.
"""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from bench.statuspage.__main__ import SETUP, start, wait_for
from golive.sandbox.servers import free_port

PACKAGE = "@statuspage/status-widget@1.0.5"
DOMAIN = "status.localhost"  # browsers take it for this machine
INCIDENT = f"""
from golive.statuspage.models import StatusPage
from golive.statuspage.standing import Status
StatusPage.objects.create(project=project, title="acme status", domain="{DOMAIN}")
made = moves.open_incident(project, "database down", "critical", timezone.now())
telling.tell(made, Told.INVESTIGATING, "We are looking.", "ada", timezone.now(), title="Saving fails",
             affected={{Component.objects.first().code: Status.MAJOR}})
publish.write_all(timezone.now())
"""
PAGE = '<!doctype html><script src="/index.js"></script><statuspage-widget src="http://{domain}:{port}"></statuspage-widget>'


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="golive-widget-") as folder:
        place, port = Path(folder), free_port()
        packed = subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=place, stdout=subprocess.PIPE, check=True)
        with tarfile.open(place / packed.stdout.decode().strip()) as archive:
            archive.extractall(place, filter="data")
        root = place / "package" / "dist"
        (root / "page.html").write_text(PAGE.format(domain=DOMAIN, port=port))
        environment = {**os.environ, "GOLIVE_DATA": str(place / "data"), "DJANGO_SETTINGS_MODULE": "golive.settings"}
        subprocess.run([sys.executable, "-c", SETUP + INCIDENT], env=environment, check=True)
        web = start(environment, "uvicorn", "golive.asgi:application", "--port", str(port), "--log-level", "error")
        try:
            wait_for(f"http://127.0.0.1:{port}/status/acme/")
            said = look(root)
        finally:
            web.kill()
            web.wait()
    print(f"{PACKAGE} shows: {said!r}")
    sys.exit(0 if "Some systems are down" in said else 1)


def look(root: Path) -> str:
    """What the widget shows."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    program = shutil.which("chromium") or shutil.which("chromium-browser") or sys.exit("no Chromium: run make setup")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = chromium.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/page.html")
        page.wait_for_timeout(5000)
        said = page.evaluate("document.querySelector('statuspage-widget').shadowRoot?.textContent ?? ''")
        page.screenshot(path=os.environ.get("GOLIVE_PICTURE") or str(root / "seen.png"))
        chromium.close()
    server.shutdown()
    return " ".join(said.split())


if __name__ == "__main__":
    main()
