"""The web process's ASGI application: console and API."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
application = get_asgi_application()
