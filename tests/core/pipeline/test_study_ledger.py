"""A study and its ledger: what is lost, cut short, forged or another study's is noticed, and nothing is touched."""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from overread.errors import LedgerError, ReadOnlyError, StudyError
from overread.pipeline.exporting import export_study
from overread.pipeline.study_ledger import ledger_state_file, open_ledger, open_unchecked_ledger
from overread.review.assignment import Assignment, assign, sharing_rows
from overread.review.chain import LedgerRow, row_hash, with_hash
from overread.review.claims import claim_batch
from overread.review.ledger_state import LedgerState
from overread.studies.study import key_fingerprint, open_study
from tests.core.commands import run_command
from tests.core.review.mounts import read_only
from tests.core.review.verdicts import verdict

TRIGGERS = ("ledger_no_update", "ledger_no_delete", "ledger_no_replace")


@pytest.fixture
def read_study(study):
    """Four verdicts, saved by the page."""
    ledger = open_ledger(study)
    for sample_id in study.samples()["sample_id"].head(4):
        ledger.record(verdict(sample_id, given_label="cat", chosen_label="cat", proposed_label="dog", kind="reject"))
    return open_study(study.path)


def change(study, *statements):
    """Change the ledger as someone would who knows how to drop the triggers."""
    with closing(sqlite3.connect(study.path / "review.db")) as connection, connection:
        for name in TRIGGERS:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        for statement in statements:
            connection.execute(*statement) if isinstance(statement, tuple) else connection.execute(statement)


def contents(study):
    return {
        path.name: path.read_bytes()
        for path in study.path.iterdir()
        if path.is_file() and not path.name.endswith("shm")
    }


def test_a_study_that_nobody_read_has_an_empty_ledger_and_no_file(study, tmp_path):
    export_study(study, tmp_path / "cleaned.csv")
    assert open_ledger(study).decisions() == []
    assert not list(study.path.glob("review.db*"))
    assert not open_study(study.path).has_ledger


def test_a_study_that_was_read_says_so(read_study):
    open_ledger(read_study)
    assert open_study(read_study.path).has_ledger


DAMAGES = {
    "deleted": lambda path: [file.unlink() for file in path.glob("review.db*")],
    "emptied": lambda path: [file.write_bytes(b"") for file in path.glob("review.db*")],
    "garbage": lambda path: (path / "review.db").write_bytes(b"somebody's notes" * 200),
    "without a key": lambda path: (path / "key").unlink(),
    "with an empty key": lambda path: (path / "key").write_text(""),
    "with another key": lambda path: (path / "key").write_text("ab" * 32),
    "without its memory": lambda path: (path / "ledger.json").unlink(),
    "with a damaged memory": lambda path: (path / "ledger.json").write_text("{"),
    "with a memory made by hand": lambda path: (path / "ledger.json").write_text(
        json.dumps({"head": {"sequence": 0, "hash": ""}, "keyed_from": 1, "verified": {"sequence": 0, "hash": ""}})
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_lost_ledger_is_no_unread_study(read_study, tmp_path, damage):
    open_ledger(read_study)
    DAMAGES[damage](read_study.path)
    before = contents(read_study)
    ended = run_command("export", read_study.path, "--out", tmp_path / "cleaned.csv")
    assert ended.status == 2, ended.out
    assert ended.err.count("\n") == 1
    assert "restore" in ended.err
    assert not (tmp_path / "cleaned.csv").exists()
    assert contents(read_study) == before


def test_a_ledger_that_is_deleted_under_an_open_study_leaves_no_empty_file(read_study):
    ledger = open_ledger(read_study)
    for file in read_study.path.glob("review.db*"):
        file.unlink()
    for attempt in (lambda: ledger.record(verdict("s9")), ledger.decisions, ledger.history):
        with pytest.raises(LedgerError, match="missing or empty, but it held at least 4 rows"):
            attempt()
    assert not list(read_study.path.glob("review.db*"))


@pytest.mark.parametrize(
    ("statements", "row"),
    [
        (["UPDATE ledger SET chosen_label = 'dog' WHERE sequence = 2"], 2),
        (["DELETE FROM ledger WHERE sequence = 1"], 1),
        (["DELETE FROM ledger WHERE sequence = 2", "UPDATE ledger SET sequence = sequence - 1 WHERE sequence > 2"], 2),
        (
            [
                "UPDATE ledger SET sequence = 9 WHERE sequence = 2",
                "UPDATE ledger SET sequence = 2 WHERE sequence = 3",
                "UPDATE ledger SET sequence = 3 WHERE sequence = 9",
            ],
            2,
        ),
        (
            [
                "UPDATE ledger SET sequence = sequence + 10 WHERE sequence > 2",
                "UPDATE ledger SET sequence = sequence - 9 WHERE sequence > 10",
                "INSERT INTO ledger SELECT study, 3, kind, sample_id, 'eve', given_label, proposed_label, "
                "chosen_label, verdict, note, protocol, run, score, elapsed_ms, recorded_at, app_version, 'k', "
                "undone_key, hash, hash, follows, image_sha256, chain, grade, identity FROM ledger WHERE sequence = 2",
            ],
            3,
        ),
    ],
    ids=["changed", "removed", "removed and renumbered", "reordered", "inserted"],
)
def test_verify_and_export_name_the_first_row_that_does_not_fit(read_study, tmp_path, statements, row):
    open_ledger(read_study).verify_chain()  # so that an incremental check would believe it
    change(read_study, *statements)
    ended = run_command("verify", read_study.path)
    assert ended.status == 2, ended.out
    assert f"ledger row {row}:" in ended.err
    ended = run_command("export", read_study.path, "--out", tmp_path / "cleaned.csv")
    assert ended.status == 2, ended.out
    assert not (tmp_path / "cleaned.csv").exists()


def rechained(study, key, **changes):
    """The ledger's rows with a change in the second one, and a chain that fits, as far as `key` makes one."""
    rows, previous = [], "0" * 64
    for row in open_unchecked_ledger(study).history():
        fields = {name: getattr(row, name) for name in LedgerRow.__slots__}
        fields |= {"previous_hash": previous} | (changes if row.sequence == 2 else {})
        row = with_hash(LedgerRow(**fields), key)
        rows.append((row.sequence, row.hash, row.previous_hash, row.chosen_label, row.chain))
        previous = row.hash
    return [
        (
            "UPDATE ledger SET hash = ?, previous_hash = ?, chosen_label = ?, chain = ? WHERE sequence = ?",
            (row_hash_, before, chosen, chain, sequence),
        )
        for sequence, row_hash_, before, chosen, chain in rows
    ]


@pytest.mark.parametrize("changes", [{}, {"chain": 1}], ids=["without the key", "by the old rule"])
def test_a_chain_that_was_rewritten_without_the_key_does_not_pass(read_study, changes):
    statements = rechained(read_study, b"", chosen_label="dog", **changes)
    change(read_study, *statements)
    (read_study.path / "ledger.json").unlink()
    with pytest.raises(LedgerError, match=r"ledger row [12]: is not as it was written"):
        open_unchecked_ledger(read_study).verify_chain()


def test_rows_cut_off_at_the_end_are_missed_by_the_study_and_by_an_earlier_export(read_study, tmp_path):
    exported, backup = tmp_path / "cleaned.csv", tmp_path / "study.backup"
    assert run_command("export", read_study.path, "--out", exported).status == 0
    assert run_command("backup", read_study.path, "--to", backup).status == 0
    assert run_command("verify", read_study.path, "--against", exported).status == 0
    change(read_study, "DELETE FROM ledger WHERE sequence = 4")
    assert "rows are lost" in run_command("verify", read_study.path).err
    # Even where the study's own memory was made to forget.
    open_unchecked_ledger(read_study).with_state_file(ledger_state_file(read_study)).trust()
    for file in (exported, backup):
        ended = run_command("verify", read_study.path, "--against", file)
        assert ended.status == 2
        assert "the ledger ends at row 3, and" in ended.err
        assert "was written at row 4" in ended.err


@pytest.mark.parametrize("form", ["croissant", "imagefolder", "fiftyone", "label-studio"])
def test_the_head_stands_in_every_export(read_study, tmp_path, form):
    out = tmp_path / ("out.json" if form == "label-studio" else "out.csv" if form == "croissant" else "out")
    assert run_command("export", read_study.path, "--out", out, "--format", form).status == 0
    ended = run_command("verify", read_study.path, "--against", out, "--json")
    assert json.loads(ended.out)["num_rows"] == 4
    change(read_study, "DELETE FROM ledger WHERE sequence = 4")
    assert "row 4" in run_command("verify", read_study.path, "--against", out, "--trust").err


def test_verifying_again_reads_only_the_rows_that_came_since(read_study, monkeypatch):
    ledger = open_ledger(read_study)
    ledger.verify_chain()
    ledger.record(verdict("s5"))
    seen = []
    monkeypatch.setattr(
        "overread.review.chain.row_hash", lambda row, key: seen.append(row.sequence) or row_hash(row, key)
    )
    assert ledger.verify_chain(is_incremental=True).sequence == 5
    assert seen == [5]


def test_a_ledger_from_before_rows_were_keyed_goes_on_and_its_old_rows_are_still_checked(read_study):
    # As the older program left it: all rows by the old rule, no memory.
    rows, previous = [], "0" * 64
    for row in open_unchecked_ledger(read_study).history():
        fields = {name: getattr(row, name) for name in LedgerRow.__slots__} | {"previous_hash": previous, "chain": 1}
        row = with_hash(LedgerRow(**fields), b"")
        previous = row.hash
        rows.append(
            (
                "UPDATE ledger SET hash=?, previous_hash=?, chain=1 WHERE sequence=?",
                (row.hash, row.previous_hash, row.sequence),
            )
        )
    change(read_study, *rows)
    (read_study.path / "ledger.json").unlink()
    study = open_study(read_study.path)
    ledger = open_ledger(study)
    ledger.verify_chain()
    ledger.record(verdict("s9"))
    assert ledger_state_file(study).read().keyed_from == 5
    assert [row.chain for row in ledger.history()] == [1, 1, 1, 1, 2]
    change(study, "UPDATE ledger SET note = 'x' WHERE sequence = 3")
    with pytest.raises(LedgerError, match="ledger row 3"):
        open_ledger(open_study(study.path)).verify_chain()


def test_a_read_only_study_is_exported_to_another_folder(read_study, tmp_path):
    before = contents(read_study)
    with read_only(read_study.path):
        out = tmp_path / "cleaned.csv"
        ended = run_command("export", read_study.path, "--out", out)
        assert ended.status == 0, ended.err
        assert run_command("verify", read_study.path, "--against", out).status == 0
        with pytest.raises(ReadOnlyError):
            open_ledger(read_study).record(verdict("s9"))
    assert contents(read_study) == before


def test_a_copied_study_gets_a_ledger_of_its_own_in_a_shared_database(study, tmp_path, monkeypatch):
    own, backup = study.path.with_name("imported"), made_backup(study, tmp_path)
    monkeypatch.setenv("OVERREAD_DATABASE", f"sqlite:///{tmp_path / 'shared.db'}")
    assert run_command("restore", backup, "--study", own).status == 0
    original = open_study(own)
    open_ledger(original).record(verdict("s1"))
    assign(open_ledger(original), Assignment(batch=1))
    claim_batch(open_ledger(original), Assignment(batch=1), "ben", ["s1", "s2"])
    shutil.copytree(own, tmp_path / "copy")
    copy = open_study(tmp_path / "copy")
    with pytest.raises(LedgerError, match=r"was copied or moved to another disk.*adopt"):
        open_ledger(copy)
    assert run_command("adopt", copy.path).status == 0
    copied = open_ledger(open_study(copy.path))
    assert sharing_rows(copied)["claims"] and sharing_rows(copied) == sharing_rows(open_ledger(original))
    assert copied.record(verdict("s2"))
    copied.verify_chain()
    assert [row.sample_id for row in copied.history()] == ["s1", "s2"]
    assert [row.sample_id for row in open_ledger(open_study(own)).history()] == ["s1"]


def made_backup(study, folder):
    assert run_command("backup", study.path, "--to", folder / "study.backup").status == 0
    return folder / "study.backup"


def test_a_memory_under_another_key_is_refused(read_study):
    memory = ledger_state_file(read_study)
    memory.write(LedgerState())
    content = json.loads(memory.path.read_text())
    memory.path.write_text(json.dumps(content | {"mac": "0" * 64}))
    with pytest.raises(LedgerError, match="verify --trust"):
        open_ledger(read_study)


def test_another_studys_key_is_told_from_damage(read_study):
    key = read_study.path / "key"
    read_study = replace(read_study, key_fingerprint=key_fingerprint(read_study.key()))
    kept = key.read_bytes()
    key.write_text("cd" * 32)
    with pytest.raises(StudyError, match="is another study's key"):
        read_study.key()
    key.write_bytes(kept[:20])
    with pytest.raises(StudyError, match="is damaged"):
        read_study.key()


def test_a_row_that_is_missing_among_those_verified_before_is_named_at_the_apps_start_too(read_study):
    ledger = open_ledger(read_study)
    ledger.verify_chain()
    change(read_study, "DELETE FROM ledger WHERE sequence = 2")
    with pytest.raises(LedgerError, match="ledger row 2: is missing"):
        ledger.verify_chain(is_incremental=True)
