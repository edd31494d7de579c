"""Nothing tries the network unasked: every test runs with connections to elsewhere forbidden and counted."""

from __future__ import annotations

import socket

import pytest


def test_a_connection_to_elsewhere_is_stopped_and_counted_law(attempts: list[str]) -> None:
    with pytest.raises(OSError, match="forbid the network"):
        socket.create_connection(("203.0.113.1", 80), timeout=1)
    with pytest.raises(socket.gaierror, match="forbid the network"):
        socket.getaddrinfo("extensions.example", 443)
    assert len(attempts) >= 2
    del attempts[-2:]


def test_this_machine_is_not_elsewhere_law() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
