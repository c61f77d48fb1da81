"""What is left of the pixel cache when a build dies, fails or meets another one."""

import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from overread.errors import StudyError
from overread.images.cache.cache_build import build_cache
from overread.images.cache.pixel_cache import open_cache
from tests.core.images.cache.cached_images import SIZE, content_of, read_pixels, write_images


def test_a_killed_build_leaves_the_old_cache_and_the_next_one_removes_its_rest(tmp_path: Path) -> None:
    images = write_images(tmp_path / "source", 40)
    folder = tmp_path / "pixels"
    build_cache(folder, dict(list(images.items())[:10]), size_px=SIZE)
    before = content_of(folder)
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from overread.images.cache.cache_build import build_cache\n"
        "def die(num_done, num_images):\n"
        "    if num_done >= 24: os.kill(os.getpid(), signal.SIGKILL)\n"
        "images = {f'key{i}': Path(sys.argv[2]) / f'person{i}_virus.png' for i in range(40)}\n"
        f"build_cache(Path(sys.argv[1]), images, size_px={SIZE}, on_progress=die)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, folder, tmp_path / "source"], check=False)
    assert killed.returncode == -signal.SIGKILL
    after = content_of(folder)
    assert len(after) == len(before) + 1, "the killed build had begun its array"
    assert before.items() <= after.items()
    assert len(open_cache(folder).keys) == 10
    build_cache(folder, images, size_px=SIZE)
    assert len(content_of(folder)) == len(before)
    assert (open_cache(folder).pixels[39, ..., 0] == read_pixels(images["key39"])).all()


def test_an_exception_midway_leaves_the_old_cache_alone(tmp_path: Path) -> None:
    images = write_images(tmp_path / "source", 30)
    build_cache(tmp_path / "pixels", dict(list(images.items())[:3]), size_px=SIZE)
    before = content_of(tmp_path / "pixels")

    def interrupt(num_done: int, num_images: int) -> None:
        raise KeyboardInterrupt

    num_threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        build_cache(tmp_path / "pixels", images, size_px=SIZE, on_progress=interrupt)
    assert content_of(tmp_path / "pixels") == before
    assert threading.active_count() == num_threads


def test_a_disk_without_room_is_refused_before_anything_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=7_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(
        StudyError, match=r"up to 7,680 bytes, and 7,000 are free; free some space, or import with a smaller"
    ):
        build_cache(tmp_path / "pixels", write_images(tmp_path / "source", 30), size_px=SIZE)


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
    images = write_images(tmp_path / "source", 600)
    build_cache(tmp_path / "pixels", dict(list(images.items())[:5]), size_px=SIZE)
    before = content_of(tmp_path / "pixels")
    with _file_size_limit(100_000), pytest.raises(StudyError, match="not enough disk space for the pixel cache"):
        build_cache(tmp_path / "pixels", images, size_px=SIZE)
    assert content_of(tmp_path / "pixels") == before
    assert build_cache(tmp_path / "pixels", images, size_px=SIZE) == {}


def test_two_builds_at_once_are_refused(tmp_path: Path) -> None:
    images = write_images(tmp_path / "source", 3)
    refusals = []

    def build_again(num_done: int, num_images: int) -> None:
        with pytest.raises(StudyError, match="another import of this study is running"):
            build_cache(tmp_path / "pixels", images, size_px=SIZE)
        refusals.append(num_done)

    build_cache(tmp_path / "pixels", images, size_px=SIZE, on_progress=build_again)
    assert refusals
    assert len(open_cache(tmp_path / "pixels").keys) == 3
