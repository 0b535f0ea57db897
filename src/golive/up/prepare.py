"""Before the processes start: tables up to date, ingest keys published, a way in for the owner. Runs on its own."""

import os

import django
from django.conf import settings
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
django.setup()


def main() -> None:
    """Migrate the database; print what the operator must know, one line each."""
    settings.STATIC_ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
    call_command("migrate", interactive=False, verbosity=0)


if __name__ == "__main__":
    main()
