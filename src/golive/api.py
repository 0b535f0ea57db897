"""The HTTP API: one OpenAPI document over the rooms' routers."""

from golive import __version__
from golive.console.http_api import Api, error
from golive.people.tokens import RoomAuth, TokenAuth
from golive.rooms import modules
from golive.telemetry.address import StoreError

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
api.add_exception_handler(StoreError, lambda request, exc: error(503, str(exc)))
for room, module in modules("api"):
    api.add_router("", module.router, tags=[room], auth=RoomAuth(room))
