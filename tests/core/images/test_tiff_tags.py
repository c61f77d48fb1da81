"""The tags of TIFF files as they were written, and of damaged ones none."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from overread.errors import ImageError
from overread.images.decoding import read_image
from overread.images.file_kinds import WHOLE_SLIDE
from overread.images.tiff_tags import read_tiff_tags
from tests.core.images.made_tiff import DESCRIPTION, SUBFILE, TILE_WIDTH, tiff

_GREY = np.zeros((10, 12), dtype=np.uint16)
_COLOR = np.zeros((10, 12, 3), dtype=np.uint8)
_SCN = b'<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01">\0'


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_big", [False, True])
def test_tags_are_those_that_were_written(order: str, is_big: bool) -> None:
    for page, bits, channels, photometric in ((_GREY, (16,), 1, 1), (_COLOR, (8, 8, 8), 3, 2)):
        file = io.BytesIO(tiff([page, page, page], order=order, is_big=is_big))
        tags = read_tiff_tags(file)
        assert tags is not None
        assert (tags.width_px, tags.height_px) == (12, 10)
        assert (tags.bits, tags.channels, tags.photometric) == (bits, channels, photometric)
        assert (tags.num_pages, tags.is_tiled, tags.is_slide) == (3, False, False)
        assert file.tell() == 0


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_tags_are_those_that_pillow_reads(mode: str, compression: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (12, 10)).save(file, "TIFF", compression=compression)
    tags = read_tiff_tags(io.BytesIO(file.getvalue()))
    with TiffImagePlugin.TiffImageFile(io.BytesIO(file.getvalue())) as image:
        found = image.tag_v2
        assert tags is not None
        assert tags.bits == tuple(found.get(258, (1,)))
        assert (tags.channels, tags.compression, tags.photometric) == (found.get(277, 1), found[259], found[262])
        assert (tags.width_px, tags.height_px) == image.size


def test_pages_at_lower_resolution_are_not_counted() -> None:
    tags = read_tiff_tags(io.BytesIO(tiff([_GREY, _GREY[::2, ::2], _GREY[::4, ::4]], later={SUBFILE: 1})))
    assert tags is not None
    assert tags.num_pages == 1


def test_a_file_that_ends_early_or_leads_in_circles_has_no_tags_or_an_end() -> None:
    content = tiff([_GREY, _GREY])
    for length in range(len(content)):
        read_tiff_tags(io.BytesIO(content[:length]))
    assert read_tiff_tags(io.BytesIO(content[:20])) is None
    assert read_tiff_tags(io.BytesIO(content[:-1])) == read_tiff_tags(io.BytesIO(content))
    assert read_tiff_tags(io.BytesIO(content[: len(content) // 2 + 20])) == read_tiff_tags(io.BytesIO(tiff([_GREY])))
    single = tiff([_GREY])
    num_entries = int.from_bytes(single[8:10], "little")
    end = 10 + 12 * num_entries
    tags = read_tiff_tags(io.BytesIO(single[:end] + (8).to_bytes(4, "little") + single[end + 4 :]))
    assert tags is not None
    assert tags.num_pages == 1


def test_a_whole_slide_is_called_one_whatever_its_name(tmp_path: Path) -> None:
    too_large = tiff([_COLOR], tags={256: 40_000, 257: 30_000, TILE_WIDTH: 256})
    for content in (tiff([_COLOR], tags={DESCRIPTION: _SCN}), tiff([_COLOR], tags={65420: 1}), too_large):
        (tmp_path / "a.tif").write_bytes(content)
        with pytest.raises(ImageError) as caught:
            read_image(tmp_path / "a.tif")
        assert str(caught.value) == str(WHOLE_SLIDE)


def test_a_description_of_numbers_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff([_GREY], tags={DESCRIPTION: 4711}))
    assert read_image(tmp_path / "a.tif").pixels.shape == (10, 12)
