"""The API of all topics."""

from ninja import Router

from golive.postgres import topics

router = Router()

for _, _module in topics.modules("api"):
    router.add_router("", _module.router)
