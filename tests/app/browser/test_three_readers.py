"""Three people, each in a browser of their own, read one study at once: each image is read by two of them."""

from collections import Counter
from contextlib import ExitStack

import pytest

from overread.pipeline.study_ledger import open_ledger
from overread.review.assignment import Assignment, assign
from tests.app.browser.conftest import PATIENCE_MS, Server, await_saved, begin, draw_images, open_apart, serving
from tests.app.made_study import write_study
from tests.core.review.conftest import new_database, postgresql

__all__ = ("postgresql",)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NUM_IMAGES = 24
READERS = {"Ann Adler": ("a", "accept"), "Ben Bach": ("x", "reject"), "Cem Can": ("m", "ambiguous")}


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, monkeypatch):
    """The server's, for each database."""
    if request.param == "sqlite":
        return {}
    url = new_database(request.getfixturevalue("postgresql"))
    monkeypatch.setenv("OVERREAD_DATABASE", url)
    return {"OVERREAD_DATABASE": url}


def note(reader):
    return f"by {reader}"


def heard_by(page):
    """What the server tells a page on the routes of reading, from now on; without the images."""
    heard = []

    def hear(response):
        if "/reading/" in response.url and "/image/" not in response.url:
            heard.append(response)

    page.on("response", hear)
    return heard


def next_key(page, reader):
    """Press the reader's key once the sample in sight is another one and was looked at; False at the end."""
    other = f".reading[data-painted]:not([data-painted='{page.seen}'])"
    page.wait_for_selector(f"{other}, .reading.is-ended", timeout=PATIENCE_MS)
    root = page.locator(".reading")
    if "is-ended" in root.get_attribute("class"):
        return False
    page.seen = root.get_attribute("data-painted")
    page.keyboard.press(READERS[reader][0])
    return True


def test_three_readers_at_once_read_each_image_twice_and_see_their_own_verdicts_alone(browser, tmp_path, settings):
    study = write_study(tmp_path, num_samples=6 * NUM_IMAGES)  # every sixth is proposed
    draw_images(study)
    assign(open_ledger(study), Assignment(readers_per_sample=2, batch=6))
    with ExitStack() as stack:
        server = Server(stack.enter_context(serving(study, **settings)), study)
        pages = {reader: stack.enter_context(open_apart(browser, server)) for reader in READERS}
        heard = {reader: heard_by(page) for reader, page in pages.items()}
        for reader, page in pages.items():
            begin(page, reader)
            page.seen = ""
            page.get_by_placeholder("Note").fill(note(reader))
            page.get_by_placeholder("Note").press("Enter")
        reading = dict(pages)
        while reading:
            page.wait_for_timeout(350)
            reading = {reader: page for reader, page in reading.items() if next_key(page, reader)}
        for reader, page in pages.items():
            await_saved(page)
            with page.expect_response("**/reading/decided"):
                page.keyboard.press("d")  # all their verdicts
            told = [response.text() for response in heard[reader]]
            others = READERS.keys() - {reader}
            assert any(note(reader) in text for text in told)
            assert not any(other in text for other in others for text in (*told, page.content()))
    rows = [row for row in open_ledger(study).history() if row.kind == "verdict"]
    by_reader = {reader: [row.sample_id for row in rows if row.reader == reader] for reader in READERS}
    assert {(row.reader, row.verdict) for row in rows} == {(reader, kind) for reader, (_, kind) in READERS.items()}
    assert all(len(ids) == len(set(ids)) for ids in by_reader.values())
    assert len(rows) == 2 * NUM_IMAGES
    assert set(Counter(row.sample_id for row in rows).values()) == {2}
    assert {row.note for row in rows} == {"", *map(note, READERS)}
