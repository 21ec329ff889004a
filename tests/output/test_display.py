"""Virtual displays: any number at once, and open to those who come back."""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack

import pytest

from cases.base.display import run_on_display, virtual_display

SETUP = b"l\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00"  # X11 protocol 11.0, no authorisation


def accepts(display):
    """Whether the X server lets a client in; the client leaves at once."""
    path = f"/tmp/.X11-unix/X{display.lstrip(':')}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(30)
        try:
            client.connect("\0" + path)  # Linux's abstract name, there even where the folder is not ours
        except OSError:
            client.connect(path)
        client.sendall(SETUP)
        return client.recv(1) == b"\x01"


def test_displays_at_once_and_clients_that_come_back():
    with ExitStack() as stack:
        displays = [stack.enter_context(virtual_display("320x200")) for _ in range(3)]
        assert len(set(displays)) == 3
        for display in displays:
            assert all(accepts(display) for _ in range(50))


def test_a_program_runs_on_a_display():
    program = "import os, sys; print(os.environ['DISPLAY'], os.environ['A']); sys.exit(3)"
    done = run_on_display([sys.executable, "-c", program], "320x200", {"A": "b"}, 60)
    assert done.returncode == 3
    display, value = done.stdout.split()
    assert display.startswith(":")
    assert value == "b"


def test_a_display_that_cannot_be_reached_is_said():
    program = "import sys; sys.exit('bad X server connection')"
    with pytest.raises(OSError, match="no connection to the display"):
        run_on_display([sys.executable, "-c", program], "320x200", {}, 60)
