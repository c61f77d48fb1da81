"""Pixel caches of earlier versions."""

import json
from pathlib import Path

import numpy as np
import pytest

from overread.errors import StudyError
from overread.images.cache.cache_build import build_cache
from overread.images.cache.pixel_cache import CACHE_VERSION, open_cache
from tests.core.images.cache.cached_images import SIZE, decode_as_earlier, flip_bit, read_pixels, write_images


@pytest.mark.parametrize("version", range(1, CACHE_VERSION))
def test_an_earlier_cache_opens_and_is_decoded_anew_when_it_is_built(tmp_path: Path, version: int) -> None:
    folder, images = tmp_path / "pixels", write_images(tmp_path / "source", 4)
    build_cache(folder, images, size_px=SIZE)
    index = json.loads((folder / "index.json").read_text())
    decode_as_earlier(folder, version)
    earlier = open_cache(folder)
    earlier.verify()
    assert earlier.version == version
    assert (255 - earlier.image("key1")[..., 0] == read_pixels(images["key1"])).all()
    assert build_cache(folder, images, size_px=SIZE) == {}
    built = json.loads((folder / "index.json").read_text())
    assert (built["version"], built["sha256"]) == (CACHE_VERSION, index["sha256"])
    expected = np.stack([read_pixels(path) for path in images.values()])
    assert (open_cache(folder).pixels[..., 0] == expected).all()


def test_version_1_cannot_tell_damage_and_version_2_can(tmp_path: Path) -> None:
    folder, images = tmp_path / "pixels", write_images(tmp_path / "source", 4)
    build_cache(folder, images, size_px=SIZE)
    decode_as_earlier(folder, 2)
    flip_bit(folder, 1)
    with pytest.raises(StudyError, match="the pixel cache is damaged"):
        open_cache(folder).verify()
    build_cache(folder, images, size_px=SIZE)
    decode_as_earlier(folder, 1)
    flip_bit(folder, 1)
    open_cache(folder).verify()
