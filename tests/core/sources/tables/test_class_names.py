import pytest

from overread.sources.tables.class_names import class_names
from overread.sources.tables.table_cells import TableCells


@pytest.fixture
def table(tmp_path):
    """A table beside which there may be a file of names."""
    path = tmp_path / "train.txt"
    path.write_text("1.png 0\n")
    return path


def cells(*labels, header=("image", "label")):
    return TableCells(list(header), [(row, [f"{row}.png", label]) for row, label in enumerate(labels, start=1)])


@pytest.mark.parametrize("name", ["synsets.txt", "classes.txt", "labels.txt"])
def test_lines_name_the_codes_from_0(table, tmp_path, name):
    (tmp_path / name).write_text("no_dr\nmild DR\nsevere, or worse\n", encoding="utf-8")
    found = class_names(table, cells("2", "0", "", "2"))
    assert found == {"0": "no_dr", "2": "severe, or worse"}


def test_lines_name_the_codes_from_1_if_these_are_as_many(table, tmp_path):
    (tmp_path / "classes.txt").write_text("cat\n\ndog\n")
    assert class_names(table, cells("1", "2")) == {"1": "cat", "2": "dog"}


@pytest.mark.parametrize("line", ["{} {}", "{}: {}", "{}\t{}", "{},{}", "{} = {}"])
def test_lines_may_say_the_codes_themselves(table, tmp_path, line):
    (tmp_path / "classes.txt").write_text("\n".join(line.format(*pair) for pair in ((7, "cat"), (3, "dog"))))
    assert class_names(table, cells("3", "7")) == {"3": "dog", "7": "cat"}


def test_codes_are_those_of_the_column_label_else_of_the_last_one(table, tmp_path):
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    assert class_names(table, cells("0", "1", header=("path", "target"))) == {"0": "cat", "1": "dog"}
    assert class_names(table, cells("0", "1", header=("label", "target"))) == {}


@pytest.mark.parametrize(
    ("lines", "labels"),
    [("cat\ndog", ("0", "2")), ("cat\ncat", ("0", "1")), ("cat\ndog", ("cat", "dog")), ("", ("0", "1"))],
    ids=["too few names", "one name twice", "labels are names", "no names"],
)
def test_names_that_do_not_fit_the_labels_are_not_used(table, tmp_path, lines, labels):
    (tmp_path / "classes.txt").write_text(lines)
    assert class_names(table, cells(*labels)) == {}


def test_a_table_without_a_file_of_names_has_none(table):
    assert class_names(table, cells("0", "1")) == {}
