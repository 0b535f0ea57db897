"""The HTTP API: one OpenAPI document over the rooms' routers."""

from golive import __version__
from golive.console.http_api import Api
from golive.people.tokens import RoomAuth, TokenAuth
from golive.rooms import modules

api = Api(
    title="golive",
    version=__version__,
    description=(
        "Everything the console can do. Authenticate with `Authorization: Bearer <token>`; a browser's session does "
        "not count here. An operation needs the scope of its room, such as `incidents:write`."
    ),
    auth=TokenAuth(),
    urls_namespace="api",
)
for room, module in modules("api"):
    api.add_router("", module.router, tags=[room], auth=RoomAuth(room))
