"""The pixel cache: what is in it, what a second build decodes, and what is left when a build dies."""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.errors import StudyError
from overread.images.cache import parallel_decoding
from overread.images.cache.cache_build import build_cache
from overread.images.cache.pixel_cache import open_cache

_SIZE = 16


def _write_images(folder: Path, num_images: int, *, seed: int = 0, is_color: bool = False) -> dict[str, Path]:
    """PNGs of the cache's size: their pixels come back unchanged."""
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    images = {}
    for index in range(num_images):
        path = folder / f"person{index}_virus.png"
        pixels = rng.integers(0, 256, (_SIZE, _SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels if is_color else pixels[..., 0]).save(path)
        images[f"key{index}"] = path
    return images


def _pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_cache_holds_each_image_under_its_key_in_the_order_given(tmp_path: Path) -> None:
    images = _write_images(tmp_path / "source", 50)
    images = dict(sorted(images.items(), reverse=True))
    seen: list[tuple[int, int]] = []
    faults = build_cache(tmp_path / "pixels", images, size_px=_SIZE, on_progress=lambda *done: seen.append(done))
    cache = open_cache(tmp_path / "pixels")
    assert faults == {}
    assert cache.keys == tuple(images)
    assert cache.pixels.shape == (50, _SIZE, _SIZE, 1)
    for key, row in zip(cache.keys, cache.pixels, strict=True):
        assert (row[..., 0] == _pixels(images[key])).all()
    assert seen[-1] == (50, 50)
    assert seen == sorted(seen)


def test_faulty_images_are_returned_with_a_reason_and_the_rest_is_kept(tmp_path: Path) -> None:
    images = _write_images(tmp_path / "source", 20)
    images["key3"].write_text("no image")
    images["key7"].unlink()
    images["key19"].write_bytes(b"")
    faults = build_cache(tmp_path / "pixels", images, size_px=_SIZE)
    assert faults["key3"].startswith("not an image")
    assert faults["key7"] == "no such file"
    assert faults["key19"] == "the file is empty"
    cache = open_cache(tmp_path / "pixels")
    assert cache.keys == tuple(key for key in images if key not in faults)
    for key, row in zip(cache.keys, cache.pixels, strict=True):
        assert (row[..., 0] == _pixels(images[key])).all()


def test_a_cache_of_faults_alone_is_empty_and_opens(tmp_path: Path) -> None:
    assert len(build_cache(tmp_path / "pixels", {"a": tmp_path / "none"}, size_px=_SIZE)) == 1
    assert open_cache(tmp_path / "pixels").pixels.shape == (0, _SIZE, _SIZE, 1)


def test_grey_stored_as_rgb_takes_one_channel(tmp_path: Path) -> None:
    images = _write_images(tmp_path / "source", 3)
    for key, path in images.items():
        Image.open(path).convert("RGB").save(tmp_path / f"{key}.jpg", quality=90)
        images[key] = tmp_path / f"{key}.jpg"
    build_cache(tmp_path / "pixels", images, size_px=_SIZE)
    cache = open_cache(tmp_path / "pixels")
    assert cache.channels == 1
    assert (cache.pixels[2, ..., 0] == _pixels(images["key2"])[..., 1]).all()


def test_the_first_colour_image_gives_all_images_three_channels(tmp_path: Path) -> None:
    images = _write_images(tmp_path / "grey", 30)
    (color,) = _write_images(tmp_path / "color", 1, is_color=True).values()
    images = {**images, "color": color, **{f"{key}b": path for key, path in images.items()}}
    build_cache(tmp_path / "pixels", images, size_px=_SIZE)
    cache = open_cache(tmp_path / "pixels")
    assert cache.pixels.shape == (61, _SIZE, _SIZE, 3)
    assert (cache.pixels[30] == _pixels(color)).all()
    for index in (0, 29, 31, 60):
        grey = _pixels(images[cache.keys[index]])
        assert (cache.pixels[index] == grey[..., None]).all()
    assert len(list((tmp_path / "pixels").glob("*.npy"))) == 1


def test_a_second_build_decodes_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = _write_images(tmp_path / "source", 10)
    build_cache(tmp_path / "pixels", images, size_px=_SIZE)
    before = np.array(open_cache(tmp_path / "pixels").pixels)
    # key2 is a new file with the old content
    images["key2"].write_bytes(images["key2"].read_bytes())
    os.utime(images["key2"])
    # key5 is another image now, key6 is no longer asked for, and a new one stands first
    Image.fromarray(before[0, ..., 0].T.copy()).save(images["key5"])
    new = _write_images(tmp_path / "new", 1, seed=9)["key0"]
    again = {"new": new, **{key: path for key, path in images.items() if key != "key6"}}
    decoded: list[Path] = []
    read = parallel_decoding.read_image
    monkeypatch.setattr(
        parallel_decoding, "read_image", lambda image, **how: decoded.append(image.path) or read(image, **how)
    )
    assert build_cache(tmp_path / "pixels", again, size_px=_SIZE) == {}
    assert sorted(decoded) == sorted([new, images["key5"]])
    cache = open_cache(tmp_path / "pixels")
    rows = dict(zip(cache.keys, cache.pixels[..., 0], strict=True))
    assert cache.keys == tuple(again)
    assert (rows["key2"] == before[2, ..., 0]).all()
    assert (rows["key5"] == before[0, ..., 0].T).all()
    assert (rows["new"] == _pixels(new)).all()


def test_a_build_with_nothing_new_leaves_the_files_as_they_are(tmp_path: Path) -> None:
    images = {**_write_images(tmp_path / "source", 5), "fault": tmp_path / "none"}
    build_cache(tmp_path / "pixels", images, size_px=_SIZE)
    before = _content(tmp_path / "pixels")
    assert build_cache(tmp_path / "pixels", images, size_px=_SIZE) == {"fault": "no such file"}
    assert _content(tmp_path / "pixels") == before


def test_another_size_is_decoded_anew(tmp_path: Path) -> None:
    images = _write_images(tmp_path / "source", 3)
    build_cache(tmp_path / "pixels", images, size_px=8)
    build_cache(tmp_path / "pixels", images, size_px=_SIZE)
    assert (open_cache(tmp_path / "pixels").pixels[1, ..., 0] == _pixels(images["key1"])).all()


def test_what_is_written_into_the_map_does_not_reach_the_disk(tmp_path: Path) -> None:
    build_cache(tmp_path / "pixels", _write_images(tmp_path / "source", 2), size_px=_SIZE)
    before = _content(tmp_path / "pixels")
    cache = open_cache(tmp_path / "pixels")
    assert isinstance(cache.pixels, np.memmap)
    assert cache.pixels.flags.writeable
    cache.pixels[:] = 0
    del cache
    assert _content(tmp_path / "pixels") == before


def test_the_index_tells_no_file_names(tmp_path: Path) -> None:
    build_cache(tmp_path / "pixels", _write_images(tmp_path / "source", 2), size_px=_SIZE)
    index = (tmp_path / "pixels" / "index.json").read_text()
    assert "virus" not in index
    assert str(tmp_path) not in index


def test_a_killed_build_leaves_the_old_cache_and_the_next_one_removes_its_rest(tmp_path: Path) -> None:
    images = _write_images(tmp_path / "source", 40)
    folder = tmp_path / "pixels"
    build_cache(folder, dict(list(images.items())[:10]), size_px=_SIZE)
    before = _content(folder)
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from overread.images.cache.cache_build import build_cache\n"
        "def die(num_done, num_images):\n"
        "    if num_done >= 24: os.kill(os.getpid(), signal.SIGKILL)\n"
        "images = {f'key{i}': Path(sys.argv[2]) / f'person{i}_virus.png' for i in range(40)}\n"
        f"build_cache(Path(sys.argv[1]), images, size_px={_SIZE}, on_progress=die)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, folder, tmp_path / "source"], check=False)
    assert killed.returncode == -signal.SIGKILL
    after = _content(folder)
    assert len(after) == len(before) + 1, "the killed build had begun its array"
    assert before.items() <= after.items()
    assert len(open_cache(folder).keys) == 10
    build_cache(folder, images, size_px=_SIZE)
    assert len(_content(folder)) == len(before)
    assert (open_cache(folder).pixels[39, ..., 0] == _pixels(images["key39"])).all()


def test_an_exception_midway_leaves_the_old_cache_alone(tmp_path: Path) -> None:
    images = _write_images(tmp_path / "source", 30)
    build_cache(tmp_path / "pixels", dict(list(images.items())[:3]), size_px=_SIZE)
    before = _content(tmp_path / "pixels")

    def interrupt(num_done: int, num_images: int) -> None:
        raise KeyboardInterrupt

    num_threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        build_cache(tmp_path / "pixels", images, size_px=_SIZE, on_progress=interrupt)
    assert _content(tmp_path / "pixels") == before
    assert threading.active_count() == num_threads


def test_a_disk_without_room_is_refused_before_anything_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=7_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(
        StudyError, match=r"up to 7,680 bytes, and 7,000 are free; free some space, or import with a smaller"
    ):
        build_cache(tmp_path / "pixels", _write_images(tmp_path / "source", 30), size_px=_SIZE)


@contextmanager
def _file_size_limit(num_bytes: int) -> Iterator[None]:
    """Beyond it, writing fails with EFBIG: a disk that fills up midway, as near as a test comes to one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_midway_leaves_the_old_cache_and_nothing_else(tmp_path: Path) -> None:
    images = _write_images(tmp_path / "source", 600)
    build_cache(tmp_path / "pixels", dict(list(images.items())[:5]), size_px=_SIZE)
    before = _content(tmp_path / "pixels")
    with _file_size_limit(100_000), pytest.raises(StudyError, match="not enough disk space for the pixel cache"):
        build_cache(tmp_path / "pixels", images, size_px=_SIZE)
    assert _content(tmp_path / "pixels") == before
    assert build_cache(tmp_path / "pixels", images, size_px=_SIZE) == {}


def test_two_builds_at_once_are_refused(tmp_path: Path) -> None:
    images = _write_images(tmp_path / "source", 3)
    refusals = []

    def build_again(num_done: int, num_images: int) -> None:
        with pytest.raises(StudyError, match="another import of this study is running"):
            build_cache(tmp_path / "pixels", images, size_px=_SIZE)
        refusals.append(num_done)

    build_cache(tmp_path / "pixels", images, size_px=_SIZE, on_progress=build_again)
    assert refusals
    assert len(open_cache(tmp_path / "pixels").keys) == 3


def test_a_cache_that_is_missing_or_not_whole_is_refused_and_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "pixels"
    with pytest.raises(StudyError, match="there is no pixel cache"):
        open_cache(folder)
    images = _write_images(tmp_path / "source", 4)
    build_cache(folder, images, size_px=_SIZE)
    (array,) = folder.glob("*.npy")
    for damage in (lambda: array.write_bytes(array.read_bytes()[:-1]), array.unlink):
        damage()
        with pytest.raises(StudyError, match="not intact"):
            open_cache(folder)
    (folder / "index.json").write_text("{")
    with pytest.raises(StudyError, match="not intact"):
        open_cache(folder)
    assert build_cache(folder, images, size_px=_SIZE) == {}
    assert (open_cache(folder).pixels[3, ..., 0] == _pixels(images["key3"])).all()


def _flip(folder: Path, place: int) -> None:
    """Turn one bit in the pixels of a row."""
    (path,) = folder.glob("*.npy")
    content = bytearray(path.read_bytes())
    content[len(content) - (len(open_cache(folder).keys) - place) * _SIZE**2 + 7] ^= 1
    path.write_bytes(content)


def _swap_keys(folder: Path, place: int) -> None:
    index = json.loads((folder / "index.json").read_text())
    keys = index["keys"]
    keys[place], keys[place + 1] = keys[place + 1], keys[place]
    (folder / "index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(("damage", "num_damaged"), [(_flip, 1), (_swap_keys, 2)])
def test_damaged_rows_are_told_of_and_decoded_anew(tmp_path: Path, damage: Callable, num_damaged: int) -> None:
    folder, images = tmp_path / "pixels", _write_images(tmp_path / "source", 6)
    build_cache(folder, images, size_px=_SIZE)
    open_cache(folder).verify()
    damage(folder, 2)
    with pytest.raises(StudyError, match=rf"damaged \({num_damaged} of 6 images\); delete the folder and run"):
        open_cache(folder).verify()
    with pytest.raises(StudyError, match="the pixel cache is damaged"):
        open_cache(folder).image("key2")
    assert (open_cache(folder).image("key0")[..., 0] == _pixels(images["key0"])).all()
    assert build_cache(folder, images, size_px=_SIZE) == {}
    cache = open_cache(folder)
    cache.verify()
    for key, path in images.items():
        assert (cache.image(key)[..., 0] == _pixels(path)).all()


def test_grey_rows_among_coloured_ones_are_known_by_their_checksums(tmp_path: Path) -> None:
    images = _write_images(tmp_path / "grey", 3)
    (images["colour"],) = _write_images(tmp_path / "colour", 1, is_color=True).values()
    build_cache(tmp_path / "pixels", images, size_px=_SIZE)
    open_cache(tmp_path / "pixels").verify()


def test_a_cache_of_version_1_opens_unchecked_and_is_decoded_anew_when_it_is_built(tmp_path: Path) -> None:
    folder, images = tmp_path / "pixels", _write_images(tmp_path / "source", 4)
    build_cache(folder, images, size_px=_SIZE)
    index = json.loads((folder / "index.json").read_text())
    old = {name: value for name, value in index.items() if name not in ("sha256", "checksums")}
    (folder / "index.json").write_text(json.dumps(old | {"version": 1, "stamps": [s[:2] for s in index["stamps"]]}))
    open_cache(folder).verify()
    _flip(folder, 1)
    assert build_cache(folder, images, size_px=_SIZE) == {}
    assert json.loads((folder / "index.json").read_text())["sha256"] == index["sha256"]
    assert (open_cache(folder).image("key1")[..., 0] == _pixels(images["key1"])).all()


def test_a_cache_of_version_2_opens_and_is_decoded_anew_when_it_is_built(tmp_path: Path) -> None:
    folder, images = tmp_path / "pixels", _write_images(tmp_path / "source", 4)
    build_cache(folder, images, size_px=_SIZE)
    index = json.loads((folder / "index.json").read_text())
    del index["notes"]
    (folder / "index.json").write_text(json.dumps(index | {"version": 2}))
    open_cache(folder).verify()
    build_cache(folder, images, size_px=_SIZE)
    built = json.loads((folder / "index.json").read_text())
    assert (built["version"], built["sha256"]) == (3, index["sha256"])
    assert built["pixels"] != index["pixels"]


def test_the_index_holds_the_hash_of_each_file(tmp_path: Path) -> None:
    images = _write_images(tmp_path / "source", 3)
    build_cache(tmp_path / "pixels", images, size_px=_SIZE)
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
