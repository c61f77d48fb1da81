"""The header of a compressed frame. Its size matters, since decoders allocate memory by it before anything else."""

from collections.abc import Iterator
from struct import unpack_from

_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""JPEG (ITU-T T.81, table B.1) and JPEG-LS (T.87); the three left out are tables and reserved codes."""
_SEQUENTIAL = (0xC0, 0xC1)
_LOSSY = (0xC0, 0xC1, 0xC2)
_APP0, _APP14 = 0xE0, 0xEE
_YBR_NUMBERS = bytes((1, 2, 3))
"""Which JFIF prescribes."""
_RGB_NUMBERS = (b"RGB", b"rgb")
_START_OF_SCAN = 0xDA
_WHOLE_SCAN = bytes((0, 63, 0))
"""Of a sequential scan: its first and last coefficient, and its successive approximation (T.81, table B.3)."""
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_START_OF_CODESTREAM = b"\xff\x4f\xff\x51"
"""JPEG 2000 (T.800, A.4.1 and A.5.1): SOC, then SIZ."""


def coded_size(frame: bytes) -> tuple[int, int, int] | None:
    """Width and height in px, and components, of a JPEG, JPEG-LS or JPEG 2000 frame; None for any other."""
    start = frame.find(_START_OF_CODESTREAM, 0, 1024)  # within boxes, where the frame is a whole JP2 file
    if start >= 0:
        right, bottom, left, top = unpack_from(">4I", frame, start + 8)
        return right - left, bottom - top, unpack_from(">H", frame, start + 40)[0]
    for code, place in _segments(frame):
        if code in _START_OF_FRAME:
            height, width, num_components = unpack_from(">HHB", frame, place + 5)
            return width, height, num_components
    return None


def coded_process(frame: bytes) -> tuple[int, int] | None:
    """The start-of-frame code (T.81, table B.1) and the bits of a JPEG or JPEG-LS frame; None for any other."""
    return next(((code, frame[place + 4]) for code, place in _segments(frame) if code in _START_OF_FRAME), None)


def with_whole_scan(frame: bytes) -> bytes:
    """A frame of sequential JPEG whose scan header names all 64 coefficients, as it must (T.81, B.2.3).

    Some encoders name only the first one, which decoders refuse. Any other frame is returned unchanged.
    """
    is_sequential = False
    for code, place in _segments(frame):
        is_sequential |= code in _SEQUENTIAL
        if code == _START_OF_SCAN and is_sequential:
            start = place + 5 + 2 * frame[place + 4]
            return frame[:start] + _WHOLE_SCAN + frame[start + len(_WHOLE_SCAN) :]
    return frame


def coded_color(frame: bytes) -> str | None:
    """ "RGB" or "YBR_FULL": the colour space of a lossy JPEG of three components; None where the file's tag decides.

    As libjpeg guesses it, which is dcmtk's option +cg: by a marker of JFIF or Adobe, else by the numbers of the
    components. Also by their sampling, since red and blue are never sampled more coarsely than green.
    """
    marked: str | None = None
    for code, place in _segments(frame):
        content = frame[place + 4 : place + 2 + unpack_from(">H", frame, place + 2)[0]]
        if code == _APP0 and content.startswith(b"JFIF\0"):
            return "YBR_FULL"
        if code == _APP14 and content.startswith(b"Adobe") and len(content) >= 12:
            marked = "YBR_FULL" if content[11] else "RGB"
        if code in _START_OF_FRAME:
            components = [content[start : start + 3] for start in range(6, len(content) - 2, 3)]
            if code not in _LOSSY or len(components) != 3:
                return None
            numbers = bytes(component[0] for component in components)
            if marked or numbers in _RGB_NUMBERS:
                return marked or "RGB"
            is_sampled = len({component[1] for component in components}) > 1
            return "YBR_FULL" if is_sampled or numbers == _YBR_NUMBERS else None
    return None


def _segments(frame: bytes) -> Iterator[tuple[int, int]]:
    """Code and place of each marker of a JPEG up to the first scan."""
    place = 2
    while place + 10 <= len(frame) and frame[place] == 0xFF:
        code = frame[place + 1]
        if code == 0xFF:  # a fill byte
            place += 1
            continue
        yield code, place
        if code == _START_OF_SCAN:
            return
        place += 2 if code in _WITHOUT_LENGTH else 2 + unpack_from(">H", frame, place + 2)[0]
