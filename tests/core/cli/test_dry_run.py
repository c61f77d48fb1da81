"""`overread import --dry-run`: the preview as a table, with nothing written."""

import json

from overread.cli.preview_table import table_lines
from tests.core.commands import run_command
from tests.core.conftest import write_image


def write_films(root):
    rows = ["image,label,split"]
    for index in range(6):
        write_image(root / f"{index}.png", index)
        rows.append(f"{index}.png,{('clear', 'a long name')[index % 2]},{('train', 'test')[index // 3]}")
    rows.append("gone.png,clear,train")
    (root / "labels.csv").write_text("\n".join(rows))
    return root


def test_it_prints_the_counts_what_is_left_out_and_the_images_and_writes_nothing(tmp_path):
    root = write_films(tmp_path / "films")
    before = sorted(tmp_path.rglob("*"))
    ended = run_command("import", root, "--study", tmp_path / "study", "--dry-run")
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "6 images in 2 classes (format csv)"
    assert lines[2:5] == [
        "class        images  train  test",
        "a long name       3      1     2",
        "clear             3      2     1",
    ]
    assert "left out: 1 row: the file is missing (the first is row 8)" in lines
    start = lines.index("row  label        image")
    shown = [line.split("  ") for line in lines[start + 1 : start + 7]]
    assert sorted(line[-1].strip() for line in shown) == [f"{index}.png" for index in range(6)]
    assert sorted(tmp_path.rglob("*")) == before


def test_json_holds_the_same_and_the_pictures(tmp_path):
    values = json.loads(run_command("import", write_films(tmp_path / "films"), "--dry-run", "--json").out)
    assert [(each["name"], each["by_split"]) for each in values["classes"]] == [
        ("a long name", [1, 2]),
        ("clear", [2, 1]),
    ]
    assert len(values["shown"]) == 6
    assert all(each["thumbnail"].startswith("data:image/jpeg;base64,") for each in values["shown"])


def test_a_study_that_exists_is_refused_as_the_import_would(tmp_path):
    root, study = write_films(tmp_path / "films"), tmp_path / "study"
    assert run_command("import", root, "--study", study, "--image-size", 32).status == 0
    ended = run_command("import", root, "--study", study, "--dry-run")
    assert ended.status == 2
    assert "already exists" in ended.err


def test_columns_are_as_wide_as_their_longest_cell():
    assert table_lines(("a", "number"), [("long cell", "5"), ("b", "1234567")], right=(1,)) == [
        "a           number",
        "long cell        5",
        "b          1234567",
    ]
