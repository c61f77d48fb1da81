"""A tiny copy of a public dataset: its folders, names and headers are the true ones, its images are noise."""

import csv
import functools
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

_PILLOW_NAMES = {"jpg": "JPEG", "tif": "TIFF", "pgm": "PPM"}


@dataclass(frozen=True)
class Truth:
    """What an import must know of an image."""

    image: str
    """Its path from the source's root."""
    label: str
    patient: str = ""
    """Any name that is the same for all images of a patient."""
    slide: str = ""
    split: str = ""
    raters: tuple[str, ...] = ()
    """The labels of single readers, of whatever names and order."""


@dataclass(frozen=True)
class PublicDataset:
    """A dataset of the table in core/docs/formats.md."""

    name: str
    make: Callable[[Path], list[Truth]]
    """Writes the dataset into an empty folder."""
    asked: dict[str, Any] = field(default_factory=dict)
    """What the command there has besides the source, as fields of ImportRequest."""
    source: str = "."
    """What is imported, from that folder."""
    question: str = ""
    """What the error of an import without flags may ask for; empty: such an import must find the classes."""


def write_table(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    """header: the first line as it is in the release; empty: there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(header and f"{header}\n")
        csv.writer(file, lineterminator="\n").writerows(rows)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_picture(path.suffix[1:].lower()))


@functools.cache
def _picture(suffix: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, _PILLOW_NAMES.get(suffix, suffix))
    return buffer.getvalue()


def write_dicom(path: Path, uid: str, patient: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
    dataset.PatientID = patient
    dataset.Rows = dataset.Columns = 16
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 7, 0, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = bytes(256)
    dataset.save_as(path, enforce_file_format=True)
