"""`python -m golive.sandbox.mail --smtp-port N --http-port N --folder DIR`: the sink until SIGTERM or Ctrl-C."""

import argparse
import signal
import threading
from pathlib import Path

from golive.sandbox.mail.sink import MailSink


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m golive.sandbox.mail", description=__doc__)
    parser.add_argument("--smtp-port", type=int, default=0, help="default: a free one")
    parser.add_argument("--http-port", type=int, default=0, help="default: a free one")
    parser.add_argument("--folder", type=Path, help="where messages are kept (default: a temporary folder)")
    arguments = parser.parse_args()
    ended = threading.Event()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop_signal, lambda *_: ended.set())
    with MailSink(arguments.folder, smtp_port=arguments.smtp_port, http_port=arguments.http_port) as sink:
        print(f"mail sink: {sink.smtp_url} · {sink.url}", flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
