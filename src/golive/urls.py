"""All addresses: the rooms' pages and the API, found by file name."""

from django.urls import include, path

from golive.api import api
from golive.console.frame import offer
from golive.rooms import modules

PAGES = [module for _, module in modules("pages")]
PANELS = [module for _, module in modules("panels")]  # imported to register what they put on the home page

for _module in PAGES:
    offer(getattr(_module, "NAVIGATION", []))

urlpatterns = [
    path("api/v1/", api.urls),
    *(path("", include(module.urlpatterns)) for module in PAGES),
    path("accounts/", include("allauth.urls")),  # after the rooms, which close what golive does not offer
]

handler404 = "golive.console.missing.not_found"
