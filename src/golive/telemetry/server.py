"""The store process: the embedded engine behind ClickHouse's HTTP interface, on loopback.

`python -m golive.telemetry.server` applies the schema, begins to listen and then writes its address and accounts to
`run/store.json` in the data folder. GOLIVE_STORE_PORT fixes the port; otherwise the last one is kept if it is free.
"""

import logging
import os
import signal
import socket
import sys

import orjson
import uvicorn

from golive.kit.folders import data_folder, write_private
from golive.telemetry import reserve
from golive.telemetry.accounts import accounts
from golive.telemetry.adapter import Adapter
from golive.telemetry.address import DATABASE, StoreError, endpoint_file
from golive.telemetry.engine import Engine, EngineError, Query
from golive.telemetry.limits import own_settings
from golive.telemetry.versions import CREATE_DATABASE, apply, steps

HOST = "127.0.0.1"
DEFAULT_MEMORY_BYTES = 1_200_000_000
log = logging.getLogger(__name__)


def listen() -> socket.socket:
    """A listening socket on loopback: the port asked for, else the one of last time, else any free one."""
    wanted = int(os.environ.get("GOLIVE_STORE_PORT") or 0)
    for port in (wanted,) if wanted else (_last_port(), 0):
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, port))
        except OSError:
            server.close()
            if wanted:
                raise
            continue
        server.listen(512)
        return server
    raise StoreError("No port is free for the telemetry store.")


def _last_port() -> int:
    try:
        return int(orjson.loads(endpoint_file().read_bytes())["url"].rpartition(":")[2])
    except (OSError, ValueError, KeyError):
        return 0


def main() -> None:
    """Serve until SIGTERM."""
    logging.basicConfig(
        level=os.environ.get("GOLIVE_LOG_LEVEL", "INFO"), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    folder = data_folder() / "store"
    try:
        engine = Engine(folder, int(os.environ.get("GOLIVE_STORE_MEMORY_BYTES") or DEFAULT_MEMORY_BYTES))
    except EngineError as error:
        sys.exit(f"The telemetry store cannot open {folder}; is another golive running on it? ({error})")
    reserve.keep()
    _prepare(engine)
    known = accounts()
    adapter = Adapter(engine, known)
    config = uvicorn.Config(
        adapter,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=6,
        limit_concurrency=400,
    )
    server = listen()
    url = f"http://{HOST}:{server.getsockname()[1]}"
    logins = {account.right.value: [account.name, account.password] for account in known}
    write_private(endpoint_file(), orjson.dumps({"url": url, **logins}))
    log.info("The telemetry store answers at %s.", url)
    # uvicorn stops on these and then raises them again: by then they must mean nothing, so that the engine is closed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        uvicorn.Server(config).run(sockets=[server])
    finally:
        adapter.close()
        engine.close()
        log.info("The telemetry store is closed.")


def _prepare(engine: Engine) -> None:
    """Apply the schema with the engine's own hands, before anyone is let in."""
    engine.write(Query(CREATE_DATABASE))

    def run(sql: str) -> bytes:
        return bytes(engine.write(Query(sql, database=DATABASE, settings=own_settings())).data)

    apply(run, lambda sql: run(sql).decode().split(), steps())


if __name__ == "__main__":
    main()
