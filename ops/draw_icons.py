"""Draws addon/icon.png and addon/logo.png: a droid of circles, with nothing but zlib; run it to redo them."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

ADDON = Path(__file__).resolve().parents[1] / "addon"
Colour = tuple[int, int, int, int]
CLEAR: Colour = (0, 0, 0, 0)
WHITE: Colour = (245, 245, 240, 255)
GREY: Colour = (150, 155, 160, 255)
ORANGE: Colour = (232, 113, 10, 255)
BLACK: Colour = (28, 30, 34, 255)
BLUE: Colour = (60, 130, 200, 255)
SAMPLES = 4


def droid(x: float, y: float) -> Colour:
    """The colour at a point of the unit square: a head on a ball, seen from the front."""
    body = math.hypot(x - 0.5, y - 0.64)
    if math.hypot(x - 0.56, y - 0.245) < 0.052:
        return BLACK if math.hypot(x - 0.575, y - 0.232) > 0.016 else BLUE
    if y < 0.315 and math.hypot(x - 0.5, (y - 0.315) * 1.05) < 0.21:
        return ORANGE if 0.275 < y < 0.3 or 0.125 < y < 0.15 else WHITE
    if body < 0.335:
        return _ball(x, y, body)
    return CLEAR


def _ball(x: float, y: float, body: float) -> Colour:
    disc = math.hypot(x - 0.5, y - 0.66)
    if disc < 0.07:
        return GREY
    if 0.125 < disc < 0.175:
        return ORANGE
    sides = min(math.hypot(x - 0.2, y - 0.78), math.hypot(x - 0.8, y - 0.78))
    if sides < 0.11:
        return ORANGE if sides > 0.06 else GREY
    return GREY if body > 0.32 else WHITE


def picture(width: int, height: int) -> bytes:
    """RGBA rows of the droid, centred on a clear ground, four by four samples to a pixel."""
    rows = []
    for row in range(height):
        line = bytearray(b"\0")
        for column in range(width):
            line += bytes(_pixel(column - (width - height) / 2, row, height))
        rows.append(bytes(line))
    return b"".join(rows)


def _pixel(column: float, row: float, size: int) -> Colour:
    steps = [(index + 0.5) / SAMPLES for index in range(SAMPLES)]
    colours = [droid((column + right) / size, (row + down) / size) for down in steps for right in steps]
    alpha = sum(colour[3] for colour in colours)
    if alpha == 0:
        return CLEAR
    red, green, blue = (sum(c[band] * c[3] for c in colours) // alpha for band in range(3))
    return red, green, blue, alpha // len(colours)


def png(width: int, height: int) -> bytes:
    """A whole PNG file."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(picture(width, height), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


if __name__ == "__main__":
    (ADDON / "icon.png").write_bytes(png(128, 128))
    (ADDON / "logo.png").write_bytes(png(250, 100))
