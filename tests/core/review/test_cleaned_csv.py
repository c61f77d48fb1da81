import csv
import io
import random
from dataclasses import MISSING, fields
from datetime import timedelta

import pandas as pd
import pytest

from overread.errors import ConfigError
from overread.review.chain import LedgerRow
from overread.review.cleaned_csv import COLUMNS, Origin, changes_table, cleaned_table, own_columns, write_csv
from overread.review.final_labels import LabelPolicy, Settled, final_labels
from overread.review.reviewed import reviewed_samples
from overread.version import full_version
from tests.core.review.verdicts import START, decision

NASTY = ["007", " 1 ", "a,b", 'say "x"', "two\nlines", "two\r\nlines", "lone\rreturn", "=1+1", "-5", "+x", "@a", "\t1"]
NASTY += ["", "é, 病理", "NA", "1e5", "'quoted'", '"', "1.50", "true", "\r", "\n", "a;b", "\ufeffx", "a\\b"]


def table(columns, rows):
    return pd.DataFrame(rows, columns=columns, dtype=str)


SOURCE = table(
    ["image", "label", "age"],
    [["a.png", "0", "007"], ["b.png", "1", " 8"], ["c.png", " 0", ""], ["bad.png", "0 ", "x"], ["d.png", "0", "-1"]],
)
SAMPLES = table(
    ["sample_id", "image", "given_label"],
    [["s4", "d.png", "normal"], ["s1", "a.png", "normal"], ["s2", "b.png", "tumour"], ["s3", "c.png", "normal"]],
)
SCORES = pd.DataFrame(
    {
        "sample_id": ["s1", "s2", "s3", "s4"],
        "label_error_probability": [0.1, 1 / 3, 0.25, 1.0],
        "is_proposed": [False, True, False, True],
        "proposed_label": ["normal", "normal", "normal", "tumour"],
    },
)


def cleaned(
    decisions, *, source=SOURCE, samples=SAMPLES, scores=SCORES, readings=(), policy=LabelPolicy.UNANIMOUS, settled=None
):
    finals = final_labels(decisions, policy, settled)
    return cleaned_table(
        source,
        reviewed_samples(samples.assign(split=""), finals, scores=scores, run="run-9", readings=readings),
        image_column="image",
        label_column="label",
        written_labels={"normal": "0", "tumour": "1"},
        origin=Origin("study:3:hash", policy),
        classes=("normal", "tumour", "polyp"),
    )


def read_back(path):
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def test_a_row_for_every_row_of_the_source_with_who_decided_what():
    found = cleaned([decision(1, "s1"), decision(2, "s3", "bob", "exclude"), decision(3, "s4", kind="relabel")])
    assert set(found["ledger_head"]) == {"study:3:hash"}
    assert set(found["overread_version"]) == {full_version()}
    assert found["reader_identity"].tolist() == ["self-declared", "", "self-declared", "", "self-declared"]
    assert found.iloc[:, :-8].to_numpy().tolist() == [
        ["a.png", "0", "007", "1", "true", "accept", "0.75", "1", "ann", "2026-01-02T03:05:05+00:00", "", "run-1"],
        ["b.png", "1", " 8", "1", "false", "", repr(1 / 3), "0", "", "", "", "run-9"],
        ["c.png", " 0", "", "", "true", "exclude", "0.75", "1", "bob", "2026-01-02T03:06:05+00:00", "", "run-1"],
        ["bad.png", "0 ", "x", "0 ", "false", "quarantined", "", "", "", "", "", ""],
        ["d.png", "0", "-1", "polyp", "true", "relabel", "0.75", "1", "ann", "2026-01-02T03:07:05+00:00", "", "run-1"],
    ]
    assert list(found.columns) == [
        *("image", "label", "age"),
        *("final_label", "is_changed", "verdict", "label_error_probability", "proposed_label"),
        *("reader", "decided_at", "note", "run", "reader_identity", "blind_reading", "read_by", "read_at"),
        *("discrepancy_grade", "overread_version", "ledger_head", "policy"),
    ]


def reading(sequence, sample_id, reader, label, *, verdict="", protocol="blind"):
    absent = dict.fromkeys((field.name for field in fields(LedgerRow) if field.default is MISSING), "")
    told = {"sample_id": sample_id, "reader": reader, "chosen_label": label, "verdict": verdict, "protocol": protocol}
    moment = START + timedelta(minutes=sequence)
    return LedgerRow(**absent | told | {"kind": "reading", "sequence": sequence, "recorded_at": moment.isoformat()})


def test_blind_readings_stand_beside_the_decision_with_who_read_and_when():
    readings = [
        reading(1, "s1", "ann", "tumour"),
        reading(2, "s1", "bob", "", verdict="cannot_judge"),
        reading(3, "s2", "ann", "polyp"),
        reading(4, "s3", "ann", "normal", protocol="open"),
    ]
    columns = ["blind_reading", "read_by", "read_at", "reader", "reader_identity"]
    found = cleaned([decision(9, "s1")], readings=readings)[columns]
    times = [(START + timedelta(minutes=number)).isoformat() for number in (1, 2, 3)]
    assert found.iloc[0].tolist() == ["1; cannot_judge", "ann; bob", "; ".join(times[:2]), "ann", "self-declared"]
    assert found.iloc[1].tolist() == ["polyp", "ann", times[2], "", "self-declared"]
    assert found.iloc[2].tolist() == ["", "", "", "", ""]


def test_a_label_that_stays_is_the_sources_own_cell():
    found = cleaned([decision(1, "s3", kind="reject"), decision(2, "s1", "bob"), decision(3, "s1", "ann", "reject")])
    assert found.loc[2, ["final_label", "is_changed", "verdict"]].tolist() == [" 0", "false", "reject"]
    assert found.loc[0, ["final_label", "is_changed", "verdict", "reader"]].tolist() == [
        "0",
        "false",
        "disputed",
        "bob; ann",
    ]


def test_what_was_proposed_stands_beside_a_verdict_against_it_and_notes_beside_their_readers():
    kept = decision(1, "s1", "ann", "reject", note="blurred, but normal")
    other = decision(2, "s1", "bob", "reject", note="=1+1; see report")
    found = cleaned([kept, decision(3, "s4", note=""), other])
    assert found.loc[0, ["final_label", "verdict", "proposed_label", "reader", "note"]].tolist() == [
        *("0", "reject", "1", "ann; bob"),
        "blurred, but normal; =1+1; see report",
    ]
    assert found.loc[4, "note"] == ""


def test_no_scores_and_no_decisions_leave_the_added_cells_empty():
    found = cleaned([], scores=None)
    assert (found["final_label"] == found["label"]).all()
    assert found["verdict"].tolist() == ["", "", "", "quarantined", ""]
    assert set(found[["label_error_probability", "reader", "decided_at", "run"]].to_numpy().ravel()) == {""}


def test_a_label_that_the_source_changed_since_is_not_overruled_by_who_kept_the_old_one():
    samples = SAMPLES.assign(given_label=["polyp", "polyp", "tumour", "normal"])
    source = SOURCE.assign(label=["polyp", "1", " 0", "0 ", "polyp"])
    found = cleaned([decision(1, "s1", kind="reject"), decision(2, "s4")], source=source, samples=samples)
    assert found.loc[0, ["final_label", "is_changed", "verdict", "reader"]].tolist() == [
        "polyp",
        "false",
        "outdated",
        "ann",
    ]
    assert found.loc[4, ["final_label", "is_changed", "verdict"]].tolist() == ["1", "true", "accept"]


def test_an_accepted_label_that_the_source_has_taken_over_is_no_change():
    samples = SAMPLES.assign(given_label="tumour")
    found = cleaned([decision(1, "s1")], source=SOURCE.assign(label="1"), samples=samples)
    assert found.loc[0, ["final_label", "is_changed", "verdict"]].tolist() == ["1", "false", "accept"]


def test_a_column_of_the_source_with_one_of_our_names_keeps_it():
    source = SOURCE.assign(run="mine", verdict="v", overread_run="too")
    found = cleaned([decision(1, "s1")], source=source)
    assert tuple(found.columns[-17:]) == own_columns(source.columns)
    assert own_columns(source.columns) == (
        *("final_label", "is_changed", "overread_verdict", "label_error_probability", "proposed_label"),
        *(
            "reader",
            "decided_at",
            "note",
            "overread_overread_run",
            "reader_identity",
            *("blind_reading", "read_by", "read_at"),
            "discrepancy_grade",
            "overread_version",
            "ledger_head",
            "policy",
        ),
    )
    assert set(found["run"]) == {"mine"}
    assert found.loc[0, "overread_overread_run"] == "run-1"


def test_by_soft_a_column_for_each_class_comes_last_with_its_share():
    decisions = [decision(1, "s1"), decision(2, "s1", "bob", "reject"), decision(3, "s4", kind="exclude")]
    found = cleaned(decisions, source=SOURCE.assign(share_normal="x"), policy=LabelPolicy.SOFT)
    columns = ["policy", "overread_share_normal", "share_tumour", "share_polyp"]
    assert found.columns[-4:].tolist() == columns
    assert found[columns[1:]].to_numpy().tolist() == [["0.5", "0.5", "0.0"], *[["", "", ""]] * 4]
    assert set(found["policy"]) == {"soft"}


def test_by_dawid_skene_the_probability_of_the_final_label_comes_last():
    decisions = [decision(1, "s1"), decision(2, "s1", "bob", "reject"), decision(3, "s4")]
    found = cleaned(decisions, policy=LabelPolicy.DAWID_SKENE, settled={"s1": Settled("tumour", 0.875)})
    assert tuple(found.columns[-18:]) == (*COLUMNS, "final_label_probability")
    assert found["final_label_probability"].tolist() == ["0.875", "", "", "", ""]
    assert found.loc[0, ["final_label", "verdict", "policy"]].tolist() == ["1", "accept", "dawid-skene"]


def test_columns_without_a_name_or_of_the_same_name_stay_as_they_are(tmp_path):
    source = table(["", "image", "label", "label", ""], [["0", "a.png", "0", "x", ""], ["1", "b.png", "1", "y", "z"]])
    found = cleaned([decision(1, "s1")], source=source)
    write_csv(found, tmp_path / "out.csv", own_columns=own_columns(source.columns))
    header, rows = read_back(tmp_path / "out.csv")
    assert header[:6] == ["", "image", "label", "label", "", "final_label"]
    assert [row[:6] for row in rows] == [["0", "a.png", "0", "x", "", "1"], ["1", "b.png", "1", "y", "z", "1"]]


def test_a_row_without_a_label_is_quarantined_even_where_another_row_names_its_image():
    source = table(["image", "label"], [["a.png", "0"], ["a.png", " "], ["a.png", "0"]])
    found = cleaned([decision(1, "s1")], source=source)
    assert found["final_label"].tolist() == ["1", " ", "1"]
    assert found["verdict"].tolist() == ["accept", "quarantined", "accept"]


def test_changes_are_the_rows_that_somebody_decided():
    own = own_columns(SOURCE.columns)
    found = changes_table(cleaned([decision(1, "s3", kind="reject"), decision(2, "s1")]), own)
    assert found["image"].tolist() == ["a.png", "c.png"]
    source = SOURCE.assign(reader="the source's reader")
    found = changes_table(cleaned([decision(1, "s4")], source=source), own_columns(source.columns))
    assert found["image"].tolist() == ["d.png"]
    assert len(changes_table(cleaned([]), own)) == 0


def test_every_cell_of_the_source_comes_back_byte_for_byte(tmp_path):
    rng = random.Random(0)
    names = ["image", "label", *NASTY[:6], "=name"]
    rows = [[f"{index}{NASTY[index]}", *rng.choices(NASTY, k=8)] for index in range(len(NASTY))]
    source = table(names, rows)
    samples = table(
        ["sample_id", "image", "given_label"], [[f"s{index}", row[0], "normal"] for index, row in enumerate(rows)]
    )
    found = cleaned([decision(index + 1, f"s{index}") for index in range(0, 20, 2)], source=source, samples=samples)
    write_csv(found, tmp_path / "out.csv", own_columns=own_columns(names))
    header, back = read_back(tmp_path / "out.csv")
    assert header == [*names, *own_columns(names)]
    assert [row[:9] for row in back] == rows
    decided = [index < 20 and index % 2 == 0 and bool(row[1].strip()) for index, row in enumerate(rows)]
    assert [row[10] == "true" for row in back] == decided
    assert sum(decided) > 3


def test_only_our_columns_are_made_harmless_unless_all_are_asked_for(tmp_path):
    rows = [[cell, cell] for cell in NASTY]
    write_csv(table(["=theirs", "ours"], rows), tmp_path / "some.csv", own_columns=["ours"])
    header, some = read_back(tmp_path / "some.csv")
    write_csv(table(["=theirs", "ours"], rows), tmp_path / "all.csv", own_columns=["ours"], spreadsheet_safe=True)
    safe_header, safe = read_back(tmp_path / "all.csv")
    dangerous = {"=1+1", "+x", "@a", "\t1", "\r", "\n"}
    expected = [f"'{cell}" if cell in dangerous else cell for cell in NASTY]
    assert [row[0] for row in some] == NASTY
    assert [row[1] for row in some] == expected
    assert [row[0] for row in safe] == [row[1] for row in safe] == expected
    assert (header, safe_header) == (["=theirs", "ours"], ["'=theirs", "ours"])


def test_a_reader_and_a_label_cannot_smuggle_a_formula_into_the_export(tmp_path):
    attack = '=HYPERLINK("http://x")'
    told = decision(1, "s1", attack, "relabel", chosen_label="@SUM(1)", score=1e-05)
    write_csv(cleaned([told]), tmp_path / "out.csv", own_columns=own_columns(SOURCE.columns))
    _, rows = read_back(tmp_path / "out.csv")
    assert rows[0][3:9] == ["'@SUM(1)", "true", "relabel", "1e-05", "1", f"'{attack}"]


def test_plain_cells_are_written_as_the_csv_module_writes_them(tmp_path):
    found = cleaned([decision(1, "s1", note="x")])
    write_csv(found, tmp_path / "out.csv", own_columns=())
    expected = io.StringIO()
    writer = csv.writer(expected, lineterminator="\n")
    writer.writerows([list(found.columns), *found.to_numpy().tolist()])
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == expected.getvalue()


def test_a_single_empty_cell_is_still_a_row(tmp_path):
    write_csv(table(["a"], [["x"], [""], ["y"]]), tmp_path / "out.csv", own_columns=())
    assert read_back(tmp_path / "out.csv") == (["a"], [["x"], [""], ["y"]])


def test_a_failed_export_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_csv(table(["a"], [["\ud800"]]), path, own_columns=())
    with pytest.raises(ConfigError, match="no such folder"):
        write_csv(table(["a"], [["b"]]), tmp_path / "none" / "out.csv", own_columns=())
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_csv(table(["a"], [["b"]]), tmp_path / "folder", own_columns=())
    assert path.read_text() == "old"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["folder", "out.csv"]
