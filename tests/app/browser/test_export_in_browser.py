"""The whole export, as an owner downloads it in a real browser, checked by the command."""

import zipfile

import pytest

from overread.pipeline.study_ledger import open_ledger
from overread.records import VerdictKind
from tests.app.browser.conftest import AT_REST, OWNER, PATIENCE_MS, Server, draw_images, serving
from tests.app.made_study import write_study
from tests.app.verdicts import verdicts
from tests.core.commands import run_command

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A study of which two readers have decided eight proposals, one of them differently."""
    study = write_study(tmp_path_factory.mktemp("export"))
    draw_images(study)
    ledger = open_ledger(study)
    for verdict in [
        *verdicts(study, reader="Ada", number=8),
        *verdicts(study, reader="Ben", number=1, kind=VerdictKind.REJECT),
        *verdicts(study, reader="Ben", number=8)[1:],
    ]:
        ledger.record(verdict)
    with serving(study) as url:
        yield Server(url, study)


def test_what_is_downloaded_by_the_chosen_rule_is_whole(browser, read, tmp_path):
    page = browser.new_page()
    page.goto(f"{read.url}/export?owner={OWNER}")
    page.get_by_text("Majority, with shares").click(timeout=PATIENCE_MS)
    page.get_by_text("a column for each class").wait_for(timeout=PATIENCE_MS)
    page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)  # a press on a button that is drawn anew is lost
    assert page.get_by_text("Between readers: Cohen's kappa").is_visible()
    with page.expect_download(timeout=PATIENCE_MS) as download:
        page.get_by_text("Download everything").click()
    assert download.value.suggested_filename == "study-export.zip"
    download.value.save_as(tmp_path / "export.zip")
    page.close()
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        archive.extractall(tmp_path)
    ended = run_command("verify", tmp_path / "study")
    assert ended.status == 0, ended.err
    header = (tmp_path / "study" / "cleaned.csv").read_text().splitlines()[0]
    assert header.endswith(",policy,share_adenoma,share_normal,share_serrated")
    original = (tmp_path / "study" / "changes.csv", read.study.path / "source.csv", "--out", tmp_path / "applied.csv")
    assert run_command("apply", *original).status == 0
    assert (tmp_path / "applied.csv").read_bytes() == (tmp_path / "study" / "cleaned.csv").read_bytes()
