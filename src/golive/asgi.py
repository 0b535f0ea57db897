"""The web process's ASGI application: status pages, flag evaluation and static files in front of console and API."""

import os
from typing import Any, cast

from django.conf import settings
from django.core.asgi import get_asgi_application

from golive.console.static_files import App, StaticFiles
from golive.flags.ofrep import Ofrep
from golive.flags.published import FILE, Published
from golive.kit.folders import data_folder, kept_secret
from golive.statuspage.files import StatusFiles

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
_console = StaticFiles(cast(App, get_asgi_application()))
_published = Published(data_folder() / "run" / FILE)
_flags = Ofrep(_console, _published, kept_secret("flag-tickets"), settings.PUBLIC_URL)
application: Any = StatusFiles(_flags, settings.PUBLIC_URL)
