"""The live feed's entry point, with the contracts of all contexts declared: it reads the stored events of every order."""

from __future__ import annotations

from hub import contexts
from live import socket

contexts.declare()
handler = socket.handler
