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


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([f"note {number}" for number in range(20)], "hardly any is given twice"),
        ([f"{number % 12}.25" for number in range(60)], "are numbers such as 0.25"),
    ],
)
def test_a_text_or_a_measurement_for_each_image_is_refused(tmp_path, cells, said):
    lines = [f"{number}.png,{cell}" for number, cell in enumerate(cells)]
    (tmp_path / "labels.csv").write_text("\n".join(["image,label", *lines]))
    with pytest.raises(ManifestError, match=said):
        read_source(tmp_path)


@pytest.mark.parametrize(("step", "is_told"), [(7, True), (1, False)])
def test_many_numbers_with_gaps_may_be_a_measurement(tmp_path, step, is_told):
    lines = [f"{number}.png,{number % 25 * step}" for number in range(100)]
    (tmp_path / "labels.csv").write_text("\n".join(["image,label", *lines]))
    assert any("or a measurement?" in message for message in read_source(tmp_path).messages) is is_told


def test_ten_names_are_listed_whole():
    assert listed([str(number) for number in range(10)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"


def test_spellings_that_differ_in_capitals_are_one_class_and_dashes_are_told_of(make_table):
    labels = ("cat", "CAT", "CAT", "Guinea pig", "guinea-pig", "dog")
    rows = ((f"{number}.png", label) for number, label in enumerate(labels))
    source = read_source(make_table([("image", "label"), *rows]))
    assert [row.label for row in source.rows] == ["CAT", "CAT", "CAT", "Guinea pig", "guinea-pig", "dog"]
    assert "'CAT' (2 rows) and 'cat' (1 rows) are one class, 'CAT'" in source.messages
    assert any("'Guinea pig' (1 rows), 'guinea-pig' (1 rows)" in message for message in source.messages)


def test_letters_and_classes_that_the_user_names_keep_their_capitals(make_table):
    rows = [("a.png", "N"), ("b.png", "n"), ("c.png", "cat"), ("d.png", "CAT")]
    source = read_source(make_table([("image", "label"), *rows]), classes=["N", "n", "cat", "CAT"])
    assert [row.label for row in source.rows] == ["N", "n", "cat", "CAT"]
    source = read_source(make_table([("image", "label"), *rows[:2]]))
    assert [row.label for row in source.rows] == ["N", "n"]


@pytest.mark.parametrize("label", ["N/A", "nan", "NaN", "Unlabeled"])
def test_what_programs_write_for_a_missing_label_is_none(make_table, label):
    source = read_source(make_table([("image", "label"), ("a.png", "cat"), ("b.png", "dog"), ("c.png", label)]))
    assert [row.label for row in source.rows] == ["cat", "dog", ""]
    assert source.messages == (f"the label is missing where it is {label!r} (1 rows)",)


def test_a_label_that_may_say_there_is_none_is_told_of(make_table):
    source = read_source(make_table([("image", "label"), ("a.png", "cat"), ("b.png", "dog"), ("c.png", "unknown")]))
    assert source.messages == (
        "class 'unknown' (1 rows) may stand for a missing label; if it does, give --no-label unknown",
    )


def test_a_name_is_one_class_however_its_accents_and_blanks_are_written(make_table):
    labels = ("bösartig", "bo\u0308sartig", "no  finding", "no finding", "no finding")
    rows = ((f"{number}.png", label) for number, label in enumerate(labels))
    source = read_source(make_table([("image", "label"), *rows]))
    assert [row.label for row in source.rows] == ["bösartig"] * 2 + ["no finding"] * 3


def test_minus_one_beside_codes_asks_what_it_is(make_table):
    root = make_table([("image", "label"), ("a.png", "0"), ("b.png", "1"), ("c.png", "-1")])
    with pytest.raises(ManifestError, match=r"1 labels are -1, .* give --no-label -1, else name the classes"):
        read_source(root)
    assert [row.label for row in read_source(root, no_labels=("-1",)).rows] == ["0", "1", ""]
    source = read_source(root, classes=["-1=unsure", "0=no", "1=yes"])
    assert [row.label for row in source.rows] == ["no", "yes", "unsure"]
    root = make_table([("image", "label"), ("a.png", "1"), ("b.png", "-1")])
    assert [row.label for row in read_source(root).rows] == ["1", "-1"]


@pytest.mark.parametrize(("num_test", "is_told"), [(5, True), (4, False)])
def test_a_split_with_one_class_alone_is_told_of(make_table, num_test, is_told):
    rows = [(f"{number}.png", ("cat", "dog")[number % 2], "train") for number in range(6)]
    rows += [(f"t{number}.png", "cat", "test") for number in range(num_test)]
    messages = read_source(make_table([("image", "label", "split"), *rows])).messages
    assert ("all 5 labels of the split test are 'cat': are they labels?" in messages) is is_told
