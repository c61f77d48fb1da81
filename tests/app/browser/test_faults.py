"""The ledger's disk is full, its folder read-only, its server away while a reader decides: the page says so, keeps the
verdicts, and sends each once when the ledger is well again."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from overread.pipeline.study_ledger import open_ledger
from overread.review.accounts import Accounts
from overread.review.roles import Role
from tests.app.browser.conftest import (
    ARGUMENTS,
    AT_REST,
    CHROMIUM,
    PATIENCE_MS,
    Server,
    await_saved,
    begin,
    decide,
    draw_images,
    free_port,
    look,
    open_apart,
    serving,
    start_server,
)
from tests.app.browser.test_outbox import said
from tests.app.browser.test_sign_in_page import sign_in
from tests.app.made_study import write_study
from tests.app.test_serving import HOST, PASSWORD
from tests.core.review.mounts import fill, mounted, read_only
from tests.core.review.postgresql import server as postgresql_server
from tests.core.review.postgresql import stopped

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OUTAGE_MS = 4000
"""Long enough for Streamlit to draw again what is beneath the image."""


@contextmanager
def full(folder):
    fill(folder)
    try:
        yield
    finally:
        (folder / "filler").unlink()


@contextmanager
def ledger_that_fails(kind, folder, monkeypatch):
    """A study whose ledger fails within a context: (study, settings of its server, context)."""
    if kind == "full":
        with mounted(folder / "disk", "-t", "tmpfs", "-o", "size=8m", "tmpfs") as disk:
            study = write_study(disk, num_samples=90)
            yield study, {}, full(disk)
        return
    study = write_study(folder, num_samples=90)
    if kind == "read-only":
        yield study, {}, read_only(study.path)
        return
    home = Path(tempfile.mkdtemp(prefix="overread-"))
    home.chmod(0o755)
    try:
        with postgresql_server(home / "server") as url:
            monkeypatch.setenv("OVERREAD_DATABASE", url)
            yield study, {"OVERREAD_DATABASE": url}, stopped(home / "server")
    finally:
        shutil.rmtree(home)


def verdicts(study, reader):
    """(verdict, sample) of a reader's verdicts, in sequence."""
    rows = open_ledger(study).history()
    return [(row.verdict, row.sample_id) for row in rows if row.reader == reader and row.kind == "verdict"]


def read_through(page, failing, problem):
    """Decide four samples, two of them while the ledger fails."""
    decide(page, "a")
    await_saved(page)
    with failing:
        decide(page, "x")
        page.wait_for_timeout(OUTAGE_MS)
        assert said(page) == f"Not saved yet: {problem}. Trying again… (1 waiting)"
        decide(page, "m")
        page.wait_for_timeout(OUTAGE_MS)
        assert said(page) == f"Not saved yet: {problem}. Trying again… (2 waiting)"
    await_saved(page)
    page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
    decide(page, "n")
    await_saved(page)
    assert said(page).startswith("Saved: ")


def check_verdicts(study, reader):
    found = verdicts(study, reader)
    assert [verdict for verdict, _ in found] == ["accept", "reject", "ambiguous", "cannot_judge"]
    assert len({sample_id for _, sample_id in found}) == 4


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("full", "the disk for the verdicts is full"),
        ("read-only", "the disk or database for the verdicts is read-only"),
        ("away", "the database is busy or cannot be reached"),
    ],
)
def test_a_ledger_that_fails_for_a_while_gets_every_verdict_once(browser, tmp_path, kind, problem, monkeypatch):
    reader = "Dr. Patience"
    with ledger_that_fails(kind, tmp_path, monkeypatch) as (study, settings, failing):
        draw_images(study)
        with serving(study, **settings) as url, open_apart(browser, Server(url, study)) as page:
            begin(page, reader)
            read_through(page, failing, problem)
        check_verdicts(study, reader)


def test_accounts_that_are_away_with_the_ledger_sign_nobody_out(playwright, tmp_path, monkeypatch):
    reader = "Dr. Patience"
    with ledger_that_fails("away", tmp_path, monkeypatch) as (study, settings, failing):
        draw_images(study)
        accounts = Accounts.open(settings["OVERREAD_DATABASE"])
        accounts.add("Dr. Owner", Role.OWNER, password=PASSWORD)
        accounts.add(reader, Role.READER, password=PASSWORD)
        accounts.grant(reader, [study.ledger_study])
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        port = free_port()
        process = start_server(study, port, "--serve", f"127.0.0.1:{port}", "--allow-host", HOST, **settings)
        try:
            page = chromium.new_page()
            page.goto(f"http://127.0.0.1:{port}/sign-in")
            sign_in(page, reader)
            page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
            page.goto(f"http://127.0.0.1:{port}/review")
            look(page)
            read_through(page, failing, "the database is busy or cannot be reached")
        finally:
            chromium.close()
            process.terminate()
            process.wait(timeout=20)
        check_verdicts(study, reader)
