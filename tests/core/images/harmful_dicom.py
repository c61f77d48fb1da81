"""DICOM files that are small or plain to see, and took minutes or gigabytes to read: damaged, or made to harm."""

import struct
import zlib
from pathlib import Path

import numpy as np

from tests.core.images.made_dicom import write_dicom

PIXELS = np.random.default_rng(0).integers(0, 4096, (24, 20)).astype(np.uint16)
_EXPLICIT, _IMPLICIT, _DEFLATED = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2.1.99"
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_OF_UNDEFINED_LENGTH, _SEQUENCE_END = (
    struct.pack("<HHI", 0xFFFE, *rest) for rest in ((0xE000, 0), (0xE000, _UNDEFINED), (0xE0DD, 0))
)


def parts(folder: Path) -> tuple[bytes, bytes]:
    """A good file's preamble and meta information, and its data set, which holds PIXELS."""
    write_dicom(folder / "whole.dcm", PIXELS)
    content = (folder / "whole.dcm").read_bytes()
    end = 144 + struct.unpack_from("<I", content, 140)[0]
    return content[:end], content[end:]


def harmful(kind: str, folder: Path, num: int) -> Path:
    """A file of this kind; num: of its elements, items, values or, in thousands, bytes."""
    meta, body = parts(folder)
    content = {
        "zeros": lambda: meta[:132] + bytes(1000 * num),
        "zeros after the meta information": lambda: meta + bytes(1000 * num),
        "zeros without a preamble": lambda: b"\x08\0\0\0\x04\0\0\0" + bytes(1000 * num),
        "a tail of zeros": lambda: meta + body + bytes(1000 * num),
        "deflated zeros": lambda: _deflated(meta, bytes(10**6), num),
        "a deflated tail of zeros": lambda: _deflated(meta, body, num),
        "deflated private bytes": lambda: _deflated(meta, _element(9, 0x1001, b"OB", 1000 * num), num),
        "tiny elements": lambda: meta + _tiny(num) + body,
        "tiny elements of a sequence": lambda: (
            meta + _element(8, 0x1140, b"SQ", 8 * num + 8) + _ITEM[:4] + struct.pack("<I", 8 * num) + _tiny(num) + body
        ),
        "nested sequences": lambda: meta + num * (_sequence() + _ITEM_OF_UNDEFINED_LENGTH),
        "items of undefined length": lambda: (
            meta + _sequence() + num * (_ITEM_OF_UNDEFINED_LENGTH + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)) + body
        ),
        "empty items": lambda: meta + _sequence() + num * _ITEM + _SEQUENCE_END + body,
        "private bytes": lambda: meta + _element(9, 0x1001, b"OB", 1000 * num) + _noise(1000 * num) + body,
        "private bytes of undefined length": lambda: (
            meta + _element(9, 0x1001, b"UN", _UNDEFINED) + _noise(1000 * num) + body
        ),
        "a long window": lambda: _in_implicit_vr(meta, num),
        "empty fragments": lambda: _in_fragments(meta, body, num),
    }[kind]()
    path = folder / "harmful.dcm"
    path.write_bytes(content)
    return path


def _element(group: int, element: int, vr: bytes, length: int) -> bytes:
    return struct.pack("<HH2sHI", group, element, vr, 0, length)


def _sequence() -> bytes:
    return _element(0x0008, 0x1140, b"SQ", _UNDEFINED)


def _tiny(num: int) -> bytes:
    """Private elements of no bytes, each of another tag."""
    elements = np.zeros(num, dtype=[("group", "<u2"), ("element", "<u2"), ("vr", "S2"), ("length", "<u2")])
    elements["group"] = 0x0011 + 2 * (np.arange(num) >> 16)
    elements["element"] = np.arange(num) & 0xFFFF
    elements["vr"] = b"CS"
    return elements.tobytes()


def _noise(num_bytes: int) -> bytes:
    return np.random.default_rng(1).bytes(num_bytes)


def _with_syntax(meta: bytes, syntax: bytes) -> bytes:
    changed = meta.replace(struct.pack("<H", len(_EXPLICIT)) + _EXPLICIT, struct.pack("<H", len(syntax)) + syntax)
    return changed[:140] + struct.pack("<I", len(changed) - 144) + changed[144:]


def _deflated(meta: bytes, body: bytes, num: int) -> bytes:
    """With so many thousand zeros after the body, in whole megabytes; made in no time, for each one packs alike."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    head, megabyte = (packer.compress(part) + packer.flush(zlib.Z_FULL_FLUSH) for part in (body, bytes(10**6)))
    return _with_syntax(meta, _DEFLATED) + head + (num // 1000) * megabyte + packer.flush()


def _in_implicit_vr(meta: bytes, num: int) -> bytes:
    """With so many windows: the length of a text is bounded in an explicit VR, not in an implicit one."""
    numbers = {0x02: 1, 0x10: 24, 0x11: 20, 0x100: 16, 0x101: 16, 0x102: 15, 0x103: 0}
    elements = {element: struct.pack("<H", number) for element, number in numbers.items()}
    elements |= {0x04: b"MONOCHROME2 ", 0x1050: b"1\\" * num, 0x1051: b"2\\" * num}
    image = b"".join(struct.pack("<HHI", 0x28, at, len(elements[at])) + elements[at] for at in sorted(elements))
    pixels = PIXELS.tobytes()
    return _with_syntax(meta, _IMPLICIT) + image + struct.pack("<HHI", 0x7FE0, 0x10, len(pixels)) + pixels


def _in_fragments(meta: bytes, body: bytes, num: int) -> bytes:
    """Pixel data, JPEG as they say, of so many fragments without a byte."""
    start = body.index(b"\xe0\x7f\x10\0")
    pixels = _element(0x7FE0, 0x10, b"OB", _UNDEFINED) + (num + 1) * _ITEM + _SEQUENCE_END
    return _with_syntax(meta, b"1.2.840.10008.1.2.4.50") + body[:start] + pixels
