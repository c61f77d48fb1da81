"""DICOM to pixels: the file, what it must say about its pixels, and the kind of image that they are."""

import os
import re
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from overread.errors import ImageError
from overread.images.decoded_image import DecodedImage, check_frame, check_size, one_channel_if_grey
from overread.images.dicom.grey_values import grey_image
from overread.images.dicom.lookup_table import apply_palette, to_8_bits
from overread.images.dicom.parse_limits import ORDINARY, Limits, OverLimitError
from overread.images.dicom.parser import parse
from overread.images.dicom.pixel_aspect import displayed_size, displayed_spacing, stretch
from overread.images.dicom.single_frame import read_one_frame
from overread.images.dicom.stored_pixels import decode
from overread.images.silence import silence_loggers

silence_loggers("pydicom", "pylibjpeg", "openjpeg", "libjpeg", "rle")

ONE_TILE = "the file is a whole slide in tiles, of which the middle one is used: export tiles of it as PNG or JPEG"
_MODALITY = re.compile("[A-Z]{2,4}")
"""The codes of all modalities whose pixels are read (PS3.3 C.7.3.1.1.1); anything else may be about a person."""
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLORS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_PALETTE = "PALETTE COLOR"
_NEEDED_OF_FLOATS = ("SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated")
_NEEDED = (*_NEEDED_OF_FLOATS, "BitsStored", "PixelRepresentation")


def read_dicom(file: BinaryIO, *, frame_number: int | None = None, limits: Limits = ORDINARY) -> DecodedImage:
    """One frame of a file, counted from 1; without a number the middle one; with square pixels.

    Raises ImageError, OverLimitError.
    """
    dataset, place, frame = _read_frame(file, frame_number, limits)
    width, height = displayed_size(dataset, frame)
    check_size(width, height)
    check_size(int(dataset.Columns), int(dataset.Rows))
    _check_description(dataset)
    image = stretch(_decoded(dataset, place, frame, limits), width, height)
    image = replace(image, modality=_modality(dataset), spacing=displayed_spacing(dataset, frame))
    is_slide = int(dataset.get("TotalPixelMatrixColumns") or 0) > int(dataset.Columns)  # PS3.3 C.8.12.4
    return replace(image, notes=(*image.notes, ONE_TILE)) if is_slide and frame_number is None else image


def _modality(dataset: Dataset) -> str:
    code = str(dataset.get("Modality") or "").strip()
    return code if _MODALITY.fullmatch(code) else ""


def _decoded(dataset: Dataset, place: int, frame: int, limits: Limits) -> DecodedImage:
    interpretation = str(dataset.PhotometricInterpretation or "").strip().upper()
    if interpretation not in (*_GREY, *_COLORS, _PALETTE):
        raise ImageError(f"its PhotometricInterpretation is {'not supported' if interpretation else 'missing'}")
    is_grey = interpretation in _GREY
    is_triple = is_grey and dataset.SamplesPerPixel == 3
    dataset.PhotometricInterpretation = "RGB" if is_triple else interpretation
    stored, is_padding = decode(dataset, place, limits, is_grey=is_grey and not is_triple)
    if is_triple and (stored == stored[..., :1]).all():  # grey images that a program wrapped as colour
        stored = stored[..., 0]
    if stored.ndim == 3 and interpretation in _COLORS:
        return DecodedImage(one_channel_if_grey(to_8_bits(stored, int(dataset.BitsStored))), is_dicom=True)
    if stored.ndim == 2 and interpretation == _PALETTE:
        return DecodedImage(one_channel_if_grey(apply_palette(stored, dataset)), is_dicom=True)
    if stored.ndim == 2 and is_grey:
        return grey_image(stored, is_padding, dataset, frame, is_inverted=interpretation == "MONOCHROME1")
    raise ImageError("its PhotometricInterpretation is not one for its number of channels")


def _read_frame(file: BinaryIO, frame_number: int | None, limits: Limits) -> tuple[Dataset, int, int]:
    """A data set with the frame, the frame's index in its pixel data, and its index in the file."""
    alone = read_one_frame(file, frame_number, limits)
    if alone is not None:
        return _checked(alone[0]), 0, alone[1]
    dataset = _read_dataset(file, limits)
    num_frames = max(int(dataset.get("NumberOfFrames") or 1), 1)
    if frame_number is not None:
        check_frame(frame_number, num_frames)
    frame = num_frames // 2 if frame_number is None else frame_number - 1
    return dataset, frame, frame


def _read_dataset(file: BinaryIO, limits: Limits) -> Dataset:
    """The whole file, with a transfer syntax: its own, or the one that pydicom assumed where it names none."""
    num_bytes = file.seek(0, os.SEEK_END)
    if num_bytes > limits.file_bytes:
        raise OverLimitError(f"too large (over {limits.file_bytes // 10**6} MB)")
    file.seek(0)
    return _checked(parse(BytesIO(file.read(num_bytes)), limits)[0])


def _checked(dataset: Dataset) -> Dataset:
    """With a transfer syntax. Raises ImageError where there is no image."""
    if len(dataset) == 0:  # what pydicom makes of a file that ends within an element
        raise ImageError("the file is truncated")
    if not (isinstance(dataset.get("Rows"), int) and isinstance(dataset.get("Columns"), int)):
        raise ImageError("a DICOM file without an image")
    if not any(dataset.get(name) for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise ImageError("a DICOM file without pixel data")
    if not dataset.file_meta.get("TransferSyntaxUID"):
        is_implicit, is_little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit
    return dataset


def _check_description(dataset: Dataset) -> None:
    """Raise ImageError unless the file says how its pixels are stored (PS3.3 C.7.6.3), in a way that can be read."""
    needed = _NEEDED if "PixelData" in dataset else _NEEDED_OF_FLOATS
    if any(dataset.get(name) is None for name in needed):
        raise ImageError("a DICOM file that does not say how its pixels are stored")
    if "PixelData" in dataset and not 1 <= dataset.BitsStored <= dataset.BitsAllocated:
        raise ImageError("the DICOM file stores more bits than it allocates, or none")
    try:
        get_decoder(dataset.file_meta.TransferSyntaxUID)
    except NotImplementedError:
        raise ImageError("its DICOM transfer syntax is not supported") from None
