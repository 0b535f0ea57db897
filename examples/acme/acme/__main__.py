"""`python -m acme [--host H] [--port N] [--workers N]`: bring the schema up to date and serve.

`python -m acme migrate` only does the first; `python -m acme letters [--now TIME]` sends the mails that are due.
"""

import argparse
import logging
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from alembic import command
from alembic.config import Config
from sqlalchemy.orm import Session

from acme.database import make_engine
from acme.letters import send_due
from acme.mail import smtp_sender
from acme.settings import Settings, SettingsError

_GRACE_SECONDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m acme", description=__doc__)
    parser.add_argument("action", nargs="?", choices=["serve", "migrate", "letters"], default="serve")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--now", type=datetime.fromisoformat, help="another time than now, for letters")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        parser.exit(2, f"acme cannot start: {error}\n")
    migrate(settings)
    if arguments.action == "letters":
        count = send_letters(settings, arguments.now or datetime.now(UTC))
        print(f"{count} letters sent")
    if arguments.action == "serve":
        # uvicorn raises the signal again after it has shut down in order; then we have ended well.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        uvicorn.run(
            "acme.app:create_app",
            factory=True,
            host=arguments.host,
            port=arguments.port,
            workers=arguments.workers,
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )


def send_letters(settings: Settings, now: datetime) -> int:
    """Send the mails that are due; how many."""
    engine = make_engine(settings)
    with Session(engine) as db:
        count = send_due(db, smtp_sender(settings.smtp, settings.mail_from), settings.url, settings.secret, now)
    engine.dispose()
    return count


def migrate(settings: Settings) -> None:
    """Bring the schema up to date; several processes may try at once."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["settings"] = settings
    command.upgrade(config, "head")


if __name__ == "__main__":
    main()
