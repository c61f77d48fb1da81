"""Damaged image files without end, from a seed: whole ones, mutated as transfers, disks and attackers damage them."""

import io
import struct
import zlib
from pathlib import Path

import data_store
import numpy as np
import pydicom
from PIL import Image
from pydicom.uid import DeflatedExplicitVRLittleEndian

MAX_BYTES = 150_000
"""Larger ones of pydicom's files are left out: they would only cost time."""
_HEADER_BYTES = 2_000
_PIXEL_DATA_TAGS = (b"\xe0\x7f\x10\0", b"\x7f\xe0\0\x10", DeflatedExplicitVRLittleEndian.encode())
_EXTREMES = (b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0", b"\xff\xff", b"\xff\x7f", b"\0\x80", bytes(4), b"\xff" * 4)

_SIZE_MARKERS = (
    *(b"\xff" + bytes([code]) for code in (0xC0, 0xC1, 0xC2, 0xC3)),  # JPEG: SOF
    b"\xff\xf7",  # JPEG-LS: SOF55
    b"\xff\x51",  # JPEG 2000: SIZ
    b"IHDR",
    *(bytes((tag, 1, type_, 0)) for tag in (0, 1, 2, 21) for type_ in (3, 4)),  # TIFF: width, length, bits, samples
    *(bytes((0x28, 0, element, 0)) for element in (0x02, 0x08, 0x10, 0x11)),  # DICOM: samples, frames, rows, columns
)


def whole_files() -> list[bytes]:
    """pydicom's own files, and a PNG, JPEG or TIFF of every kind that pillow writes."""
    folders = (Path(pydicom.__file__).parent / "data" / "test_files", Path(data_store.__file__).parent / "data")
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    contents = [path.read_bytes() for path in paths if path.stat().st_size <= MAX_BYTES]
    return [content for content in contents if any(tag in content for tag in _PIXEL_DATA_TAGS)] + _rasters()


def _rasters() -> list[bytes]:
    rng = np.random.default_rng(0)
    smooth = np.add.outer(np.arange(40), np.arange(52)) * 2
    color = Image.fromarray((np.dstack([smooth] * 3) + rng.integers(0, 40, (40, 52, 3))).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    pictures = {mode: color.convert(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F")}
    pictures["I;16"] = Image.fromarray((smooth * 300).astype(np.uint16))
    kinds = [("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
    kinds += [("JPEG", mode, {"exif": exif}) for mode in ("L", "RGB", "CMYK")]
    kinds += [("JPEG", "RGB", {"progressive": True}), ("JPEG", "RGB", {"subsampling": 0, "restart_marker_rows": 1})]
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        modes = ("L", "RGB", "CMYK") if compression == "jpeg" else ("1", "L", "P", "RGB", "RGBA", "I;16", "I", "F")
        kinds += [("TIFF", mode, {"compression": compression}) for mode in modes]
    kinds += [("TIFF", "1", {"compression": "group4"}), ("TIFF", "YCbCr", {"compression": "raw"})]
    contents = []
    for form, mode, options in kinds:
        file = io.BytesIO()
        pictures[mode].save(file, form, **options)
        contents.append(file.getvalue())
    return contents


def mutated(files: list[bytes], seed: int) -> bytes:
    """One of the files with one to three faults in it. The same seed gives the same bytes."""
    rng = np.random.default_rng(seed)
    content = files[rng.integers(len(files))]
    is_deflated = DeflatedExplicitVRLittleEndian.encode() + b"\0" in content[:1000] and rng.random() < 0.8
    if is_deflated:  # damage within, else nearly all ends at the first bit
        head, content = _inflated(content)
    for _ in range(rng.integers(1, 4)):
        content = _with_fault(content, files, rng)
    if is_deflated:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return head + packer.compress(content) + packer.flush()
    if content[:4] == b"\x89PNG" and rng.random() < 0.8:
        return _with_true_checksums(content)
    return content


def _with_fault(content: bytes, files: list[bytes], rng: np.random.Generator) -> bytes:
    if len(content) < 16:
        return content
    # Headers are where a few bytes decide; pixels are merely many.
    end = min(len(content), _HEADER_BYTES) if rng.random() < 0.6 else len(content)
    start = int(rng.integers(end))
    length = int(rng.geometric(0.05))
    match rng.integers(8):
        case 0:
            flipped = bytes([content[start] ^ (1 << int(rng.integers(8)))])
            return content[:start] + flipped + content[start + 1 :]
        case 1:
            extreme = _EXTREMES[rng.integers(len(_EXTREMES))]
            return content[:start] + extreme + content[start + len(extreme) :]
        case 2:
            return content[:start] + rng.bytes(length) + content[start + length :]
        case 3:
            return content[:start] + content[start + length :]
        case 4:
            return content[:start] + content[start : start + length] * int(rng.integers(2, 30)) + content[start:]
        case 5:
            other = files[rng.integers(len(files))]
            place = int(rng.integers(len(other)))
            return content[:start] + other[place : place + 20 * length] + content[start + length :]
        case 6:
            return content[: max(start, 16)] if rng.random() < 0.3 else content
        case _:
            return _with_false_size(content, rng)


def _with_false_size(content: bytes, rng: np.random.Generator) -> bytes:
    """What a decompression bomb does: a few of the bytes are changed that tell the width, height and depth."""
    markers = [marker for marker in _SIZE_MARKERS if marker in content]
    if not markers:
        return content
    marker = markers[rng.integers(len(markers))]
    place = content.index(marker) + len(marker) + int(rng.integers(16))
    extreme = _EXTREMES[rng.integers(len(_EXTREMES))] if rng.random() < 0.5 else rng.bytes(int(rng.integers(1, 4)))
    return content[:place] + extreme + content[place + len(extreme) :]


def _inflated(content: bytes) -> tuple[bytes, bytes]:
    (length,) = struct.unpack_from("<I", content, 140)
    head = content[: 144 + length]
    return head, zlib.decompressobj(-zlib.MAX_WBITS).decompress(content[len(head) :])


def _with_true_checksums(content: bytes) -> bytes:
    """A PNG whose chunks, damaged as they are, agree with their checksums: else pillow looks no further."""
    parts, place = [content[:8]], 8
    while place + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        if place + 12 + length > len(content):
            break
        chunk = content[place + 4 : place + 8 + length]
        parts += [content[place : place + 4], chunk, struct.pack(">I", zlib.crc32(chunk))]
        place += 12 + length
    return b"".join([*parts, content[place:]])
