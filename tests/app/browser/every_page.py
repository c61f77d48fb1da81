"""Every page of the app, and the Review page in each of its states, one after the other in one tab."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from overread.review.adjudication import open_round
from overread.review.disputes import Round
from overread.studies.study import Study
from tests.app.browser.conftest import OWNER, PATIENCE_MS, await_saved, begin, decide
from tests.app.verdicts import dispute

NOTE = "villous in places"
SETTLING_MS = 700
"""For what moves or is drawn late: popovers, charts."""


@contextmanager
def tab_in_theme(browser, theme: str, *, width: int = 1280, height: int = 720):
    """A new tab, in a browser of its own, whose reader has chosen the theme: Light or Dark."""
    context = browser.browser.new_context(viewport={"width": width, "height": height})
    context.add_init_script(f"localStorage.setItem('overread.theme', '\"{theme}\"')")
    yield context.new_page()
    context.close()


def every_page(page, url: str, *, reader: str) -> Iterator[str]:
    """Opens one page or state after the other in a tab, and yields its name when it can be looked at.

    reader: a new one, who then decides all images of the study.
    """
    for address, landmark in (
        (f"?owner={OWNER}", ".plot-container"),
        ("train", ".st-key-train_start"),
        ("export", ".st-key-export_everything"),
        ("help", "table"),
        ("insights", ".plot-container >> nth=3"),
        ("audit", ".st-key-audit_open"),
    ):
        page.goto(f"{url}/{address}")
        page.locator(landmark).first.wait_for(timeout=PATIENCE_MS)
        yield from settled(page, "studies" if address.startswith("?") else address)
    page.locator("[data-testid='stMainMenuButton']").click()
    yield from settled(page, "menu")

    page.goto(url)
    page.get_by_text("New study from a folder").click()
    yield from settled(page, "new study")
    page.goto(f"{url}/review")
    page.locator(".st-key-review_reader input").wait_for(timeout=PATIENCE_MS)
    yield from settled(page, "name")
    begin(page, reader)
    yield from settled(page, "code")
    page.locator(".st-key-review_code_noted button").click()
    page.locator(".trace").first.wait_for(timeout=PATIENCE_MS)
    yield from settled(page, "review")
    yield from opened(page, "?", "keys")
    yield from gallery(page, url)
    yield from adjudication(page, url)
    page.goto(f"{url}/review")
    page.locator(".surface").wait_for(timeout=PATIENCE_MS)
    decide(page, "x", "a")
    yield from opened(page, "d", "verdicts")
    page.locator(".menu.is-last summary").click()
    yield from settled(page, "image tools")
    page.keyboard.press("Escape")
    page.locator(".similar button").first.click()
    yield from settled(page, "two images")
    page.keyboard.press("Escape")
    page.locator(".st-key-review_more button").click()
    page.locator("[data-testid='stPopoverBody'] [data-testid='stSelectbox']").first.wait_for(timeout=PATIENCE_MS)
    yield from settled(page, "queue")
    page.keyboard.press("Escape")
    page.locator(".surface").focus()
    while page.locator(".reading:not(.is-ended)").count():
        page.keyboard.press("x")
        page.wait_for_timeout(400)
    await_saved(page)
    page.locator(".tally").wait_for(timeout=PATIENCE_MS)
    yield from settled(page, "end")


def gallery(page, url: str) -> Iterator[str]:
    """The gallery with images selected, and asking whether they are to be decided. Nothing is."""
    page.goto(f"{url}/gallery")
    tile = page.locator(".gallery .tile[data-id]:not([data-id=''])")
    tile.first.wait_for(timeout=PATIENCE_MS)
    yield from settled(page, "gallery")
    tile.nth(0).click()
    tile.nth(2).click()
    page.keyboard.press("a")
    page.locator(".confirm").wait_for(timeout=PATIENCE_MS)
    yield from settled(page, "gallery's question")
    page.keyboard.press("Escape")


def adjudication(page, url: str) -> Iterator[str]:
    """The page for an adjudicator who is the owner, with what two readers said, and before a round is opened. Nothing
    is decided."""
    page.goto(f"{url}/adjudication")
    page.locator(".st-key-adjudication_choices").wait_for(timeout=PATIENCE_MS)
    yield from settled(page, "adjudication")
    page.locator("[data-testid='stCheckbox'] label").click()
    page.get_by_text(NOTE).wait_for(timeout=PATIENCE_MS)
    yield from settled(page, "adjudication, not blind")
    page.get_by_role("button", name="Send to adjudication").click()
    yield from settled(page, "adjudication, a round")
    page.keyboard.press("Escape")


def dispute_some(study: Study) -> None:
    """Have two readers differ on images of the study, some of which are for adjudication."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERREAD_EPHEMERAL", "1")
        open_round(dispute(study, number=2, note=NOTE), Round.ADJUDICATION, "Olga")
        dispute(study, number=4, note=NOTE)


def opened(page, key: str, name: str) -> Iterator[str]:
    """A dialog that a key opens."""
    page.keyboard.press(key)
    yield from settled(page, name)
    page.keyboard.press("Escape")


def settled(page, name: str) -> Iterator[str]:
    page.wait_for_timeout(SETTLING_MS)
    page.locator("[data-testid='stStatusWidget']").wait_for(state="detached", timeout=PATIENCE_MS)  # while scripts run
    page.locator("[data-stale='true']").first.wait_for(state="detached", timeout=PATIENCE_MS)  # faded
    yield name
