"""Kinds of file that are not read, as other programs write them."""

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.images.file_kinds import HEAD_BYTES, kind_of

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


def written(save: Callable[[io.BytesIO], object]) -> bytes:
    """What a writer puts into a file."""
    file = io.BytesIO()
    save(file)
    return file.getvalue()


def zipped(name: str) -> bytes:
    return written(lambda file: zipfile.ZipFile(file, "w").writestr(name, "content"))


def tarred(mode: str) -> bytes:
    def save(file: io.BytesIO) -> None:
        with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
            archive.addfile(tarfile.TarInfo("a.png"))

    return written(save)


def nifti() -> bytes:
    """A header of NIfTI-1: its size first, its magic last."""
    return struct.pack("<i", 348) + bytes(340) + b"n+1\0" + bytes(4)


def media(brand: bytes, *compatible: bytes) -> bytes:
    """The first box of an ISO base media file (ISO/IEC 14496-12, 4.3)."""
    brands = b"".join(compatible)
    return struct.pack(">I", 16 + len(brands)) + b"ftyp" + brand + bytes(4) + brands + bytes(100)


KINDS = {
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "NumPy array": written(lambda file: np.save(file, np.arange(10))),
    "NumPy archive": written(lambda file: np.savez(file, images=np.arange(10))),
    "zip archive": zipped("images/a.png"),
    "Excel workbook": zipped("xl/workbook.xml"),
    "gzip archive": gzip.compress(b"image,label\n", mtime=0),
    "tar archive": tarred("w"),
    "a tar archive": tarred("w:gz"),
    "NIfTI": nifti(),
    "a NIfTI": gzip.compress(nifti(), mtime=0),
    "NRRD": b"NRRD0004\ntype: ushort\n",
    "MetaImage": b"ObjectType = Image\nNDims = 2\n",
    "web page": b"\n<!DOCTYPE html><html><title>Log in</title>",
    "Git LFS": LFS_POINTER,
    "git-annex": b"/annex/objects/SHA256E-s1--0.png\n",
    "Parquet": b"PAR1" + bytes(100),
    "PDF": written(lambda file: Image.new("L", (8, 8)).save(file, "PDF")),
    "PostScript": written(lambda file: Image.new("L", (8, 8)).save(file, "EPS")),
    "7z": b"7z\xbc\xaf\x27\x1c\0\4",
    "RAR": b"Rar!\x1a\x07\1\0",
    "video": media(b"isom", b"avc1"),
    "a video": b"RIFF\0\0\0\0AVI LIST",
    "HEIC": media(b"heic", b"mif1"),
    "JPEG XL": b"\xff\x0a\xfa\x1f",
    "MATLAB": b"MATLAB 5.0 MAT-file, Platform: GLNXA64",
    "SVG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
}


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_that_is_not_read_is_named_by_its_content(name: str) -> None:
    kind = kind_of(KINDS[name][:HEAD_BYTES], "a.png")
    assert kind is not None
    assert name in str(kind)
    assert str(kind) == f"{kind.name}: {kind.advice}"


def test_a_workbook_is_no_archive() -> None:
    kind = kind_of(zipped("[Content_Types].xml"), "labels.xlsx")
    assert kind is not None
    assert kind.name == "an Excel workbook"


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "JPEG2000", "PPM", "AVIF"])
def test_an_image_that_is_read_is_no_such_kind(format: str) -> None:
    assert kind_of(written(lambda file: Image.new("L", (16, 16)).save(file, format)), "a.png") is None


@pytest.mark.parametrize("text", ["image,label\na.png,0\n", '[{"name": "a.png"}]', "", "html\n"])
def test_a_table_is_no_such_kind(text: str) -> None:
    assert kind_of(text.encode(), "labels.csv") is None


def test_an_avif_by_its_compatible_brands_is_no_heic() -> None:
    assert kind_of(media(b"mif1", b"mif1", b"avif")) is None


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"II*\0", "a.SVS"),
        (b"II*\0", "a.ndpi"),
        (b"II*\0", "a.scn"),
        (b"\xff\xd8\xff\xe0", "a.mrxs"),
        (b"MM\0+", ".bif"),
    ],
)
def test_a_slide_is_told_by_its_name_since_its_content_is_a_tiff_or_a_thumbnail(head: bytes, name: str) -> None:
    kind = kind_of(head, name)
    assert kind is not None
    assert "export tiles" in kind.advice


def test_a_link_to_what_git_annex_did_not_download_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to("../.git/annex/objects/a1/b2/SHA256E-s1--0.png/SHA256E-s1--0.png")
    kind = kind_of(tmp_path / "a.png")
    assert kind is not None
    assert "git annex get" in kind.advice
    (tmp_path / "b.png").symlink_to("nowhere.png")
    with pytest.raises(FileNotFoundError):
        kind_of(tmp_path / "b.png")
