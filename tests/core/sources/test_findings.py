"""Images with several findings, and cells in doubt: one finding is audited, and nothing is guessed."""

from collections import Counter
from pathlib import Path

import pytest

from overread.errors import ConfigError, ManifestError, UserError
from overread.records import Source
from tests.core.commands import run_command
from tests.core.conftest import write_image
from tests.core.importing import import_source, read_source

CELLS = {
    "bar": ("No Finding", "Edema|Mass", "Mass", "Edema", "No Finding"),
    "semicolon": ("No Finding", "Edema;Mass", "Mass", "Edema", "No Finding"),
    "list": ("['No Finding']", "['Edema', 'Mass']", "['Mass']", "['Edema']", "['No Finding']"),
    "comma": ("No Finding", "Edema, Mass", "Mass", "Edema", "No Finding"),
    "blank": ("No Finding", "Edema Mass", "Mass", "Edema", "No Finding"),
    "and": ("No Finding", "Edema and Mass", "Mass", "Edema", "No Finding"),
    "json": ('["No Finding"]', '["Edema", "Mass"]', '["Mass"]', '["Edema"]', '["No Finding"]'),
}


def table(root: Path, header: str, rows: list[tuple[str, ...]]) -> Path:
    """labels.csv with tabs between its cells, and an image for each name in the first column."""
    root.mkdir(exist_ok=True)
    for seed, name in enumerate({row[0] for row in rows}):
        write_image(root / name, seed)
    lines = [header.replace(",", "\t"), *("\t".join(row) for row in rows)]
    (root / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def multi(root: Path, kind: str) -> Path:
    return table(root, "image,label", [(f"{place}.png", cell) for place, cell in enumerate(CELLS[kind])])


def labels(source: Source) -> list[str]:
    return [row.label for row in source.rows]


@pytest.mark.parametrize("kind", CELLS)
def test_cells_of_several_labels_ask_for_the_finding_and_tell_the_counts(tmp_path, kind):
    with pytest.raises(ManifestError) as error:
        read_source(multi(tmp_path, kind))
    assert str(error.value).startswith(
        "labels.csv: 1 of 5 images have several labels in 'label'. Which one is to be audited, as present or absent? "
        "Give --finding "
    )
    assert error.value.question.field == "finding"
    assert dict(error.value.question.choices) == {"No Finding": 2, "Edema": 2, "Mass": 2}


@pytest.mark.parametrize("kind", CELLS)
def test_a_finding_is_audited_as_present_or_absent(tmp_path, kind):
    source = read_source(multi(tmp_path, kind), finding="mass")
    assert labels(source) == ["absent", "present", "present", "absent", "absent"]
    assert (source.classes, source.label_column) == (("absent", "present"), "Mass_label")
    assert [cells[1] for cells in source.cells] == list(CELLS[kind])


def test_a_finding_that_no_image_has_lists_those_that_there_are(tmp_path):
    with pytest.raises(ConfigError, match=r"--finding Hernia: labels\.csv has no such label in 'label'; choose from"):
        read_source(multi(tmp_path, "bar"), finding="Hernia")


def test_class_names_with_signs_in_them_are_classes(tmp_path):
    rows = [("a.png", "no DR; or mild"), ("b.png", "DR | severe"), ("c.png", "DR | severe")]
    assert labels(read_source(table(tmp_path, "image,label", rows))) == [label for _, label in rows]


def test_lists_of_one_label_are_that_label(tmp_path):
    source = read_source(table(tmp_path, "image,label", [("a.png", "['x']"), ("b.png", "['y']")]))
    assert (labels(source), source.written_labels) == (["x", "y"], {"x": "['x']", "y": "['y']"})


ONE_HOT = [("a.png", "1.0", "0.0", "0.0"), ("b.png", "0.0", "1.0", "0.0"), ("c.png", "0.0", "0.0", "1.0")]


def test_columns_of_which_one_is_1_are_the_label(tmp_path):
    source = read_source(table(tmp_path, "image,MEL,NV,BCC", ONE_HOT))
    assert (labels(source), source.classes, source.label_column) == (
        ["MEL", "NV", "BCC"],
        ("MEL", "NV", "BCC"),
        "label",
    )
    chosen = read_source(tmp_path, label_columns=("MEL", "NV"))
    assert (labels(chosen), chosen.classes) == (["MEL", "NV", ""], ("MEL", "NV"))


def test_a_named_column_that_is_neither_0_nor_1_is_refused_with_its_row(tmp_path):
    root = table(tmp_path, "image,age,MEL", [("a.png", "58", "1"), ("b.png", "1", "0")])
    with pytest.raises(ManifestError, match=r"labels.csv row 2: '58' in column 'age' is neither 0 nor 1"):
        read_source(root, label_columns=("age", "MEL"))


DOUBTS = [
    ("a.png", "1.0", ""),
    ("b.png", "1.0", "1.0"),
    ("c.png", "", "-1.0"),
    ("d.png", "", "0.0"),
    ("e.png", "0.0", "1.0"),
]


def test_columns_of_which_several_are_1_ask_for_the_finding(tmp_path):
    with pytest.raises(ManifestError) as error:
        read_source(table(tmp_path, "image,Edema,Mass", DOUBTS))
    assert error.value.question.choices == (("Edema", 2), ("Mass", 2))


@pytest.mark.parametrize(
    ("doubts", "expected"),
    [
        ((), ["", "present", "", "absent", "present"]),
        (("positive",), ["", "present", "present", "absent", "present"]),
        (("negative", "blank=negative"), ["absent", "present", "absent", "absent", "present"]),
        (("own-class",), ["", "present", "uncertain", "absent", "present"]),
        (("-1=own-class", "blank=positive"), ["present", "present", "uncertain", "absent", "present"]),
    ],
)
def test_cells_in_doubt_become_what_the_user_says_and_are_told(tmp_path, doubts, expected):
    source = read_source(table(tmp_path, "image,Edema,Mass", DOUBTS), finding="Mass", doubts=doubts)
    assert labels(source) == expected
    note = next(note for note in source.messages if "--as and --no-label" in note)
    assert "1 are blank" in note
    assert "1 are -1.0" in note


def test_what_a_doubt_may_become_is_told(tmp_path):
    with pytest.raises(ConfigError, match="--as maybe: unknown value; choose from positive, negative, own-class"):
        read_source(table(tmp_path, "image,Edema,Mass", DOUBTS), finding="Mass", doubts=("maybe",))


def test_cells_that_say_that_there_is_no_label_are_none_and_are_counted(tmp_path):
    rows = [("a.png", "x"), ("b.png", "y"), ("c.png", "-1.0"), ("d.png", "-1"), ("e.png", "n/a")]
    source = read_source(table(tmp_path, "image,label", rows), no_labels=("-1", "n/a"))
    assert labels(source) == ["x", "y", "", "", ""]
    assert "3 labels (-1, n/a) say that there is none" in source.messages


def test_several_rows_of_one_reader_are_the_findings_of_an_image(tmp_path):
    rows = [("a.png", "Edema"), ("a.png", "Mass"), ("b.png", "Edema"), ("b.png", "Mass"), ("c.png", "Edema")]
    root = table(tmp_path, "image,label", rows)
    with pytest.raises(ManifestError) as error:
        read_source(root)
    assert dict(error.value.question.choices) == {"Edema": 3, "Mass": 2}
    assert labels(read_source(root, finding="Mass")) == ["present"] * 4 + ["absent"]


def test_a_single_image_with_two_labels_is_a_mistake_and_no_finding(tmp_path):
    rows = [("0.png", "x"), ("0.png", "y"), *((f"{place}.png", "xy"[place % 2]) for place in range(1, 30))]
    with pytest.raises(ManifestError, match=r"labels\.csv rows 2 and 3: one image has two labels, 'x' and 'y'"):
        read_source(table(tmp_path, "image,label", rows))


def test_rows_of_several_readers_become_rater_columns_and_a_majority(tmp_path):
    said = {"a.png": "xxy", "b.png": "yyy", "c.png": "xyy"}
    rows = [(image, f"R{place}", label) for image, votes in said.items() for place, label in enumerate(votes)]
    source = read_source(table(tmp_path, "image,rad_id,label", rows))
    assert source.rater_names == ("rater_R0", "rater_R1", "rater_R2")
    assert {row.image: (row.label, "".join(row.raters)) for row in source.rows} == {
        image: (Counter(votes).most_common(1)[0][0], votes) for image, votes in said.items()
    }


def test_a_finding_that_several_readers_looked_for_is_voted_on(tmp_path):
    rows = [
        *[("a.png", "R1", "Mass"), ("a.png", "R1", "Edema"), ("a.png", "R2", "Mass"), ("a.png", "R3", "No Finding")],
        *[("b.png", "R1", "No Finding"), ("b.png", "R2", "No Finding"), ("b.png", "R4", "Mass")],
    ]
    source = read_source(table(tmp_path, "image,rad_id,label", rows), finding="Mass")
    votes = {row.image: (row.label, row.raters) for row in source.rows}
    assert votes == {
        "a.png": ("present", ("present", "present", "absent", "")),
        "b.png": ("absent", ("absent", "absent", "", "present")),
    }


@pytest.mark.parametrize("spellings", [("0", "0.0", "0.", " 0"), ("1", "1.0", "1 ", "1.00")])
def test_one_number_written_in_several_ways_is_one_class_and_is_said(tmp_path, spellings):
    rows = [*((f"{place}.png", cell) for place, cell in enumerate(spellings)), ("x.png", "7")]
    source = read_source(table(tmp_path, "image,label", rows))
    code = spellings[0]
    assert labels(source) == [*[code] * 4, "7"]
    assert any(note.endswith(f"are one class, {code!r}") for note in source.messages)
    named = read_source(tmp_path, classes=(f"{code}=cat", "7=dog"))
    assert labels(named) == [*["cat"] * 4, "dog"]


def test_codes_that_are_all_written_one_way_stay_and_are_named_by_either(tmp_path):
    rows = [("a.png", "0.0"), ("b.png", "1.0")]
    root = table(tmp_path, "image,label", rows)
    assert labels(read_source(root)) == ["0.0", "1.0"]
    source = read_source(root, classes=("0=cat", "1=dog"))
    assert (labels(source), source.written_labels) == (["cat", "dog"], {"cat": "0.0", "dog": "1.0"})


def test_a_finding_s_study_is_exported_with_its_own_column_and_updated_with_the_flag_alone(tmp_path):
    root = multi(tmp_path / "source", "bar")
    study = tmp_path / "study"
    import_source(read_source(root, finding="Mass"), study, image_size_px=32)
    with pytest.raises(UserError):
        import_source(read_source(root, finding="Edema"), study, update=True)
    assert run_command("export", study, "--out", tmp_path / "out.csv").status == 0
    header, first, *_ = (tmp_path / "out.csv").read_text().splitlines()
    assert header.startswith("image,label,Mass_label,final_label,is_changed")
    assert first.startswith("0.png,No Finding,absent,absent,false")


def test_a_cell_is_one_label_where_its_parts_are_no_labels_or_the_user_says_so(tmp_path):
    cells = ("no DR, or mild", "DR", "no DR", "mild cyst", "cyst")
    rows = [(f"{place}.png", cell) for place, cell in enumerate(cells)]
    assert labels(read_source(table(tmp_path, "image,label", rows))) == list(cells)
    rows = [(f"{place}.png", cell) for place, cell in enumerate(CELLS["blank"])]
    source = read_source(table(tmp_path, "image,label", rows), classes=["No Finding", "Edema", "Mass", "Edema Mass"])
    assert labels(source) == list(CELLS["blank"])


def test_folders_are_classes_whatever_they_are_called(tmp_path):
    for folder in ("Edema", "Mass", "Edema and Mass"):
        write_image(tmp_path / folder / "a.png")
    assert set(labels(read_source(tmp_path))) == {"Edema", "Mass", "Edema and Mass"}
