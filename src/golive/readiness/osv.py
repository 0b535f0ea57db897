"""A server that speaks OSV's API over a few records of its own: for controls and tests, where nothing is reached."""

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def osv(records: Mapping[str, Mapping[str, object]]) -> Starlette:
    """A server that speaks OSV's API and knows only these records: (ecosystem name version) → record."""

    async def batch(request: Request) -> Response:
        results = []
        for query in (await request.json())["queries"]:
            name = f"{query['package']['ecosystem']} {query['package']['name']} {query['version']}"
            record = records.get(name)
            results.append({"vulns": [{"id": record["id"]}]} if record else {})
        return JSONResponse({"results": results})

    async def one(request: Request) -> Response:
        known = {str(record["id"]): dict(record) for record in records.values()}
        record = known.get(request.path_params["ident"])
        return JSONResponse(record) if record else JSONResponse({"code": 5}, 404)

    async def query(request: Request) -> Response:
        asked = await request.json()
        name = f"{asked['package']['ecosystem']} {asked['package']['name']} {asked['version']}"
        return JSONResponse({"vulns": [records[name]]} if name in records else {})

    return Starlette(
        routes=[
            Route("/v1/querybatch", batch, methods=["POST"]),
            Route("/v1/query", query, methods=["POST"]),
            Route("/v1/vulns/{ident}", one),
        ]
    )
