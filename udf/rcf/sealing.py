"""What is kept as bytes begins with a magic and a version, and ends with a checksum.

magic, version │ content │ CRC-32 of all before
"""

import struct
import zlib

_START = struct.Struct("<4sH")
_CHECK = struct.Struct("<I")


def seal(magic: bytes, version: int, content: bytes) -> bytes:
    """The content between its magic, 4 bytes, and version, and its checksum."""
    data = _START.pack(magic, version) + content
    return data + _CHECK.pack(zlib.crc32(data))


def unseal(data: bytes, magic: bytes, newest: int, least: int, what: str) -> tuple[int, bytes]:
    """Version and content of undamaged bytes, where the content of `what` is at least `least` bytes.

    Raises ValueError for bytes of something else, of a version above `newest`, or damaged.
    """
    if len(data) < _START.size or data[:4] != magic:
        raise ValueError(f"data must be the bytes of a {what}, got {data[:4]!r}")
    version = _START.unpack_from(data)[1]
    if version > newest:
        raise ValueError(f"version of data must be at most {newest}, got {version!r}")
    if len(data) < _START.size + least + _CHECK.size:
        raise ValueError(f"data must be undamaged, got only {len(data)} bytes")
    expected, found = _CHECK.unpack(data[-_CHECK.size :])[0], zlib.crc32(data[: -_CHECK.size])
    if found != expected or version < 1:
        raise ValueError(f"data must be undamaged, got checksum {found:08x} instead of {expected:08x}")
    return version, data[_START.size : -_CHECK.size]
