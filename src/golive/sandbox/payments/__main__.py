"""`python -m golive.sandbox.payments --port N --webhook URL --secret S`: the simulator until SIGTERM or Ctrl-C."""

import argparse
import os
import signal
import threading
from pathlib import Path

from golive.sandbox.payments.simulator import DEFAULT_SECRET, PaymentSimulator


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m golive.sandbox.payments", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--webhook", default="", help="where signed events are posted")
    parser.add_argument("--secret", default="", help="what events are signed with (or SECRET in the environment)")
    parser.add_argument("--socket", default="", help="the unix socket at which the webhook is reached")
    parser.add_argument("--file", type=Path, help="keep the state here (default: in memory)")
    arguments = parser.parse_args()
    ended = threading.Event()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop_signal, lambda *_: ended.set())
    secret = arguments.secret or os.environ.get("SECRET", DEFAULT_SECRET)
    with PaymentSimulator(
        webhook=arguments.webhook, secret=secret, port=arguments.port, file=arguments.file, socket=arguments.socket
    ) as simulator:
        print(f"payment simulator: {simulator.url}", flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
