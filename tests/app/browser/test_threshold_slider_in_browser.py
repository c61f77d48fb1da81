"""The slider for how sure a proposal must be, in a real browser: its keys and the verdicts' keys."""

import re

import pytest

from tests.app.browser.conftest import await_saved, begin, look, open_tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

READER = "Dr. Slide Ruler"
SLIDER = "[data-testid='stSlider'] input[type='range']"
SETTLE_MS = 900
"""Time for a wrong verdict to show itself."""


@pytest.fixture(scope="module")
def tab(browser, server):
    with open_tab(browser, server) as page:
        begin(page, READER)
        yield page


@pytest.fixture
def opened(tab):
    """The page with the slider open and in focus; closed again after the test."""
    look(tab)
    tab.get_by_role("button", name="Queue").click()
    tab.locator(SLIDER).focus()
    yield tab
    tab.keyboard.press("Escape")
    tab.locator(SLIDER).wait_for(state="detached")


def num_chosen(page):
    return int(page.locator(".total").text_content())


def await_choice(page, before):
    page.locator(".total").filter(has_not_text=re.compile(f"^{before}$")).wait_for(timeout=20_000)
    page.wait_for_timeout(SETTLE_MS)


def test_the_slider_s_keys_are_no_verdicts_and_keep_the_sample_on_the_page(opened, server):
    visit, before = look(opened), num_chosen(opened)
    for key in ("End", "ArrowLeft", "Home", "ArrowRight", "PageUp", "a", "x", "2", "End"):
        opened.keyboard.press(key)
        opened.wait_for_timeout(80)
    await_choice(opened, before)
    for _ in range(100):  # on a busy machine the page may still be at an earlier key's choice
        if num_chosen(opened) > before:
            break
        opened.wait_for_timeout(200)
    assert num_chosen(opened) > before
    assert look(opened) == visit
    assert server.rows(READER) == []


def test_after_the_slider_by_keyboard_or_mouse_a_key_is_one_verdict(opened, server):
    before = num_chosen(opened)
    opened.keyboard.press("Home")
    await_choice(opened, before)
    opened.keyboard.press("Escape")
    opened.locator(SLIDER).wait_for(state="detached")
    visit = look(opened)
    opened.keyboard.press("a")
    visit = look(opened, after=visit)
    opened.get_by_role("button", name="Queue").click()
    before, box = num_chosen(opened), opened.locator("[data-testid='stSlider']").bounding_box()
    middle = opened.locator(SLIDER).locator("xpath=../..").bounding_box()
    opened.mouse.move(middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2)
    opened.mouse.down()
    opened.mouse.move(box["x"] + box["width"], middle["y"], steps=5)
    opened.mouse.up()
    await_choice(opened, before)
    opened.locator("canvas.surface").click(position={"x": 20, "y": 200})  # as a reader turns back to the image
    opened.locator(SLIDER).wait_for(state="detached")
    opened.keyboard.press("x")
    look(opened, after=visit)
    await_saved(opened)
    assert [row[2] for row in server.rows(READER)] == ["accept", "reject"]
