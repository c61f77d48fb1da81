import pytest

from overread.sources.tables.class_names import class_names
from tests.core.importing import read_source


@pytest.fixture
def table(tmp_path):
    """A table beside which there may be a file of names."""
    path = tmp_path / "train.txt"
    path.write_text("1.png 0\n")
    return path


@pytest.mark.parametrize("name", ["synsets.txt", "classes.txt", "labels.txt"])
def test_lines_name_the_codes_from_0(table, tmp_path, name):
    (tmp_path / name).write_text("no_dr\nmild DR\nsevere, or worse\n", encoding="utf-8")
    found = class_names(table, "label", ("2", "0", "", "2.0"))
    assert found == ({"0": "no_dr", "2": "severe, or worse"}, name)


def test_lines_name_the_codes_from_1_if_these_are_as_many(table, tmp_path):
    (tmp_path / "classes.txt").write_text("cat\n\ndog\n")
    assert class_names(table, "label", "12") == ({"1": "cat", "2": "dog"}, "classes.txt")


@pytest.mark.parametrize("line", ["{} {}", "{}: {}", "{}\t{}", "{},{}", "{} = {}"])
def test_lines_may_say_the_codes_themselves(table, tmp_path, line):
    (tmp_path / "classes.txt").write_text("\n".join(line.format(*pair) for pair in ((7, "cat"), (3, "dog"))))
    assert class_names(table, "label", "37")[0] == {"3": "dog", "7": "cat"}


@pytest.mark.parametrize(
    ("lines", "labels"),
    [("cat\ndog", ("0", "2")), ("cat\ncat", ("0", "1")), ("cat\ndog", ("cat", "dog")), ("", ("0", "1"))],
    ids=["too few names", "one name twice", "labels are names", "no names"],
)
def test_names_that_do_not_fit_the_labels_are_not_used(table, tmp_path, lines, labels):
    (tmp_path / "classes.txt").write_text(lines)
    assert class_names(table, "label", labels) == ({}, "")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("label_map.csv", "id,name\n0,cat\n1,dog\n"),
        ("mapping.csv", "name;code\ncat;0\ndog;1\n"),
        ("label_num_to_disease_map.json", '{"0": "cat", "1": "dog"}'),
        ("class_indices.json", '{"cat": 0, "dog": 1}'),
    ],
)
def test_a_map_beside_the_table_names_the_codes(table, tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert class_names(table, "label", "01") == ({"0": "cat", "1": "dog"}, name)
    assert class_names(table, "label", "02") == ({}, "")
    (tmp_path / "other_map.json").write_text('{"0": "eel", "1": "fox"}')
    assert class_names(table, "label", "01") == ({}, "")


@pytest.mark.parametrize(
    "content",
    ["id,name\n0,cat\n1,cat\n", "image,label\na.png,0\nb.png,1\nc.png,1\n", "id,name,more\n0,cat,1\n1,dog,2\n"],
)
def test_another_table_is_no_map(table, tmp_path, content):
    (tmp_path / "map.csv").write_text(content)
    assert class_names(table, "label", "01") == ({}, "")


def test_a_table_without_a_file_of_names_has_none(table):
    assert class_names(table, "label", "01") == ({}, "")


def test_an_import_takes_the_names(tmp_path):
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (tmp_path / "labels.csv").write_text("image,label\na.png,1\nb.png,0\n")
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    source = read_source(tmp_path)
    assert [row.label for row in source.rows] == ["dog", "cat"]
    assert source.messages == ("the names of the classes are those of classes.txt: 0=cat, 1=dog",)
    assert [row.label for row in read_source(tmp_path, classes=("0", "1")).rows] == ["1", "0"]
