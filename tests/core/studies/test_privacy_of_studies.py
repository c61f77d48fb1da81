"""Who may read a study's files, and what of killed writers stays in it."""

import os
import shutil
import stat
import time

import numpy as np
import pytest

from overread.benchmark.corrupt import corrupt_study
from overread.studies.study import key_fingerprint, open_study, read_key
from tests.core.commands import run_command
from tests.core.importing import import_source, read_source


@pytest.fixture(autouse=True)
def umask():
    before = os.umask(0o027)
    yield
    os.umask(before)


def modes(path):
    """Of the folders and of the files of a study."""
    paths = [path, *path.rglob("*")]
    folders = {stat.S_IMODE(found.stat().st_mode) for found in paths if found.is_dir()}
    return folders, {stat.S_IMODE(found.stat().st_mode) for found in paths if found.is_file()}


def test_a_study_is_its_owner_s_alone_and_stays_so_in_updates(class_folders, tmp_path):
    import_source(read_source(class_folders), tmp_path / "study", image_size_px=16)
    assert modes(tmp_path / "study") == ({0o700}, {0o600})
    import_source(read_source(class_folders), tmp_path / "study", update=True)
    (class_folders / "cat" / "a.png").unlink()
    import_source(read_source(class_folders), tmp_path / "study", update=True)
    assert modes(tmp_path / "study") == ({0o700}, {0o600})


def test_the_images_of_an_array_file_are_its_owner_s_alone_too(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 16, 16), dtype=np.uint8)
    np.savez(tmp_path / "small.npz", train_images=pixels, train_labels=np.array([[0], [1], [1], [0]]))
    import_source(read_source(tmp_path / "small.npz"), tmp_path / "study", image_size_px=16)
    assert modes(tmp_path / "study") == ({0o700}, {0o600})


def test_a_shared_study_follows_the_umask_but_for_its_key(class_folders, tmp_path):
    arguments = ("import", class_folders, "--study", tmp_path / "study", "--image-size", 32)
    assert run_command(*arguments, "--shared").status == 0
    (class_folders / "cat" / "a.png").unlink()
    assert run_command(*arguments, "--update").status == 0
    assert modes(tmp_path / "study") == ({0o750}, {0o640, 0o600})
    private = [path.name for path in (tmp_path / "study").rglob("*") if stat.S_IMODE(path.stat().st_mode) == 0o600]
    assert private == ["key"]


def test_every_new_study_knows_its_key(class_folders, tmp_path):
    import_source(read_source(class_folders), tmp_path / "study", image_size_px=32)
    study = open_study(tmp_path / "study")
    new = corrupt_study(study, noise="pair", rate=0.5, seed=0, out=tmp_path / "noisy", truth=tmp_path / "truth.csv")
    fingerprints = [open_study(path).key_fingerprint for path in (study.path, new.path)]
    assert fingerprints == [key_fingerprint(read_key(path)) for path in (study.path, new.path)]
    assert fingerprints[0] != fingerprints[1]
    assert modes(new.path)[0] == {0o700}


@pytest.mark.parametrize(("age_s", "is_left"), [(600, False), (1, True)])
def test_an_update_removes_what_killed_writers_left(class_folders, tmp_path, age_s, is_left):
    import_source(read_source(class_folders), tmp_path / "study", image_size_px=16)
    left = [tmp_path / "study" / name for name in (".ledger.json.0a1b.tmp", "runs/first/saliency/.a.npz.77.tmp")]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
        os.utime(path, (time.time() - age_s,) * 2)
    for name in (".pixels.new", ".pixels.old"):
        shutil.copytree(tmp_path / "study" / "pixels", tmp_path / "study" / name)
    import_source(read_source(class_folders), tmp_path / "study", update=True)
    assert [path.exists() for path in left] == [is_left, is_left]
    assert not list((tmp_path / "study").glob(".pixels*"))
