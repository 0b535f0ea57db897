"""The HTTP API: one OpenAPI document over the rooms' routers."""

from ninja import NinjaAPI

from golive import __version__
from golive.people.tokens import TokenAuth
from golive.rooms import modules

api = NinjaAPI(
    title="golive",
    version=__version__,
    description="Everything the console can do. Authenticate with `Authorization: Bearer <token>`.",
    auth=TokenAuth(),
    urls_namespace="api",
)
for room, module in modules("api"):
    api.add_router("", module.router, tags=[room])
