"""A WebSocket client of bytes alone: a hand-written upgrade, masked frames, no library and no compression."""

import asyncio
import base64
import hashlib
import os
import struct
from urllib.parse import urlsplit

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, CLOSE, PING, PONG = 0, 1, 8, 9, 10


class RawSocket:
    """One connection; frames go out masked, as clients must send them (RFC 6455)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, url: str) -> "RawSocket":
        """Upgrade a connection to `url`; the server's accept key is verified."""
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        key = base64.b64encode(os.urandom(16))
        lines = [
            f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key.decode()}", "Sec-WebSocket-Version: 13", "", "",
        ]  # fmt: skip
        writer.write("\r\n".join(lines).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        assert base64.b64encode(hashlib.sha1(key + GUID).digest()) in head, head
        return cls(reader, writer)

    def frame(self, opcode: int, payload: bytes, is_last: bool = True) -> None:
        """Send one frame."""
        mask = os.urandom(4)
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack("!H", size)
        body = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
        self._writer.write(bytes([(0x80 if is_last else 0) | opcode]) + length + mask + body)

    def text(self, text: str) -> None:
        """Send a text in one frame."""
        self.frame(TEXT, text.encode())

    async def receive(self) -> tuple[int, bytes]:
        """Return the next frame: opcode and payload."""
        async with asyncio.timeout(5):
            first, second = await self._reader.readexactly(2)
            assert first & 0x80 and not second & 0x80, "servers send whole, unmasked frames"
            size = second
            if second == 126:
                (size,) = struct.unpack("!H", await self._reader.readexactly(2))
            elif second == 127:
                (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
            return first & 0x0F, await self._reader.readexactly(size)

    async def close(self) -> None:
        """Drop the connection."""
        self._writer.close()
        await self._writer.wait_closed()
