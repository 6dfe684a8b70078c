"""A page for the tests of ingress: shows its requests, streams events, takes uploads, echoes a WebSocket.

It is the app's program, so it uses the standard library alone.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

released = threading.Event()


class Page(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answers GET."""
        {"/events": self.events, "/ws": self.echo, "/release": self.release}.get(self.path, self.show)()

    def do_POST(self) -> None:
        """Answers with how the body came, and its length."""
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        count, left = 0, int(self.headers.get("Content-Length") or 0)
        if chunked:
            while size := int(self.rfile.readline(), 16):
                count += len(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        while left > 0:
            piece = len(self.rfile.read(min(left, 1 << 20)))
            count, left = count + piece, left - piece
        self.send(json.dumps({"chunked": chunked, "bytes": count}).encode())

    def show(self) -> None:
        """The request as it came, compressed."""
        seen = {"path": self.path, "peer": self.client_address[0]}
        seen |= {name.lower(): value for name, value in self.headers.items()}
        self.send(gzip.compress(json.dumps(seen).encode()), ("Content-Encoding", "gzip"))

    def release(self) -> None:
        """Lets the second event go."""
        released.set()
        self.send(b"{}")

    def events(self) -> None:
        """One event at once, a second one when asked, and then no end."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        self.close_connection = True
        self.wfile.write(b"data: one\n\n")
        released.wait()
        self.wfile.write(b"data: two\n\n")

    def echo(self) -> None:
        """A WebSocket: its request's headers first, then every short message as it comes."""
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        proof = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_header("Sec-WebSocket-Accept", proof)
        self.send_header("Sec-WebSocket-Protocol", "two")
        self.end_headers()
        self.close_connection = True
        self.frame(json.dumps({name.lower(): value for name, value in self.headers.items()}).encode())
        while head := self.rfile.read(2):
            mask = self.rfile.read(4)
            data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.rfile.read(head[1] & 127)))
            if head[0] & 15 == 8:
                return
            self.frame(data)

    def frame(self, data: bytes) -> None:
        """One text message."""
        length = bytes([len(data)]) if len(data) < 126 else b"\x7e" + len(data).to_bytes(2, "big")
        self.wfile.write(b"\x81" + length + data)

    def send(self, body: bytes, *headers: tuple[str, str]) -> None:
        """JSON."""
        self.send_response(200)
        for name, value in (*headers, ("Content-Type", "application/json; charset=utf-8")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


for port in map(int, sys.argv[1:]):
    server = ThreadingHTTPServer(("0.0.0.0", port), Page)
    threading.Thread(target=server.serve_forever).start()
print("the page is up", flush=True)
