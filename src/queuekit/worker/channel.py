"""Messages between the supervisor and a child: length-prefixed JSON over a socket pair.

The supervisor's end never blocks, in either direction: a child that is stopped, or that is stuck in
user code, must not hold up the heartbeats of the others.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from typing import Any, Final

_HEADER: Final = struct.Struct(">I")
_CHUNK: Final = 256 * 1024

Message = dict[str, Any]


def pack(message: Message) -> bytes:
    """The bytes of one message."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    return _HEADER.pack(len(body)) + body


class Unpacker:
    """Bytes in, whole messages out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that `data` completes."""
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            (size,) = _HEADER.unpack_from(self._buffer)
            end = _HEADER.size + size
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            yield json.loads(body)


class SupervisorEnd:
    """The end that never blocks: what cannot be sent now waits in `unsent`."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._unpacker = Unpacker()
        self._unsent = bytearray()

    def fileno(self) -> int:
        """For a selector."""
        return self._sock.fileno()

    @property
    def unsent(self) -> bool:
        """Whether to wait for the socket to take more."""
        return bool(self._unsent)

    def send(self, message: Message) -> None:
        """Send what the socket takes; `flush` sends the rest.

        A child that is gone is noticed by `receive`.
        """
        self._unsent += pack(message)
        self.flush()

    def flush(self) -> None:
        """Send more of what waits."""
        try:
            while self._unsent:
                del self._unsent[: self._sock.send(self._unsent)]
        except BlockingIOError:
            return
        except OSError:
            self._unsent.clear()

    def receive(self) -> list[Message] | None:
        """The whole messages that have come; None once the child is gone."""
        try:
            data = self._sock.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            return None
        return list(self._unpacker.feed(data)) if data else None

    def close(self) -> None:
        """Close the socket: the child sees the end of its input."""
        self._sock.close()


class ChildEnd:
    """The end that blocks: a child has nothing else to do."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._unpacker = Unpacker()

    def send(self, message: Message) -> None:
        """Send all of it."""
        self._sock.sendall(pack(message))

    def __iter__(self) -> Iterator[Message]:
        """Messages until the supervisor closes its end."""
        while data := self._sock.recv(_CHUNK):
            yield from self._unpacker.feed(data)
