"""The pixel cache: what is in it, and what a second build decodes."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.errors import StudyError
from overread.images.cache import parallel_decoding
from overread.images.cache.cache_build import build_cache
from overread.images.cache.pixel_cache import open_cache
from tests.core.images.cache.cached_images import SIZE, content_of, flip_bit, read_pixels, write_images


def test_the_cache_holds_each_image_under_its_key_in_the_order_given(tmp_path: Path) -> None:
    images = write_images(tmp_path / "source", 50)
    images = dict(sorted(images.items(), reverse=True))
    seen: list[tuple[int, int]] = []
    faults = build_cache(tmp_path / "pixels", images, size_px=SIZE, on_progress=lambda *done: seen.append(done))
    cache = open_cache(tmp_path / "pixels")
    assert faults == {}
    assert cache.keys == tuple(images)
    assert cache.pixels.shape == (50, SIZE, SIZE, 1)
    for key, row in zip(cache.keys, cache.pixels, strict=True):
        assert (row[..., 0] == read_pixels(images[key])).all()
    assert seen[-1] == (50, 50)
    assert seen == sorted(seen)


def test_faulty_images_are_returned_with_a_reason_and_the_rest_is_kept(tmp_path: Path) -> None:
    images = write_images(tmp_path / "source", 20)
    images["key3"].write_text("no image")
    images["key7"].unlink()
    images["key19"].write_bytes(b"")
    faults = build_cache(tmp_path / "pixels", images, size_px=SIZE)
    assert faults["key3"].startswith("not an image")
    assert faults["key7"] == "no such file"
    assert faults["key19"] == "the file is empty"
    cache = open_cache(tmp_path / "pixels")
    assert cache.keys == tuple(key for key in images if key not in faults)
    for key, row in zip(cache.keys, cache.pixels, strict=True):
        assert (row[..., 0] == read_pixels(images[key])).all()


def test_a_cache_of_faults_alone_is_empty_and_opens(tmp_path: Path) -> None:
    assert len(build_cache(tmp_path / "pixels", {"a": tmp_path / "none"}, size_px=SIZE)) == 1
    assert open_cache(tmp_path / "pixels").pixels.shape == (0, SIZE, SIZE, 1)


def test_grey_stored_as_rgb_takes_one_channel(tmp_path: Path) -> None:
    images = write_images(tmp_path / "source", 3)
    for key, path in images.items():
        Image.open(path).convert("RGB").save(tmp_path / f"{key}.jpg", quality=90)
        images[key] = tmp_path / f"{key}.jpg"
    build_cache(tmp_path / "pixels", images, size_px=SIZE)
    cache = open_cache(tmp_path / "pixels")
    assert cache.channels == 1
    assert (cache.pixels[2, ..., 0] == read_pixels(images["key2"])[..., 1]).all()


def test_the_first_colour_image_gives_all_images_three_channels(tmp_path: Path) -> None:
    images = write_images(tmp_path / "grey", 30)
    (color,) = write_images(tmp_path / "color", 1, is_color=True).values()
    images = {**images, "color": color, **{f"{key}b": path for key, path in images.items()}}
    build_cache(tmp_path / "pixels", images, size_px=SIZE)
    cache = open_cache(tmp_path / "pixels")
    assert cache.pixels.shape == (61, SIZE, SIZE, 3)
    assert (cache.pixels[30] == read_pixels(color)).all()
    for index in (0, 29, 31, 60):
        grey = read_pixels(images[cache.keys[index]])
        assert (cache.pixels[index] == grey[..., None]).all()
    assert len(list((tmp_path / "pixels").glob("*.npy"))) == 1


def test_a_second_build_decodes_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = write_images(tmp_path / "source", 10)
    build_cache(tmp_path / "pixels", images, size_px=SIZE)
    before = np.array(open_cache(tmp_path / "pixels").pixels)
    # key2 is a new file with the old content
    images["key2"].write_bytes(images["key2"].read_bytes())
    os.utime(images["key2"])
    # key5 is another image now, key6 is no longer asked for, and a new one stands first
    Image.fromarray(before[0, ..., 0].T.copy()).save(images["key5"])
    new = write_images(tmp_path / "new", 1, seed=9)["key0"]
    again = {"new": new, **{key: path for key, path in images.items() if key != "key6"}}
    decoded: list[Path] = []
    read = parallel_decoding.read_image
    monkeypatch.setattr(
        parallel_decoding, "read_image", lambda image, **how: decoded.append(image.path) or read(image, **how)
    )
    assert build_cache(tmp_path / "pixels", again, size_px=SIZE) == {}
    assert sorted(decoded) == sorted([new, images["key5"]])
    cache = open_cache(tmp_path / "pixels")
    rows = dict(zip(cache.keys, cache.pixels[..., 0], strict=True))
    assert cache.keys == tuple(again)
    assert (rows["key2"] == before[2, ..., 0]).all()
    assert (rows["key5"] == before[0, ..., 0].T).all()
    assert (rows["new"] == read_pixels(new)).all()


def test_a_build_with_nothing_new_leaves_the_files_as_they_are(tmp_path: Path) -> None:
    images = {**write_images(tmp_path / "source", 5), "fault": tmp_path / "none"}
    build_cache(tmp_path / "pixels", images, size_px=SIZE)
    before = content_of(tmp_path / "pixels")
    assert build_cache(tmp_path / "pixels", images, size_px=SIZE) == {"fault": "no such file"}
    assert content_of(tmp_path / "pixels") == before


def test_another_size_is_decoded_anew(tmp_path: Path) -> None:
    images = write_images(tmp_path / "source", 3)
    build_cache(tmp_path / "pixels", images, size_px=8)
    build_cache(tmp_path / "pixels", images, size_px=SIZE)
    assert (open_cache(tmp_path / "pixels").pixels[1, ..., 0] == read_pixels(images["key1"])).all()


def test_what_is_written_into_the_map_does_not_reach_the_disk(tmp_path: Path) -> None:
    build_cache(tmp_path / "pixels", write_images(tmp_path / "source", 2), size_px=SIZE)
    before = content_of(tmp_path / "pixels")
    cache = open_cache(tmp_path / "pixels")
    assert isinstance(cache.pixels, np.memmap)
    assert cache.pixels.flags.writeable
    cache.pixels[:] = 0
    del cache
    assert content_of(tmp_path / "pixels") == before


def test_the_index_tells_no_file_names(tmp_path: Path) -> None:
    build_cache(tmp_path / "pixels", write_images(tmp_path / "source", 2), size_px=SIZE)
    index = (tmp_path / "pixels" / "index.json").read_text()
    assert "virus" not in index
    assert str(tmp_path) not in index


def test_a_cache_that_is_missing_or_not_whole_is_refused_and_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "pixels"
    with pytest.raises(StudyError, match="there is no pixel cache"):
        open_cache(folder)
    images = write_images(tmp_path / "source", 4)
    build_cache(folder, images, size_px=SIZE)
    (array,) = folder.glob("*.npy")
    for damage in (lambda: array.write_bytes(array.read_bytes()[:-1]), array.unlink):
        damage()
        with pytest.raises(StudyError, match="not intact"):
            open_cache(folder)
    (folder / "index.json").write_text("{")
    with pytest.raises(StudyError, match="not intact"):
        open_cache(folder)
    assert build_cache(folder, images, size_px=SIZE) == {}
    assert (open_cache(folder).pixels[3, ..., 0] == read_pixels(images["key3"])).all()


def _swap_keys(folder: Path, place: int) -> None:
    index = json.loads((folder / "index.json").read_text())
    keys = index["keys"]
    keys[place], keys[place + 1] = keys[place + 1], keys[place]
    (folder / "index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(("damage", "num_damaged"), [(flip_bit, 1), (_swap_keys, 2)])
def test_damaged_rows_are_told_of_and_decoded_anew(tmp_path: Path, damage: Callable, num_damaged: int) -> None:
    folder, images = tmp_path / "pixels", write_images(tmp_path / "source", 6)
    build_cache(folder, images, size_px=SIZE)
    open_cache(folder).verify()
    damage(folder, 2)
    with pytest.raises(StudyError, match=rf"damaged \({num_damaged} of 6 images\); delete the folder and run"):
        open_cache(folder).verify()
    with pytest.raises(StudyError, match="the pixel cache is damaged"):
        open_cache(folder).image("key2")
    assert (open_cache(folder).image("key0")[..., 0] == read_pixels(images["key0"])).all()
    assert build_cache(folder, images, size_px=SIZE) == {}
    cache = open_cache(folder)
    cache.verify()
    for key, path in images.items():
        assert (cache.image(key)[..., 0] == read_pixels(path)).all()


def test_grey_rows_among_coloured_ones_are_known_by_their_checksums(tmp_path: Path) -> None:
    images = write_images(tmp_path / "grey", 3)
    (images["colour"],) = write_images(tmp_path / "colour", 1, is_color=True).values()
    build_cache(tmp_path / "pixels", images, size_px=SIZE)
    open_cache(tmp_path / "pixels").verify()


def test_the_index_holds_the_hash_of_each_file(tmp_path: Path) -> None:
    images = write_images(tmp_path / "source", 3)
    build_cache(tmp_path / "pixels", images, size_px=SIZE)
    rows = open_cache(tmp_path / "pixels").rows
    assert [row.sha256 for row in rows] == [hashlib.sha256(path.read_bytes()).hexdigest() for path in images.values()]


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "channels"), [("chest_xray/NORMAL", 1), ("lung_histology", 3)])
def test_real_radiographs_are_grey_and_real_histology_is_not(tmp_path: Path, name: str, channels: int) -> None:
    if "OVERREAD_DATA" not in os.environ:
        pytest.skip("OVERREAD_DATA is not set")
    paths = sorted((Path(os.environ["OVERREAD_DATA"]) / name).rglob("*.jp*g"))[:40]
    images = {str(index): path for index, path in enumerate(paths)}
    assert build_cache(tmp_path / "pixels", images, size_px=64) == {}
    cache = open_cache(tmp_path / "pixels")
    assert cache.pixels.shape == (40, 64, 64, channels)
    assert cache.pixels.mean(axis=(1, 2, 3)).min() > 30
