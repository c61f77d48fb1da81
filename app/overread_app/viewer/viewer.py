"""The image viewer: an image at full resolution and full bit depth, with window, zoom and keys.

A Streamlit component: its markup, style and code are the other files of this folder. The code is one module, cut by
noun; it runs in the page itself, so that it can also keep repeated presses from the page's shortcuts (keys.js).
"""

import gzip
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.runtime import get_instance

from overread.images.decoded_image import DecodedImage
from overread.images.decoding import read_image
from overread.images.location import Location

FOLDER = Path(__file__).parent
JAVASCRIPT = "\n".join((FOLDER / name).read_text() for name in ("pixels.js", "surface.js", "keys.js", "viewer.js"))
NUM_KEPT = 16
"""Encoded images in memory, over all sessions; a radiograph of 2,000 x 2,000 takes some 6 MB."""

# Registered once, when the module is first imported: a second registration under the same name is an error.
_viewer = st.components.v2.component(
    "overread_viewer",
    html=(FOLDER / "viewer.html").read_text(),
    css=(FOLDER / "viewer.css").read_text(),
    js=JAVASCRIPT,
)
# The same code, hence the same module in the browser and the same store of decoded images.
_prefetch = st.components.v2.component("overread_prefetch", js=JAVASCRIPT)


@dataclass(frozen=True)
class EncodedImage:
    """An image for the browser: gzipped values, and what is needed to display them."""

    content: bytes
    width: int
    height: int
    channels: int
    type: str
    """uint8 or uint16; little-endian. A value is code * scale + offset."""
    scale: float
    offset: float
    minimum: int
    """Codes lie between minimum and maximum, both included; that of padding is maximum + 1."""
    maximum: int
    center: float
    window: float
    voi: str
    is_inverted: bool
    is_dicom: bool


def encode(image: DecodedImage) -> EncodedImage:
    """The image without loss, and its initial window."""
    if image.pixels.dtype == np.uint8 and image.is_padding is None:
        codes, scale, offset, minimum, maximum = image.pixels, 1.0, 0.0, 0, 255
    else:
        codes, scale, offset = image.codes()
        minimum, maximum = int(codes.min()), int(codes.max()) - (image.is_padding is not None)
    center, window = image.window()
    return EncodedImage(
        # Without a timestamp, so that the same image has the same address.
        content=gzip.compress(codes.astype(codes.dtype.newbyteorder("<")).tobytes(), compresslevel=1, mtime=0),
        width=codes.shape[1],
        height=codes.shape[0],
        channels=3 if image.is_color else 1,
        type=codes.dtype.name,
        scale=scale,
        offset=offset,
        minimum=minimum,
        maximum=maximum,
        center=float(center),
        window=float(window),
        voi=image.voi_function,
        is_inverted=image.is_inverted,
        is_dicom=image.is_dicom,
    )


def encoded_image(location: Location) -> EncodedImage:
    """An image, decoded once and cached; a local file that has changed is read again. Raises ImageError."""
    return _encoded(location, location.stamp())


@lru_cache(maxsize=NUM_KEPT)
def _encoded(location: Location, _stamp: tuple[int, int]) -> EncodedImage:
    return encode(read_image(location))


def show_viewer(image: EncodedImage, *, visit: str, key: str) -> None:
    """Show the viewer. visit: opaque and new for each showing; the reader's zoom and window last as long as it does."""
    _viewer(key=key, data={"visit": visit, "image": _description(image, place=key)})


def prefetch_images(images: list[EncodedImage], *, key: str) -> None:
    """Have the browser fetch and decode the next images. Shows nothing, but takes a place in the layout."""
    specs = [_description(image, place=f"{key}{number}") for number, image in enumerate(images)]
    _prefetch(key=key, data={"prefetch": specs})


def _description(image: EncodedImage, *, place: str) -> dict[str, object]:
    # Streamlit names the file by its content's hash: the address contains no name from the source.
    url = get_instance().media_file_mgr.add(image.content, "application/octet-stream", f"overread.{place}")
    base = st.get_option("server.baseUrlPath").strip("/")
    return {
        "url": f"/{base}{url}" if base else url,
        "width": image.width,
        "height": image.height,
        "channels": image.channels,
        "type": image.type,
        "scale": image.scale,
        "offset": image.offset,
        "minimum": image.minimum,
        "maximum": image.maximum,
        "center": image.center,
        "window": image.window,
        "voi": image.voi,
        "isInverted": image.is_inverted,
        "isDicom": image.is_dicom,
    }
