import codecs
import csv
import io
import random

import pytest

from overread.errors import ConfigError
from overread.review.cleaned_csv import COLUMNS, Origin, added_columns, cleaned_table, own_columns, write_csv
from overread.review.exports.changes_csv import FORMAT
from overread.review.exports.export_format import ExportContent
from overread.review.final_labels import LabelPolicy, Settled, final_labels
from overread.review.label_changes import apply_changes, read_changes
from overread.review.reviewed import reviewed_samples
from overread.sources.tables.table_file import read_cells
from tests.core.review.test_cleaned_csv import SCORES, table
from tests.core.review.verdicts import decision

NASTY = ["007", " 1 ", 'say "x"', "two\nlines", "=1+1", "-5", "@a", "", "é", "a,b;c\td", "'q'", "NA"]
DIALECTS = [("utf-8", ","), ("utf-8-sig", ","), ("utf-16", "\t"), ("cp1252", ";"), ("utf-8", "\t")]


CLASSES = ("normal", "tumour", "polyp")


def cleaned(source, decisions, scores, policy=LabelPolicy.UNANIMOUS):
    samples = source.assign(sample_id=[f"s{n}" for n in range(1, len(source) + 1)], given_label="normal", split="")
    samples = samples.drop_duplicates("image")
    settled = {"s1": Settled("tumour", 0.75)} if policy is LabelPolicy.DAWID_SKENE else {}
    finals = final_labels(decisions, policy, settled)
    return cleaned_table(
        source,
        reviewed_samples(samples, finals, scores=scores, run="run-9" if scores is not None else ""),
        image_column="image",
        label_column="label",
        written_labels={"normal": "0", "tumour": "1"},
        origin=Origin("study:3:hash", policy),
        classes=CLASSES,
    )


def write_changes(made, path, added=COLUMNS):
    own = own_columns(("image", "label", "age"), added)
    content = ExportContent("n", (), (), made, own, added, "image", "label", Origin(), None)
    FORMAT.write(content, path)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(("encoding", "delimiter"), DIALECTS)
@pytest.mark.parametrize("has_run", [True, False])
@pytest.mark.parametrize("policy", [LabelPolicy.UNANIMOUS, LabelPolicy.DAWID_SKENE, LabelPolicy.SOFT])
def test_applied_to_the_original_the_changes_give_the_cleaned_csv_byte_for_byte(
    tmp_path, encoding, delimiter, line_end, has_run, policy
):
    rng = random.Random(f"{encoding}{delimiter}{line_end}{has_run}")
    for trial in range(4):
        rows = [[f"{n}.png", rng.choice(["0", "1", " 0", "x"]), rng.choice(NASTY)] for n in range(12)]
        rows += [rows[0], rows[0], ["é.png", "0", "7"]]
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter, lineterminator=line_end).writerows([["image", "label", "age"], *rows])
        original = tmp_path / f"original{trial}"
        original.write_bytes(text.getvalue().encode(encoding))
        assert encoding != "utf-8-sig" or original.read_bytes().startswith(codecs.BOM_UTF8)
        found = read_cells(original)
        cells = [record for _, record in found.records]
        assert cells == rows
        kinds = ("accept", "reject", "exclude", "relabel")
        decisions = [
            decision(n, f"s{n}", kind=rng.choice(kinds), note=rng.choice(["", *NASTY])) for n in rng.sample(range(9), 4)
        ]
        decisions.append(decision(20, "s1", "bob", note="other"))
        made = cleaned(table(found.header, cells), decisions, SCORES if has_run else None, policy)
        added = added_columns(policy, CLASSES)
        write_csv(made, tmp_path / "exported.csv", own_columns=own_columns(found.header, added))
        write_changes(made, tmp_path / "changes.csv", added)
        applied, own = apply_changes(read_changes(tmp_path / "changes.csv"), found.header, cells)
        assert own == own_columns(found.header, added)
        write_csv(applied, tmp_path / "applied.csv", own_columns=own)
        assert (tmp_path / "applied.csv").read_bytes() == (tmp_path / "exported.csv").read_bytes()


SOURCE = table(["image", "label", "age"], [["a.png", "0", "7"], ["b.png", "1", "8"], ["c.png", "0", "9"]])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[0].__setitem__(2, "77"), "row 1 of the original is another one"),
        (lambda rows: rows[2].__setitem__(2, "99"), "other rows or columns"),
        (lambda rows: rows.reverse(), "row 1 of the original is another one"),
        (lambda rows: rows.clear(), "row 1 of the original is missing"),
        (lambda rows: rows.append(["d.png", "0", "1"]), "other rows or columns"),
    ],
)
def test_another_original_is_refused_in_one_line(tmp_path, change, said):
    write_changes(cleaned(SOURCE, [decision(1, "s1")], None), tmp_path / "changes.csv")
    rows = SOURCE.to_numpy().tolist()
    change(rows)
    with pytest.raises(ConfigError, match=said) as error:
        apply_changes(read_changes(tmp_path / "changes.csv"), SOURCE.columns.tolist(), rows)
    assert "\n" not in str(error.value)


def test_the_changes_hold_no_cell_of_the_source_but_labels_that_changed(tmp_path):
    write_changes(cleaned(SOURCE, [decision(1, "s1"), decision(2, "s2", kind="reject")], None), tmp_path / "c.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "c.csv").read_text())))
    assert [(row[0], row[3], row[4]) for row in rows[1:]] == [("0", "", ""), ("1", "0", "1"), ("2", "", "")]
    assert "png" not in (tmp_path / "c.csv").read_text()


def test_a_file_that_is_no_table_of_changes_is_refused(tmp_path):
    (tmp_path / "other.csv").write_text("image,label\na.png,0\n")
    with pytest.raises(ConfigError, match="no table of changes"):
        read_changes(tmp_path / "other.csv")
