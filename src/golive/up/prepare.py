"""Before the processes start: tables up to date, ingest keys published, a way in for the owner. Runs on its own."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 (all of these need Django's tables)
from django.utils import timezone  # noqa: E402

from golive.people import audit, keys, welcome  # noqa: E402
from golive.people.models import Purpose, Role  # noqa: E402
from golive.telemetry.address import StoreError  # noqa: E402
from golive.telemetry.migrate import migrate  # noqa: E402


def main() -> None:
    """Migrate the database; print what the operator must know, one line each."""
    call_command("migrate", interactive=False, verbosity=0)
    if os.environ.get("GOLIVE_CLICKHOUSE_URL"):  # the embedded store applies its schema itself
        try:
            migrate()
        except StoreError as error:
            print(f"telemetry: {error}")
    keys.publish()
    if not welcome.owner_exists():
        link = welcome.create(Purpose.OWNER, timezone.now(), role=Role.OWNER)
        audit.record("golive up", "owner.link", "owner")
        print(f"first run: make the owner's account within 24 hours at {link}")


if __name__ == "__main__":
    main()
