"""`python -m golive.sandbox postgres|redis`: a throwaway server in the foreground until SIGTERM or Ctrl-C.

Prints the connection URL as its first line.
"""

import argparse
import signal
import threading
from pathlib import Path

from golive.sandbox.servers import PostgresServer, RedisServer


def main() -> None:
    arguments = _arguments()
    ended = threading.Event()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop_signal, lambda *_: ended.set())
    if arguments.server == "redis":
        with RedisServer(arguments.folder, port=arguments.port) as redis:
            print(redis.url, flush=True)
            ended.wait()
        return
    with PostgresServer(
        arguments.folder, port=arguments.port, max_connections=arguments.max_connections, archive=arguments.archive
    ) as postgres:
        known = arguments.database in postgres.databases()
        print(postgres.url(arguments.database) if known else postgres.create_database(arguments.database), flush=True)
        ended.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m golive.sandbox", description=__doc__)
    parser.add_argument("server", choices=["postgres", "redis"])
    parser.add_argument("--folder", type=Path, help="where its files are kept (default: a temporary folder)")
    parser.add_argument("--port", type=int, help="default: a free one")
    parser.add_argument("--database", default="postgres", help="database to make when it is missing")
    parser.add_argument("--max-connections", type=int, default=60)
    parser.add_argument("--archive", action="store_true", help="durable, and ready for `golive db backup setup`")
    return parser.parse_args()


if __name__ == "__main__":
    main()
