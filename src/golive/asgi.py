"""The web process's ASGI application: static files, console and API."""

import os
from typing import Any, cast

from django.core.asgi import get_asgi_application

from golive.console.static_files import App, StaticFiles

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
application: Any = StaticFiles(cast(App, get_asgi_application()))
