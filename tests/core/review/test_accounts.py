"""Accounts, sessions and what a role allows, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from overread.errors import AccountError, NotAllowedError, SignInError
from overread.records import Protocol, Reading
from overread.review import sign_ins
from overread.review.accounts import Accounts
from overread.review.ledger import Ledger
from overread.review.roles import Actor, Identity, Role
from overread.review.sign_ins import SignIns
from tests.core.commands import run_command
from tests.core.review.quick_passwords import use_quick_passwords
from tests.core.review.verdicts import verdict

KEY = b"a study's secret"
PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(url, monkeypatch):
    monkeypatch.setenv("OVERREAD_EPHEMERAL", "1")
    use_quick_passwords(monkeypatch)
    accounts = Accounts.open(url)
    accounts.add("Dr. Owner", Role.OWNER, password=PASSWORD)
    accounts.add("Dr. Doe", Role.READER, password=PASSWORD, issuer="https://login", subject="7")
    return accounts


def actor(name="ann", role=Role.READER, studies=("study",)):
    return Actor(name, role, Identity.PASSWORD, frozenset(studies))


def test_a_session_is_that_of_its_account_until_the_account_ends(accounts):
    signs = SignIns(accounts)
    token = signs.with_password(" dr.  DOE", PASSWORD)
    assert signs.actor(token) == Actor("Dr. Doe", Role.READER, Identity.PASSWORD)
    accounts.grant("dr. doe", ["one", "two"])
    accounts.revoke("Dr. Doe", ["two"])
    assert signs.actor(token).studies == {"one"}
    accounts.disable("Dr. Doe")
    assert signs.actor(token) is None
    accounts.enable("Dr. Doe")
    assert signs.actor(token) is None  # it stays ended
    with pytest.raises(SignInError, match="wrong"):
        signs.with_password("Dr. Doe", "something else")


@pytest.mark.parametrize("change", [lambda one: one.set_password("Dr. Doe", PASSWORD[::-1]),
                                    lambda one: one.set_role("Dr. Doe", Role.ADJUDICATOR)])  # fmt: skip
def test_another_password_or_role_ends_the_sessions_there_are(accounts, change):
    token = SignIns(accounts).with_provider("https://login", "7")
    assert SignIns(accounts).actor(token).identity == Identity.PROVIDER
    change(accounts)
    assert SignIns(accounts).actor(token) is None


def test_a_session_ends_by_signing_out_and_after_its_time(accounts, monkeypatch):
    signs = SignIns(accounts)
    first, second = signs.with_password("Dr. Doe", PASSWORD), signs.with_password("Dr. Doe", PASSWORD)
    signs.end(first)
    assert [signs.actor(token) is None for token in (first, second)] == [True, False]
    now_s = sign_ins.time.time()
    monkeypatch.setattr(sign_ins.time, "time", lambda: now_s + sign_ins.LIFETIME_S + 1)
    assert signs.actor(second) is None


def test_neither_password_nor_token_is_in_the_database(accounts):
    token = SignIns(accounts).with_password("Dr. Doe", PASSWORD)
    with accounts.engine.connect() as connection:
        tables = ("reader_accounts", "reader_sessions", "sign_in_attempts")
        rows = str([connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in tables])
    assert "$argon2id$" in rows
    assert PASSWORD not in rows and token not in rows


def test_guessing_at_once_is_slowed_down_alike_for_names_that_are_none(accounts, monkeypatch):
    monkeypatch.setattr(sign_ins, "is_right", lambda stored, password: password == PASSWORD and bool(stored))

    def guess(name):
        try:
            SignIns(accounts).with_password(name, "a guess")
        except SignInError as error:
            return str(error)

    for name in ("Dr. Doe", "nobody"):
        with ThreadPoolExecutor(4) as pool:
            said = list(pool.map(guess, [name] * 12))
        assert said.count(sign_ins.WRONG) == sign_ins.NUM_FREE
        assert all("Too many attempts" in one for one in said if one != sign_ins.WRONG)
    with pytest.raises(SignInError, match="Too many"):
        SignIns(accounts).with_password("Dr. Doe", PASSWORD)
    now_s = sign_ins.time.time()
    monkeypatch.setattr(sign_ins.time, "time", lambda: now_s + sign_ins.MAX_WAIT_S + 1)
    assert SignIns(accounts).with_password("Dr. Doe", PASSWORD)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "DR. DOE", "password": PASSWORD}, "already"),
        ({"name": "x", "password": "short"}, "10 to 200"),
        ({"name": " ", "password": PASSWORD}, "1 to 60"),
        ({"name": "x"}, "needs a password"),
        ({"name": "x", "issuer": "https://login", "subject": "7"}, "'Dr. Doe' already"),
        ({"name": "x", "subject": "8"}, "give both"),
    ],
)
def test_an_account_that_cannot_be_is_refused(accounts, arguments, message):
    with pytest.raises(AccountError, match=message):
        accounts.add(**{"role": Role.READER} | arguments)
    assert len(accounts.all()) == 2


def test_the_last_owner_stays(accounts):
    for change in (lambda: accounts.disable("Dr. Owner"), lambda: accounts.set_role("Dr. Owner", Role.READER)):
        with pytest.raises(AccountError, match="last owner"):
            change()
    assert next(one for one in accounts.all() if one.name == "Dr. Owner").role is Role.OWNER


def test_a_subject_nobody_has_linked_is_told_back_and_gets_no_session(accounts):
    with pytest.raises(SignInError, match="8"):
        SignIns(accounts).with_provider("https://login", "8")
    with pytest.raises(SignInError):
        SignIns(accounts).with_provider("https://other", "7")


def test_the_ledger_shows_and_takes_what_the_role_allows(url):
    ledger = Ledger.open(url, "study", KEY)
    ledger.record(verdict("s1", reader="ben", note="a secret"))
    own = ledger.acting(actor())
    assert own.record(verdict("s2", reader="ann"))
    reading = Reading("s3", "ann", "a", "key of a reading", protocol=Protocol.BLIND)
    assert own.record_reading(reading)
    assert [one.verdict.sample_id for one in own.decisions("ann")] == ["s2"]
    for seen in (lambda: own.decisions(), lambda: own.decisions("ben"), lambda: own.readings(), lambda: own.history(),
                 lambda: own.changes("ben", own.head())):  # fmt: skip
        with pytest.raises(NotAllowedError):
            seen()
    for role in (Role.ADJUDICATOR, Role.OWNER):
        assert len(ledger.acting(actor("eve", role)).decisions()) == 2
        with pytest.raises(NotAllowedError):  # nobody decides in another's name
            ledger.acting(actor("eve", role)).record(verdict("s9", reader="ben"))
        with pytest.raises(NotAllowedError):
            ledger.acting(actor("eve", role)).undo("ben")
        with pytest.raises(NotAllowedError):
            ledger.acting(actor("eve", role)).record_reading(replace(reading, idempotency_key="another"))
    with pytest.raises(NotAllowedError):
        ledger.acting(actor(studies=("another study",)))
    assert len(ledger.history()) == 3


def test_a_signed_in_row_says_so_and_is_verified(url):
    ledger = Ledger.open(url, "study", KEY)
    ledger.record(verdict("s1", reader="ann"))
    ledger.acting(actor()).record(verdict("s2", reader="ann", grade="few_major"))
    ledger.acting(actor()).record(verdict("s3", reader="ann"))
    assert [one.identity for one in ledger.decisions()] == ["", "password", "password"]
    assert ledger.verify_chain().sequence == 3


def test_the_commands_make_list_and_disable_accounts(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_EPHEMERAL", "1")
    monkeypatch.delenv("OVERREAD_DATABASE", raising=False)
    monkeypatch.setenv("OVERREAD_HOME", str(tmp_path))
    Accounts.open().add("Ann", Role.OWNER, password=PASSWORD)
    ended = run_command("reader", "add", "Ben", "--issuer", "https://login", "--subject", "9", "--json")
    assert ended.status == 0, ended.err
    assert run_command("reader", "disable", "Ben", "--json").status == 0
    assert '"name": "Ben", "role": "reader", "disabled_at": "2' in run_command("reader", "list", "--json").out
    refused = run_command("reader", "disable", "Ann")
    assert (refused.status, refused.err) == (2, "error: 'Ann' is the last owner; make another owner first\n")
    assert run_command("reader", "disable", "Cleo").err.startswith("error: there is no account 'Cleo'")


def test_a_new_account_is_told_with_where_it_is_and_how_to_give_it_a_study(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_EPHEMERAL", "1")
    monkeypatch.delenv("OVERREAD_DATABASE", raising=False)
    monkeypatch.setenv("OVERREAD_HOME", str(tmp_path))
    assert f"no accounts in {tmp_path / 'readers.db'}" in run_command("reader", "list").out
    told = run_command("reader", "add", "Dr. Ben", "--issuer", "https://login", "--subject", "9").out
    assert str(tmp_path / "readers.db") in told
    assert "overread reader grant 'Dr. Ben' STUDY" in told
    assert run_command("reader", "list").out == "Dr. Ben: reader, 0 studies\n"
