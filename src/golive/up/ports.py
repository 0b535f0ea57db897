"""Is a port free, and if not, who has it?"""

import socket

import psutil


class PortTaken(Exception):
    """A port that golive needs is in use; the message says by whom and what to do."""


def claim(host: str, port: int, option: str) -> None:
    """Raise PortTaken when nothing can listen on `host:port`; `option` is the flag that chooses another."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            who = owner(port)
            by = f" by {who}" if who else f" ({error.strerror})"
            raise PortTaken(f"{host}:{port} is taken{by}; stop that, or choose another with {option} PORT.") from None


def owner(port: int) -> str:
    """ "name (pid 12: command line)" of the process listening on a port, or "" when it cannot be told."""
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return ""
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and getattr(connection.laddr, "port", None) == port
        if listens and connection.pid:
            try:
                process = psutil.Process(connection.pid)
                return f"{process.name()} (pid {process.pid}: {' '.join(process.cmdline())[:80]})"
            except psutil.Error:
                return f"pid {connection.pid}"
    return ""
