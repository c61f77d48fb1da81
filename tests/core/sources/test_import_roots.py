"""An import with --within reads below the folders that are named, and quotes nothing of what it reads."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.errors import ConfigError, ManifestError, SourceError, StudyError, UserError
from overread.sources.import_roots import LINK_LEADS_OUT, OUTSIDE, check_below, is_below
from tests.core.commands import run_command

SECRET = "hunter2"


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    (folder / "films").mkdir(parents=True)
    return folder


@pytest.fixture
def outside(tmp_path):
    """A table that is as good as any, and a file of one line, where nothing may be read."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "labels.csv").write_text(f"image,label\na.png,{SECRET}\nb.png,{SECRET}2\n")
    (folder / "pgpass").write_text(f"db:5432:app:user:{SECRET}\n")
    return folder


def write_images(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        Image.fromarray(np.full((20, 20), 90 * number, dtype=np.uint8)).save(folder / name)


def import_within(root, source, *arguments):
    return run_command("import", source, "--study", root.parent / "made", "--within", root, *arguments, "--json")


def test_below_a_root_is_what_is_there_once_links_are_followed(root, outside):
    (root / "out").symlink_to(outside)
    (root / "in").symlink_to(root / "films")
    inside = ["", "films", "films/absent.csv", "in/absent.csv", "films/../films"]
    beyond = ["..", "../root2", "out", "out/labels.csv", "out/absent", "films/../../outside", "a\0b"]
    assert [name for name in (*inside, *beyond) if is_below(root / name, [root])] == inside
    assert not is_below(root, [])


def test_a_good_source_is_imported_as_without_it(root):
    write_images(root / "films", "a.png", "b.png")
    (root / "films" / "labels.csv").write_text("image,label\na.png,clear\nb.png,opaque\n")
    ended = import_within(root, root / "films", "--labels", root / "films" / "labels.csv")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["num_samples"] == 2


@pytest.mark.parametrize("name", ["pgpass", "labels.csv", "absent"])
def test_a_source_or_labels_outside_are_refused_in_words_that_do_not_tell_whether_they_are_there(root, outside, name):
    for arguments in ([outside / name], [root / "films", "--labels", outside / name]):
        assert import_within(root, *arguments).err == f"error: {OUTSIDE}\n"


def test_a_dataset_that_is_named_may_be_read_wherever_it_is_kept_and_no_labels_outside(root, outside, monkeypatch):
    kept = root.parent / "pathmnist.npz"
    kept.touch()
    monkeypatch.setattr("overread.sources.registry.local_source", lambda *_: kept)
    assert import_within(root, "medmnist:pathmnist").err.startswith("error: The source cannot be read as a dataset")
    ended = import_within(root, "medmnist:pathmnist", "--format", "csv", "--labels", outside / "labels.csv")
    assert ended.err == f"error: {OUTSIDE}\n"


def test_labels_that_lead_out_from_the_source_or_from_here_are_refused(root, outside, monkeypatch):
    deep = root / "films" / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(root.parent)
    from_here = "outside/labels.csv"
    from_source = os.path.relpath(outside / "labels.csv", deep)
    for labels in (from_here, from_source):
        assert import_within(root, deep, "--labels", labels).err == f"error: {OUTSIDE}\n"


@pytest.mark.parametrize("place", ["labels.csv", "train.json", "data_batch_1", "cifar-10-batches-py/data_batch_1"])
def test_a_link_out_of_the_roots_where_labels_are_looked_for_is_refused(root, outside, place):
    link = root / "films" / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside / "labels.csv")
    assert import_within(root, root / "films").err == f"error: {LINK_LEADS_OUT}\n"
    link.unlink()
    link.symlink_to(outside / "absent")
    assert import_within(root, root / "films").err == f"error: {LINK_LEADS_OUT}\n"


def test_a_linked_folder_out_of_the_roots_is_refused_and_one_within_is_not(root, outside):
    (root / "films" / "more").symlink_to(root)
    check_below(root / "films", None, [root])
    (root / "films" / "clear").symlink_to(outside)
    with pytest.raises(SourceError, match="A link"):
        check_below(root / "films", None, [root])


def test_a_table_s_neighbours_are_not_its_matter_and_those_of_a_json_file_are(root, outside):
    for name in ("labels.csv", "train.json"):
        (root / "films" / name).touch()
    (root / "films" / "test.json").symlink_to(outside / "pgpass")
    check_below(root / "films" / "labels.csv", None, [root])
    with pytest.raises(SourceError, match="A link"):
        check_below(root / "films" / "train.json", None, [root])


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        (f"db:5432:app:user:{SECRET}\n", (), "No column is obviously the"),
        (f"image,{SECRET}\na.png,x\n", (), "No column is obviously the label"),
        (f"image,{SECRET}\na.png,x\n", ("--label-column", "guess"), "Row 1: the columns, rows or labels"),
        (f"image,label\na.png,x\n{SECRET}\n", (), "Row 3: the columns, rows or labels"),
        (f"image,label\na.png,x\na.png,O'{SECRET}\n", (), "Rows 2 and 3: the columns, rows or labels"),
        (f"image,label\na.png,{SECRET}\nb.png,{SECRET}\n", (), "The columns, rows or labels"),
        (f"image,label\n{SECRET},x\nb.png,y\n", (), "Fewer than two classes"),
        (f"image,label\na.png,{SECRET}\nb.png,x\n", ("--classes", "x,y"), "Row 2: the columns, rows or labels"),
        (f"image,label\na.png,{SECRET}\n", ("--format", "fiftyone"), "The columns, rows or labels"),
        (f"image,label\na.png,{SECRET}\n", ("--format", "medmnist"), "The source cannot be read"),
        (f'[{{"{SECRET}": 1, "{SECRET}": 2}}]', ("--format", "label-studio"), "The columns, rows or labels"),
        (f'[{{"id": 1, "{SECRET}": 2}}]', ("--format", "label-studio"), "The columns, rows or labels"),
        ("", (), "The source cannot be read"),
    ],
)  # fmt: skip
def test_an_error_quotes_neither_cells_nor_header_nor_path(root, content, arguments, said):
    labels = root / "films" / f"{SECRET}.csv"
    labels.write_text(content)
    ended = import_within(root, labels, *arguments)
    assert ended.status == 2
    assert ended.err.startswith(f"error: {said}")
    assert SECRET not in ended.err + ended.out
    assert str(root) not in ended.err
    assert not (root.parent / "made").exists()


@pytest.mark.parametrize("kind", [SourceError, ManifestError, ConfigError])
def test_an_error_on_a_source_is_said_in_public_by_its_kind_and_row_or_as_it_wishes(kind):
    assert kind(f"x.csv row 14: label '{SECRET}' is wrong").public.startswith("Row 14: ")
    assert kind(f"x.csv: column '{SECRET} row 99: x' is wrong").public == kind.gist
    assert kind(SECRET, public="It is wrong.").public == "It is wrong."
    assert str(kind(SECRET, public="It is wrong.")) == SECRET


def test_an_error_that_quotes_no_source_is_said_in_public_as_it_is():
    assert StudyError("is busy").public == UserError("is busy").public == "is busy"
