"""The size that a compressed frame tells of itself: decoders believe it, and take the memory first of all."""

from struct import unpack_from

_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""JPEG (ITU-T T.81, table B.1) and JPEG-LS (T.87); the three left out are tables and reserved codes."""
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_START_OF_CODESTREAM = b"\xff\x4f\xff\x51"
"""JPEG 2000 (T.800, A.4.1 and A.5.1): SOC, then SIZ."""


def told_size(frame: bytes) -> tuple[int, int, int] | None:
    """Width and height in px, and components, of a JPEG, JPEG-LS or JPEG 2000 frame; None of any other."""
    start = frame.find(_START_OF_CODESTREAM, 0, 1024)  # within boxes, where the frame is a whole JP2 file
    if start >= 0:
        right, bottom, left, top = unpack_from(">4I", frame, start + 8)
        return right - left, bottom - top, unpack_from(">H", frame, start + 40)[0]
    place = 2
    while place + 10 <= len(frame) and frame[place] == 0xFF:
        code = frame[place + 1]
        if code in _START_OF_FRAME:
            height, width, num_components = unpack_from(">HHB", frame, place + 5)
            return width, height, num_components
        if code == 0xFF:  # a fill byte
            place += 1
        elif code in _WITHOUT_LENGTH:
            place += 2
        else:
            place += 2 + unpack_from(">H", frame, place + 2)[0]
    return None
