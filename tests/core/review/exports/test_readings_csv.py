import hashlib
import hmac

from overread.records import Reading
from overread.review.exports.readings_csv import pseudonym, readings_table
from overread.review.ledger import Ledger
from overread.review.roles import Actor, Identity, Role
from tests.core.review.verdicts import verdict


def test_readings_and_verdicts_under_pseudonyms_without_names_notes_or_times(tmp_path):
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'review.db'}", "study")
    first = verdict("s1", "Dr Ann", note="as Dr Bob said")
    ledger.record_reading(Reading("s1", "Dr Ann", "normal", "r1"))
    ledger.record(first)
    ledger.record(verdict("s1", "Dr Ann", "reject", visit="2", follows=first.idempotency_key))
    ledger.acting(Actor("Dr Bob", Role.READER, Identity.PASSWORD, frozenset({"study"}))).record(verdict("s2", "Dr Bob"))
    ledger.undo("Dr Bob")
    found = readings_table(ledger.history(), b"key", head="study:5:hash")
    assert found[["kind", "sample_id", "chosen_label", "stands"]].to_numpy().tolist() == [
        ["reading", "s1", "normal", "true"],
        ["verdict", "s1", "tumour", "false"],
        ["verdict", "s1", "normal", "true"],
        ["verdict", "s2", "tumour", "false"],
    ]
    assert found["reader"].tolist() == [pseudonym(name, b"key") for name in ["Dr Ann"] * 3 + ["Dr Bob"]]
    assert found["reader_identity"].tolist() == ["self-declared"] * 3 + ["password"]
    assert "Ann" not in found.to_csv()
    assert "Bob" not in found.to_csv()
    assert found["date"].str.fullmatch(r"\d{4}-\d\d-\d\d").all()
    assert pseudonym("Dr Ann", b"key") != pseudonym("Dr Ann", b"another key")


def test_a_pseudonym_is_the_one_that_earlier_exports_have():
    expected = hmac.new(b"key", b"pseudonym\x1fDr Ann", hashlib.sha256).hexdigest()[:12]
    assert pseudonym("Dr Ann", b"key") == f"reader-{expected}"
