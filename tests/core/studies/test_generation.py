"""Updates that die at any of their file operations: the study is the one before or the one after, whole."""

import io
import json
import os
import shutil

import numpy as np
import pytest

from overread.errors import StudyError
from overread.images.cache.pixel_cache import open_cache
from overread.studies import generation
from overread.studies.study import open_study, update_study_file
from tests.core.commands import run_command
from tests.core.conftest import write_image
from tests.core.importing import import_source, read_source

SIZE_PX = 16
OPERATIONS = ("rename", "replace", "link", "unlink", "rmdir", "mkdir", "open", "fsync")


class Killed(BaseException):
    """Stands for the end of the process."""


def run_dying(monkeypatch, num_operations, act):
    """Call `act` in a process that is killed at the file operation of that number: neither that one nor any later one,
    clearing up included, takes place. Returns how many there were."""
    done = 0

    def dying(operation):
        def run(*arguments, **options):
            nonlocal done
            done += 1
            if done > num_operations:
                raise Killed
            return operation(*arguments, **options)

        return run

    with monkeypatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, dying(getattr(os, name)))
        patch.setattr(io, "open", dying(io.open))
        try:
            act()
        except Killed:
            return None
    return done


def pixels_of(study, image):
    """Of the image's file; nothing where the source has none by now."""
    location = study.image_location(image)
    return location.path.read_bytes() if location.exists() and study.source_format == "medmnist" else b""


def content_of(study):
    """All that belongs to one generation."""
    cache = open_cache(study.pixels_path)
    cache.verify()
    ids = study.samples()["sample_id"].tolist()
    return {
        "samples": study.samples().to_csv(),
        "source": study.source_table().to_csv(),
        "quarantine": study.quarantine().to_csv(),
        "study.json": (study.path / "study.json").read_text(),
        "keys": cache.keys,
        "pixels": np.array(cache.pixels).tobytes(),
        "shown": [pixels_of(study, image) for image in study.samples()["image"]],
        "ids": cache.keys == tuple(ids),
    }


@pytest.fixture
def changed_source(make_table, tmp_path):
    """A study, and its source with a row fewer, a row more, a label changed and a fault."""
    rows = [("image", "label"), *((f"{name}.png", "cat" if name < "c" else "dog") for name in "abcd")]
    root = make_table(rows)
    import_source(read_source(root), tmp_path / "before", image_size_px=SIZE_PX)
    (root / "a.png").rename(root / "moved.png")
    write_image(root / "new.png", 8)
    (root / "labels.csv").write_text("image,label\nmoved.png,cat\nb.png,eel\nnew.png,dog\nd.png,dog\nnone.png,dog\n")
    (root / "c.png").unlink()
    return root


def test_an_update_killed_at_any_file_operation_leaves_one_generation(changed_source, tmp_path, monkeypatch):
    source, study_path = read_source(changed_source), tmp_path / "study"
    before = content_of(open_study(tmp_path / "before"))
    shutil.copytree(tmp_path / "before", tmp_path / "after")
    import_source(source, tmp_path / "after", update=True)
    after = content_of(open_study(tmp_path / "after"))
    found = []
    for num_operations in range(1000):
        shutil.copytree(tmp_path / "before", study_path)
        num_done = run_dying(monkeypatch, num_operations, lambda: import_source(source, study_path, update=True))
        content = content_of(open_study(study_path))
        assert content in (before, after), f"killed at operation {num_operations}"
        found.append(content == after)
        import_source(source, study_path, update=True)
        assert content_of(open_study(study_path)) == after
        assert not {path.name for path in study_path.iterdir()} & {".update", ".committed"}
        shutil.rmtree(study_path)
        if num_done is not None:
            break
    assert len(found) > 40
    assert found == sorted(found), "once it has counted, it counts"
    assert 10 < found.index(True) < len(found) - 5


def test_putting_in_place_may_be_killed_anywhere_too(changed_source, tmp_path, monkeypatch):
    source, study_path = read_source(changed_source), tmp_path / "study"
    finish = generation.move_committed_files
    monkeypatch.setattr(generation, "move_committed_files", lambda path: None)
    import_source(source, tmp_path / "before", update=True)
    monkeypatch.setattr(generation, "move_committed_files", finish)
    assert (tmp_path / "before" / ".committed").is_dir()
    contents = []
    for num_operations in range(1000):
        shutil.copytree(tmp_path / "before", study_path)
        num_done = run_dying(monkeypatch, num_operations, lambda: open_study(study_path))
        contents.append(content_of(open_study(study_path)))
        shutil.rmtree(study_path)
        if num_done is not None:
            break
    assert len(contents) > 15
    assert all(content == contents[-1] for content in contents)
    assert "eel" in contents[-1]["samples"]


def test_an_update_that_is_stopped_is_told_of_and_goes_on(class_folders, tmp_path):
    import_source(read_source(class_folders), tmp_path / "study", image_size_px=SIZE_PX)
    before = content_of(open_study(tmp_path / "study"))
    write_image(class_folders / "dog" / "new.png", 5)
    seen = []

    def stop(num_done, num_images):
        seen.append(open_study(tmp_path / "study").is_update_unfinished)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_source(read_source(class_folders), tmp_path / "study", update=True, on_progress=stop)
    assert seen == [False], "while it goes on it is not unfinished"
    study = open_study(tmp_path / "study")
    assert study.is_update_unfinished
    assert content_of(study) == before
    told = "an update of this study was interrupted, and the study is unchanged; run the same import --update again"
    for command in (("check",), ("export", "--out", tmp_path / "out.csv")):
        ended = run_command(command[0], study.path, *command[1:])
        assert (ended.status, told in ended.err) == (0, True)
    ended = run_command("import", class_folders, "--study", study.path, "--update")
    assert (ended.status, told in ended.err) == (0, False)
    assert not open_study(study.path).is_update_unfinished


def test_a_verdict_recorded_during_an_update_is_known_after_it(class_folders, tmp_path):
    import_source(read_source(class_folders), tmp_path / "study", image_size_px=SIZE_PX)
    write_image(class_folders / "dog" / "new.png", 5)

    def decide(num_done, num_images):
        update_study_file(tmp_path / "study", has_ledger=True)

    import_source(read_source(class_folders), tmp_path / "study", update=True, on_progress=decide)
    study = open_study(tmp_path / "study")
    assert (study.has_ledger, len(study.samples())) == (True, 6)


def test_a_page_that_opened_the_study_before_an_update_reads_the_new_tables(class_folders, tmp_path):
    import_source(read_source(class_folders), tmp_path / "study", image_size_px=SIZE_PX)
    old = open_study(tmp_path / "study")
    write_image(class_folders / "dog" / "new.png", 5)
    import_source(read_source(class_folders), tmp_path / "study", update=True)
    assert (len(old.samples()), len(old.source_table())) == (6, 6)


def test_a_committed_update_in_a_folder_that_cannot_be_written_is_told_of(changed_source, tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(generation, "move_committed_files", lambda path: None)
        import_source(read_source(changed_source), tmp_path / "before", update=True)
    monkeypatch.setattr(generation, "study_lock", refuse)
    with pytest.raises(
        StudyError, match="an update of this study is only partly in place, and its folder is not writable"
    ):
        open_study(tmp_path / "before")


def test_an_update_of_an_array_file_killed_anywhere_mixes_no_images(tmp_path, monkeypatch):
    def write(seed):
        rng = np.random.default_rng(seed)
        pixels = rng.integers(0, 256, (4, 16, 16), dtype=np.uint8)
        labels = np.array([[0], [1], [1], [seed]], dtype=np.uint8)
        np.savez(tmp_path / "small.npz", train_images=pixels, train_labels=labels)
        return read_source(tmp_path / "small.npz")

    import_source(write(0), tmp_path / "before", image_size_px=SIZE_PX)
    source, before = write(1), content_of(open_study(tmp_path / "before"))
    study_path = tmp_path / "study"
    found = []
    for num_operations in range(0, 1000, 3):
        shutil.copytree(tmp_path / "before", study_path)
        path = study_path / "study.json"  # images are looked for where the study was imported
        path.write_text(path.read_text().replace(str(tmp_path / "before"), str(study_path)))
        num_done = run_dying(monkeypatch, num_operations, lambda: import_source(source, study_path, update=True))
        content = content_of(open_study(study_path))
        found.append([content[name] == before[name] for name in ("samples", "source", "keys", "pixels", "shown")])
        assert found[-1] in ([True, True, True, True, True], [False, False, True, False, False]), num_operations
        shutil.rmtree(study_path)
        if num_done is not None:
            break
    assert {row[0] for row in found} == {True, False}


def test_fields_that_this_version_does_not_know_are_kept(class_folders, tmp_path):
    import_source(read_source(class_folders), tmp_path / "study", image_size_px=SIZE_PX)
    path = tmp_path / "study" / "study.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"of_later": {"a": [1]}}))
    update_study_file(tmp_path / "study", has_ledger=True)
    import_source(read_source(class_folders), tmp_path / "study", update=True)
    fields = json.loads(path.read_text())
    assert (fields["of_later"], fields["has_ledger"]) == ({"a": [1]}, True)
