import shutil
import tarfile
import zipfile

import numpy as np
import pytest

from overread.api import import_source
from overread.errors import ConfigError, ManifestError, SourceError, StudyError
from overread.images.cache.pixel_cache import open_cache
from overread.sources.request import ImportRequest
from overread.sources.source import read_source
from overread.studies.importing import StudyOptions
from overread.studies.study import open_study
from overread.studies.unpacking import unpacked
from tests.core.commands import run_command
from tests.core.conftest import write_image

SMALL = StudyOptions(image_size_px=32)
AGAIN = StudyOptions(image_size_px=32, update=True)


def zip_of(folder, path, below=""):
    """A zip of a folder's files; it may lie in the folder."""
    files = sorted(found for found in folder.rglob("*") if found.is_file() and found != path)
    with zipfile.ZipFile(path, "w") as archive:
        for found in files:
            archive.write(found, f"{below}{found.relative_to(folder)}")
    return path


def tar_of(folder, path):
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, folder.name)
    return path


def labels_of(study):
    return dict(study.samples()[["image", "given_label"]].itertuples(index=False))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_an_archive_gives_the_study_that_its_folder_gives(class_folders, tmp_path, suffix):
    pack = zip_of if suffix == ".zip" else tar_of
    archive = pack(class_folders, tmp_path / f"data{suffix}")
    expected = import_source(class_folders, tmp_path / "of-folder", options=SMALL)
    study = import_source(archive, tmp_path / "study", options=SMALL)
    shutil.rmtree(class_folders)
    archive.unlink()
    assert labels_of(study) == labels_of(expected)
    assert list(study.samples()["sha256"]) == list(expected.samples()["sha256"])
    assert np.array_equal(open_cache(study.pixels_path).pixels, open_cache(expected.pixels_path).pixels)
    assert all(study.image_location(image).exists() for image in study.samples()["image"])
    assert names_in(tmp_path) == ["of-folder", "study"]


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_the_command_says_what_becomes_of_the_archive(class_folders, tmp_path, options):
    archive = zip_of(class_folders, tmp_path / "data.zip", "data/")
    study = () if options else ("--study", tmp_path / "study")
    ended = run_command("import", archive, *study, *options)
    assert ended.status == 0
    assert "note: the images are unpacked into the study, which does not need data.zip any more" in ended.out
    assert names_in(tmp_path) == ["data.zip", "source"] + (["study"] if study else [])


def test_an_archive_alone_in_a_folder_is_the_source(class_folders, tmp_path):
    (tmp_path / "download").mkdir()
    (tmp_path / "download" / ".DS_Store").touch()
    zip_of(class_folders, tmp_path / "download" / "data.zip")
    assert len(labels_of(import_source(tmp_path / "download", tmp_path / "study", options=SMALL))) == 5


def test_labels_are_in_the_archive_or_beside_it(make_table, tmp_path):
    root = make_table([("image", "label"), ("x/a.png", "cat"), ("x/b.png", "dog")])
    (root / "labels.csv").rename(root / "x" / "list.csv")
    (root / "x" / "list.csv").write_text("image,label\nx/a.png,cat\nx/b.png,dog\n")
    archive = zip_of(root, tmp_path / "data.zip", "top/")
    (root / "x" / "list.csv").rename(tmp_path / "other.csv")
    for number, labels in enumerate(
        ("x/list.csv", "top/x/list.csv", archive / "x" / "list.csv", tmp_path / "other.csv", "other.csv")
    ):
        study = import_source(archive, tmp_path / f"study{number}", labels=labels, options=SMALL)
        assert labels_of(study) == {"x/a.png": "cat", "x/b.png": "dog"}
        assert study.labels_file == str(
            tmp_path / "other.csv" if number > 2 else study.path / study.source_root / "x" / "list.csv"
        )


def test_a_table_is_asked_for_as_if_the_archive_were_a_folder(make_table, tmp_path):
    root = make_table([("image", "label"), ("a.png", "cat"), ("b.png", "dog")])
    shutil.copy(root / "labels.csv", root / "again.csv")
    archive = zip_of(root, tmp_path / "data.zip")
    with (
        pytest.raises((SourceError, ManifestError), match=r"data\.zip.*--labels") as error,
        unpacked(ImportRequest(archive)) as request,
    ):
        read_source(request)
    assert "/overread-" not in str(error.value)
    choices = [] if error.value.question is None else [choice for choice, _ in error.value.question.choices]
    for choice in choices or [archive / "again.csv"]:
        with unpacked(ImportRequest(archive, labels=choice)) as request:
            assert len(read_source(request).rows) == 2


def test_an_array_file_in_an_archive_is_read_and_not_kept(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8), dtype=np.uint8)
    arrays = {"train_images": images, "train_labels": np.array([[0], [1]] * 2)}
    (tmp_path / "files").mkdir()
    np.savez(tmp_path / "files" / "some.npz", **arrays)
    archive = zip_of(tmp_path / "files", tmp_path / "data.zip")
    study = import_source(archive, tmp_path / "study", options=SMALL)
    assert list(labels_of(study).values()) == ["0", "1"] * 2
    assert not list(study.path.rglob("*.npz"))
    assert study.labels_file == str(archive)


def test_an_update_with_a_newer_archive_keeps_ids_and_drops_the_older_images(class_folders, tmp_path):
    archive = zip_of(class_folders, tmp_path / "data.zip")
    before = import_source(archive, tmp_path / "study", options=SMALL)
    ids = dict(before.samples()[["image", "sample_id"]].itertuples(index=False))
    write_image(class_folders / "dog" / "new.png", 9)
    (class_folders / "cat" / "a.png").unlink()
    zip_of(class_folders, archive)
    study = import_source(archive, tmp_path / "study", options=AGAIN)
    after = dict(study.samples()[["image", "sample_id"]].itertuples(index=False))
    assert after.keys() == (ids.keys() | {"dog/new.png"}) - {"cat/a.png"}
    assert all(after[image] == ids[image] for image in after.keys() & ids.keys())
    assert len(names_in(study.path / "images")) == 1
    assert all(study.image_location(image).exists() for image in after)
    assert names_in(tmp_path) == ["data.zip", "source", "study"]


def test_an_update_with_the_same_archive_does_not_unpack_it_again(class_folders, tmp_path, monkeypatch):
    archive = zip_of(class_folders, tmp_path / "data.zip")
    before = import_source(archive, tmp_path / "study", options=SMALL)
    monkeypatch.setattr("overread.studies.unpacking.unpack", lambda *_, **__: pytest.fail("unpacked"))
    study = import_source(archive, tmp_path / "study", options=AGAIN)
    assert study.source_root == before.source_root
    assert labels_of(study) == labels_of(before)


def test_an_update_that_fails_leaves_the_study_as_it_was(class_folders, tmp_path):
    archive = zip_of(class_folders, tmp_path / "data.zip")
    before = import_source(archive, tmp_path / "study", options=SMALL)
    shutil.rmtree(class_folders / "dog")
    zip_of(class_folders, archive)
    with pytest.raises((SourceError, ManifestError), match=r"data\.zip"):
        import_source(archive, tmp_path / "study", options=AGAIN)
    after = open_study(tmp_path / "study")
    assert labels_of(after) == labels_of(before)
    assert all(after.image_location(image).exists() for image in labels_of(after))
    assert names_in(tmp_path) == ["data.zip", "source", "study"]


def test_a_stopped_import_goes_on_with_what_it_had_unpacked(class_folders, tmp_path, monkeypatch):
    archive = zip_of(class_folders, tmp_path / "data.zip")

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("overread.studies.importing.read_contents", stop)
        with pytest.raises(KeyboardInterrupt):
            import_source(archive, tmp_path / "study", options=SMALL)
    (tmp_path / ".study.unpacked").mkdir()  # what a killed process leaves, which cannot tidy up
    monkeypatch.setattr("overread.studies.unpacking.unpack", lambda *_, **__: pytest.fail("unpacked"))
    study = import_source(archive, tmp_path / "study", options=SMALL)
    assert len(labels_of(study)) == 5
    assert all(study.image_location(image).exists() for image in labels_of(study))
    assert names_in(tmp_path) == ["data.zip", "source", "study"]


def test_nothing_is_left_of_an_import_that_fails(class_folders, tmp_path):
    shutil.rmtree(class_folders / "dog")
    archive = zip_of(class_folders, tmp_path / "data.zip")
    with pytest.raises((SourceError, ManifestError), match=r"data\.zip") as error:
        import_source(archive, tmp_path / "deep" / "study", options=SMALL)
    assert ".unpacked" not in str(error.value) + error.value.public
    assert names_in(tmp_path) == ["data.zip", "source"]


def test_a_place_that_is_taken_is_refused_before_anything_is_unpacked(class_folders, tmp_path, monkeypatch):
    archive = zip_of(class_folders, tmp_path / "data.zip")
    monkeypatch.setattr("overread.studies.unpacking.unpack", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(StudyError, match="already exists"):
        import_source(archive, class_folders, options=SMALL)
    with pytest.raises((ConfigError, SourceError)), unpacked(ImportRequest(archive, within=(class_folders,))):
        pytest.fail("read outside of the roots")


def test_archives_in_an_archive_are_named(class_folders, tmp_path):
    inner = tmp_path / "files" / "top"
    inner.mkdir(parents=True)
    zip_of(class_folders, inner / "train.zip")
    archive = zip_of(tmp_path / "files", tmp_path / "data.zip")
    with pytest.raises(SourceError, match=r"data\.zip: holds another archive, train\.zip; unpack it"):
        import_source(archive, tmp_path / "study")
    (inner / "labels.csv").write_text("image,label\na.png,cat\nb.png,dog\n")
    for source in (inner, zip_of(tmp_path / "files", tmp_path / "data.zip")):
        with pytest.raises(ManifestError, match=r"It holds archives .train\.zip.: unpack them first") as error:
            import_source(source, tmp_path / "study")
        assert str(error.value).startswith(f"{source}/labels.csv: ")
        assert "/.study" not in str(error.value)


def test_errors_of_other_sources_stay_as_they_are(tmp_path):
    with (
        pytest.raises(SourceError, match=r"no such file or folder; check the path\Z"),
        unpacked(ImportRequest(tmp_path / "absent")) as request,
    ):
        read_source(request)
