"""Builds and imports that are killed for real, and how many images the next one decodes."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.errors import StudyError
from overread.images.cache import parallel_decoding, partial_build
from overread.images.cache.cache_build import build_cache
from overread.images.cache.pixel_cache import open_cache
from overread.images.cache.row_file import RowFile
from overread.studies.study import open_study
from tests.core.importing import import_source, read_source

NUM, SIDE = 120, 32
PROGRAM = f"""
import os, signal, sys
from overread.studies.importing import StudyOptions, import_source
from overread.sources.request import ImportRequest
from overread.sources.source import read_source
from overread.images.cache import partial_build
partial_build.INTERVAL_S, partial_build._MAX_SHARE = 0, 1e9

def tell(num_done, num_images):
    if num_done >= int(sys.argv[3]):
        os.kill(os.getpid(), getattr(signal, sys.argv[4]))

options = StudyOptions(image_size_px={SIDE}, update="--update" in sys.argv)
import_source(read_source(ImportRequest(sys.argv[1])), sys.argv[2], options, on_progress=tell)
"""


def write_images(folder: Path, num: int = NUM, *, first_coloured: int | None = None) -> Path:
    rng = np.random.default_rng(0)
    for index in range(num):
        path = folder / ("cat", "dog")[index * 2 // num] / f"{index:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        is_grey = first_coloured is None or index < first_coloured
        Image.fromarray(rng.integers(0, 255, (40, 40) if is_grey else (40, 40, 3), dtype=np.uint8)).save(path)
    return folder


def kill(source: Path, study: Path, *, after: int, by: str = "SIGKILL", update: bool = False) -> int:
    """An import that ends itself after so many images; its exit status."""
    arguments = [source, study, after, by, *(["--update"] if update else [])]
    program = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    return subprocess.run(program, check=False, stderr=subprocess.DEVNULL).returncode


@pytest.fixture
def decoded(monkeypatch):
    """The images that this process decodes, as a list that grows."""
    paths = []
    read_image = parallel_decoding.read_image

    def counted(location, **options):
        paths.append(location)
        return read_image(location, **options)

    monkeypatch.setattr(parallel_decoding, "read_image", counted)
    return paths


@pytest.mark.parametrize("first_coloured", [None, 0, 30], ids=["grey", "colour", "grey, then colour"])
def test_an_import_killed_at_two_thirds_decodes_the_last_third(tmp_path, decoded, first_coloured):
    source = write_images(tmp_path / "source", first_coloured=first_coloured)
    assert kill(source, tmp_path / "study", after=80) == -signal.SIGKILL
    assert not (tmp_path / "study").exists()
    import_source(read_source(source), tmp_path / "study", image_size_px=SIDE)
    assert len(decoded) == NUM - 80
    import_source(read_source(source), tmp_path / "whole", image_size_px=SIDE)
    resumed, whole = (open_cache(tmp_path / name / "pixels").pixels for name in ("study", "whole"))
    np.testing.assert_array_equal(resumed, whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "study", "whole"]
    names = sorted(path.name for path in (tmp_path / "study" / "pixels").iterdir())
    assert (names[0], names[1], len(names)) == (".lock", "index.json", 3)


def test_update_goes_on_with_a_first_import_that_was_killed(tmp_path, decoded):
    source = write_images(tmp_path / "source")
    kill(source, tmp_path / "study", after=64)
    summary = import_source(read_source(source), tmp_path / "study", image_size_px=SIDE, update=True)
    assert (summary.num_samples, len(decoded)) == (NUM, NUM - 64)


def test_an_import_that_is_stopped_goes_on_as_well(tmp_path, decoded):
    source = write_images(tmp_path / "source")
    assert kill(source, tmp_path / "study", after=64, by="SIGINT") not in (0, -signal.SIGKILL)
    import_source(read_source(source), tmp_path / "study", image_size_px=SIDE)
    assert NUM - 64 - 16 <= len(decoded) <= NUM - 64


def test_a_killed_update_leaves_the_study_as_it_was_and_goes_on(tmp_path, decoded):
    source = write_images(tmp_path / "source")
    for path in sorted(source.rglob("*.png"))[1::2]:
        path.rename(path.with_name(f".{path.name}"))
    import_source(read_source(source), tmp_path / "study", image_size_px=SIDE)
    before = open_study(tmp_path / "study").samples()
    for path in source.rglob(".*.png"):
        path.rename(path.with_name(path.name[1:]))
    decoded.clear()
    kill(source, tmp_path / "study", after=96, update=True)
    assert open_study(tmp_path / "study").samples().equals(before)
    assert len(open_cache(tmp_path / "study" / "pixels").keys) == NUM / 2
    import_source(read_source(source), tmp_path / "study", update=True)
    assert len(decoded) == (NUM - 96) / 2, "every second image was there before"
    assert len(open_cache(tmp_path / "study" / "pixels").keys) == NUM
    assert not [path for path in (tmp_path / "study").iterdir() if path.name.startswith(".pixels")]


@pytest.mark.slow
def test_killed_again_and_again_nothing_is_decoded_twice(tmp_path, decoded):
    source = write_images(tmp_path / "source")
    for after in (40, 16, 88):  # the second one dies before it has got as far as the first
        kill(source, tmp_path / "study", after=after)
    import_source(read_source(source), tmp_path / "study", image_size_px=SIDE)
    assert len(decoded) == NUM - 88


def test_an_image_that_has_changed_since_is_decoded_again(tmp_path, decoded):
    source = write_images(tmp_path / "source")
    kill(source, tmp_path / "study", after=80)
    Image.new("L", (50, 50), 7).save(source / "cat" / "000.png")
    import_source(read_source(source), tmp_path / "study", image_size_px=SIDE)
    assert len(decoded) == NUM - 80 + 1
    assert (open_cache(tmp_path / "study" / "pixels").pixels[0] == 7).all()


def test_what_is_left_of_another_size_or_damaged_is_not_used(tmp_path, decoded):
    source = write_images(tmp_path / "source")
    for damage in (lambda text: text.replace('"size_px": 32', '"size_px": 16'), lambda text: text[: len(text) // 2]):
        kill(source, tmp_path / "study", after=80)
        path = tmp_path / ".study.making" / "pixels" / partial_build.PARTIAL
        path.write_text(damage(path.read_text()))
        decoded.clear()
        import_source(read_source(source), tmp_path / "study", image_size_px=SIDE)
        assert len(decoded) == NUM
        shutil.rmtree(tmp_path / "study")


def test_checkpoints_tell_no_file_names(tmp_path):
    kill(write_images(tmp_path / "source"), tmp_path / "study", after=80)
    text = (tmp_path / ".study.making" / "pixels" / partial_build.PARTIAL).read_text()
    assert "cat" not in text
    assert ".png" not in text


def test_without_room_nothing_is_left(tmp_path, monkeypatch):
    def full(self):
        raise OSError(28, "No space left on device")

    images = {str(index): path for index, path in enumerate(write_images(tmp_path / "source").rglob("*.png"))}
    monkeypatch.setattr(partial_build, "INTERVAL_S", 0)
    monkeypatch.setattr(RowFile, "finalize", full)
    with pytest.raises(StudyError, match="not enough disk space"):
        build_cache(tmp_path / "pixels", images, size_px=SIDE)
    assert [path.name for path in (tmp_path / "pixels").iterdir()] == [".lock"]
