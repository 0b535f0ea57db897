"""A Django application with golive's router and middleware, run by test_routing.py in a process of its own.

It reads lines of JSON (a path, and a cookie or none) and answers each with what the view said and the cookie it set.
"""

import json
import os
import sys
from typing import Any

import django
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict


def database(url: str) -> dict[str, Any]:
    parts = conninfo_to_dict(url)
    return {
        "ENGINE": "django.db.backends.postgresql", "NAME": parts["dbname"], "USER": parts["user"],
        "PASSWORD": parts["password"], "HOST": parts["host"], "PORT": parts["port"],
    }  # fmt: skip


settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="x",
    DATABASES={"default": database(os.environ["PRIMARY_URL"]), "replica": database(os.environ["REPLICA_URL"])},
    DATABASE_ROUTERS=["golive_client.routing.django.Router"],
    MIDDLEWARE=["golive_client.routing.django.ReadYourWrites"],
    GOLIVE_ROUTING={"replicas": ["replica"], "every_seconds": 0.05},
)
django.setup()

from django.db import connection, models, transaction  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402


class Item(models.Model):
    """The table that the test made."""

    owner = models.IntegerField()
    n = models.IntegerField()

    class Meta:
        app_label = "shop"
        db_table = "item"
        managed = False


def read(request: HttpRequest, owner: int) -> JsonResponse:
    """How many there are, and which database answered."""
    found = Item.objects.filter(owner=owner)
    return JsonResponse({"count": found.count(), "by": found.db})


def write(request: HttpRequest, owner: int) -> JsonResponse:
    """Add one, and read it back within the request."""
    Item.objects.create(owner=owner, n=1)
    found = Item.objects.filter(owner=owner)
    return JsonResponse({"count": found.count(), "by": found.db})


def raw(request: HttpRequest, owner: int) -> JsonResponse:
    """Add one by SQL, past the ORM."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO item (owner, n) VALUES (%s, 1)", [owner])
    return read(request, owner)


def locked(request: HttpRequest, owner: int) -> JsonResponse:
    """Lock rows: only the primary can."""
    with transaction.atomic():
        found = Item.objects.select_for_update().filter(owner=owner)
        return JsonResponse({"count": len(found), "by": found.db})


urlpatterns = [
    path("read/<int:owner>", read), path("write/<int:owner>", write), path("raw/<int:owner>", raw),
    path("locked/<int:owner>", locked),
]  # fmt: skip

if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        browser = Client(raise_request_exception=False)
        if asked.get("cookie"):
            browser.cookies["golive_seen"] = asked["cookie"]
        answer = browser.get(asked["path"])
        cookie = answer.cookies.get("golive_seen")
        said = answer.json() if answer.status_code == 200 else {}
        print(json.dumps({**said, "status": answer.status_code, "cookie": cookie.value if cookie else ""}), flush=True)
