"""The pages of all topics, under one entry of the navigation."""

from typing import Any

from golive.postgres import topics

NAVIGATION: list[Any] = []
urlpatterns: list[Any] = []

for _, _module in topics.modules("pages"):
    NAVIGATION += getattr(_module, "NAVIGATION", [])
    urlpatterns += _module.urlpatterns
