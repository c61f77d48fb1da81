"""A study whose images an earlier version decoded: every command says so, and an update mends it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.images.cache.pixel_cache import CACHE_VERSION, open_cache
from overread.pipeline.study_ledger import open_ledger
from overread.studies.earlier_decoding import DECODED_ANEW, DECODED_EARLIER, decoding_note
from overread.studies.study import Study, open_study
from tests.core.commands import run_command
from tests.core.images.cache.cached_images import decode_as_earlier
from tests.core.review.verdicts import verdict

_NUM_IMAGES = 8


@pytest.fixture
def arguments(tmp_path: Path) -> tuple[object, ...]:
    """Of an import of PNG files in two classes."""
    _write_source(tmp_path / "source", "png")
    return "import", tmp_path / "source", "--study", tmp_path / "study", "--image-size", 32


def _write_source(folder: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    for index in range(_NUM_IMAGES):
        path = folder / ("cat" if index % 2 else "dog") / f"{index}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (32, 32), dtype=np.uint8)).save(path)


def _imported(arguments: tuple[object, ...], version: int) -> Study:
    ended = run_command(*arguments)
    assert ended.status == 0, ended.err
    study = open_study(Path(str(arguments[3])))
    decode_as_earlier(study.pixels_path, version)
    return study


@pytest.mark.parametrize("version", range(1, CACHE_VERSION))
def test_an_update_decodes_anew_keeps_verdicts_and_ends_the_note(arguments: tuple[object, ...], version: int) -> None:
    study = _imported(arguments, version)
    earlier = np.array(open_cache(study.pixels_path).pixels)
    samples = study.samples()
    ledger = open_ledger(study)
    for sample_id, given in zip(samples["sample_id"][:3], samples["given_label"][:3], strict=True):
        ledger.record(verdict(sample_id, given_label=given, proposed_label="cat", chosen_label="cat"))
    before = ledger.decisions()
    assert f"note: {DECODED_EARLIER}" in run_command("check", study.path).err
    ended = run_command(*arguments, "--update")
    assert (ended.status, f"note: {DECODED_ANEW}" in ended.out) == (0, True)
    updated = open_study(study.path)
    assert (np.asarray(open_cache(updated.pixels_path).pixels) == 255 - earlier).all()
    assert updated.samples().equals(samples)
    assert open_ledger(updated).decisions() == before
    assert len(before) == 3
    for command in (("check", study.path), (*arguments, "--update")):
        ended = run_command(*command)
        assert ended.status == 0
        assert DECODED_EARLIER not in ended.err
        assert DECODED_ANEW not in ended.out


def test_training_and_exporting_an_earlier_study_say_so_too(arguments: tuple[object, ...], tmp_path: Path) -> None:
    study = _imported(arguments, 2)
    for command in (("train", study.path, "--set", "none"), ("export", study.path, "--out", tmp_path / "out.csv")):
        assert f"note: {DECODED_EARLIER}\n" in run_command(*command).err  # before the error that ends the training


def test_jpeg_files_have_always_been_decoded_alike(arguments: tuple[object, ...], tmp_path: Path) -> None:
    _write_source(tmp_path / "jpegs", "jpg")
    study = _imported(("import", tmp_path / "jpegs", "--study", tmp_path / "other", "--image-size", 32), 2)
    assert decoding_note(study) == ""
    assert decoding_note(_imported(arguments, 2)) == DECODED_EARLIER


def test_a_study_without_a_cache_takes_no_note(arguments: tuple[object, ...]) -> None:
    study = _imported(arguments, 2)
    (study.pixels_path / "index.json").unlink()
    assert decoding_note(study) == ""
