"""Whether a study's images were decoded by an earlier version, which displays some kinds of file otherwise."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from overread.errors import StudyError
from overread.images.cache.pixel_cache import CACHE_VERSION, open_cache
from overread.studies.study import Study

DECODED_EARLIER = (
    "the images were decoded by an earlier version, which displays some DICOM, TIFF and 16-bit PNG files differently; "
    "import the source again with --update (verdicts are kept)"
)
DECODED_ANEW = "all images were decoded again, as this version displays them; train again (verdicts are kept)"
_AS_EVER = (".jpg", ".jpeg")


def decoding_note(study: Study) -> str:
    """DECODED_EARLIER where trainings and checks may use other pixels than the viewer shows; else empty.

    Raises StudyError where samples.csv cannot be read.
    """
    return DECODED_EARLIER if may_differ(study.pixels_path, study.samples()["image"]) else ""


def may_differ(pixels_path: Path, images: Iterable[str]) -> bool:
    """Whether the pixel cache is an earlier version's, and holds other files than JPEG, which never were decoded
    otherwise. images: their paths."""
    try:
        is_current = open_cache(pixels_path).version == CACHE_VERSION
    except StudyError:  # it is built anew
        return False
    return not is_current and any(PurePosixPath(image).suffix.lower() not in _AS_EVER for image in images)
