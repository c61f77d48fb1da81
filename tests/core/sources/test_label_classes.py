import pytest

from overread.errors import ConfigError, ManifestError
from overread.sources.label_classes import listed
from tests.core.importing import read_source

CODES = [("image", "label", "rater_1"), ("a.png", "0", "1"), ("b.png", "1", ""), ("c.png", "1", "NORMAL")]


def test_codes_get_the_names_that_the_user_gives_them(make_table):
    source = read_source(make_table(CODES), classes=("0=NORMAL", "1 = PNEUMONIA"), rater_columns=("rater_1",))
    assert [row.label for row in source.rows] == ["NORMAL", "PNEUMONIA", "PNEUMONIA"]
    assert [row.raters for row in source.rows] == [("PNEUMONIA",), ("",), ("NORMAL",)]
    assert source.classes == ("NORMAL", "PNEUMONIA")
    assert source.written_labels == {"NORMAL": "0", "PNEUMONIA": "1"}
    assert source.cells[0] == CODES[1]


def test_a_label_that_holds_the_sign_itself_is_a_label(make_table):
    rows = [("image", "label"), ("a.png", "T=1"), ("b.png", "T=2")]
    source = read_source(make_table(rows), classes=("T=1", "T=2"))
    assert (source.classes, source.written_labels) == (("T=1", "T=2"), {})


def test_codes_against_names_are_told_how_to_be_named(make_table):
    with pytest.raises(ManifestError) as error:
        read_source(make_table(CODES), classes=("NORMAL", "PNEUMONIA"))
    assert str(error.value) == (
        "labels.csv row 2: label '0' is not one of NORMAL, PNEUMONIA; "
        "say what the code means, --classes 0=NAME,..., or fix the row or pass --classes"
    )


def test_two_codes_of_one_name_are_refused(make_table):
    with pytest.raises(ConfigError, match="at least two different classes"):
        read_source(make_table(CODES), classes=("0=SICK", "1=SICK"))


def test_codes_among_names_are_told_of(make_table):
    rows = [("image", "label"), ("a.png", "0"), ("b.png", "NORMAL"), ("c.png", "PNEUMONIA")]
    assert read_source(make_table(rows)).messages == (
        "some labels are numbers (0) and some are names (NORMAL, PNEUMONIA); if a number stands for a name, "
        "pass --classes 0=NAME,...",
    )


def test_a_rater_who_gives_codes_is_told_of(make_table):
    rows = [("image", "label", "rater_1"), ("a.png", "cat", "0"), ("b.png", "dog", "1"), ("c.png", "dog", "dog")]
    messages = read_source(make_table(rows), rater_columns=("rater_1",)).messages
    assert messages == ("rater_1 gives labels that are not classes: 0, 1",)


def test_three_hundred_classes_are_read_and_a_refusal_names_a_few(tmp_path):
    lines = [f"{number}.png,class {number % 300}" for number in range(900)]
    (tmp_path / "labels.csv").write_text("\n".join(["image,label", *lines]))
    source = read_source(tmp_path)
    assert len({row.label for row in source.rows}) == 300
    assert source.messages == ()
    with pytest.raises(ManifestError) as error:
        read_source(tmp_path, classes=[f"class {number}" for number in range(299)])
    assert str(error.value) == (
        "labels.csv row 301: label 'class 299' is not one of class 0, class 1, class 2, class 3, class 4, class 5, "
        "class 6, class 7, class 8, class 9 and 289 more; fix the row or pass --classes"
    )


def test_a_column_of_something_else_is_told_of(tmp_path):
    lines = [f"{number}.png,note {number}" for number in range(20)]
    (tmp_path / "labels.csv").write_text("\n".join(["image,label", *lines]))
    assert read_source(tmp_path).messages == ("20 classes in 20 rows: does 'label' hold the labels?",)


def test_ten_names_are_listed_whole():
    assert listed([str(number) for number in range(10)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"


def test_classes_that_only_capitals_or_dashes_tell_apart_are_told_of(make_table):
    labels = ("cat", "CAT", "Guinea pig", "guinea-pig", "dog")
    source = read_source(make_table([("image", "label"), *((f"{label}.png", label) for label in labels)]))
    (cats,) = [message for message in source.messages if "'CAT'" in message]
    assert cats.startswith("'cat' (1 rows), 'CAT' (1 rows) are classes of their own")
    assert any("'Guinea pig' (1 rows), 'guinea-pig' (1 rows)" in message for message in source.messages)
    assert not any("'dog'" in message for message in source.messages)


@pytest.mark.parametrize("label", ["N/A", "nan", "unknown"])
def test_a_label_that_says_there_is_none_is_told_of(make_table, label):
    source = read_source(make_table([("image", "label"), ("a.png", "cat"), ("b.png", "dog"), ("c.png", label)]))
    assert source.messages == (
        f"class {label!r} (1 rows) may stand for a missing label; if it does, empty these cells",
    )
