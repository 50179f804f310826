"""A network that can be frozen: a proxy before a server, whose packets vanish while its connections stay open."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

import sqlalchemy as sa

CHUNK = 65_536


class Network:
    """Passes bytes between clients and a server, and none while it is frozen."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._flows = threading.Event()
        self._flows.set()
        self._sockets: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        """From now on nothing arrives; whoever connects is let in, as by a firewall, and hears nothing."""
        self._flows.clear()

    def thaw(self) -> None:
        """What was sent meanwhile arrives."""
        self._flows.set()

    def thaw_without_memory(self) -> None:
        """New connections work; those of before hear nothing for ever, as behind a firewall that was restarted."""
        self._flows, frozen = threading.Event(), self._flows
        self._flows.set()
        self._forgotten = frozen

    def close(self) -> None:
        """Ends every connection."""
        self._flows.set()
        for one in [self._door, *self._sockets]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                threading.Thread(target=self._join, args=(client, self._flows), daemon=True).start()

    def _join(self, client: socket.socket, flows: threading.Event) -> None:
        flows.wait()
        with suppress(OSError):
            server = socket.create_connection(self._server)
            self._sockets += [client, server]
            threading.Thread(target=_pass, args=(server, client, flows), daemon=True).start()
            _pass(client, server, flows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _pass(one: socket.socket, other: socket.socket, flows: threading.Event) -> None:
    with suppress(OSError):
        while data := one.recv(CHUNK):
            flows.wait()
            other.sendall(data)
        flows.wait()
        other.shutdown(socket.SHUT_RDWR)
    for end in (one, other):
        end.close()


@contextmanager
def network_to(url: str) -> Iterator[tuple[Network, str]]:
    """A network before a database server, and the database's address through it."""
    address = sa.make_url(url)
    with Network(str(address.host), int(address.port or 5432)) as network:
        through = address.set(host="127.0.0.1", port=network.port)
        yield network, through.render_as_string(hide_password=False)
