"""One press, one verdict, one step: in a real browser, read back from the database."""

from dataclasses import dataclass

import pytest

from tests.app.browser.conftest import Server, await_saved, begin, decide, look, open_tab

pytestmark = pytest.mark.browser

READER = "Dr. Mira Sand"
SETTLE_MS = 900
"""Time for a second, wrong step to show itself."""


@dataclass
class Reading:
    """One reader's tab, which the tests share, and what came of it since the test began."""

    page: object
    server: Server
    num_rows: int
    num_read: int

    def rows(self):
        return self.server.rows(READER)[self.num_rows :]

    def steps(self):
        """How many samples more are read than when the test began, once all has settled."""
        self.page.wait_for_timeout(SETTLE_MS)
        await_saved(self.page)
        return progress(self.page) - self.num_read


def progress(page):
    return int(page.locator(".decided").inner_text())


@pytest.fixture(scope="module")
def tab(browser, server):
    with open_tab(browser, server) as page:
        begin(page, READER)
        yield page


@pytest.fixture
def reading(tab, server):
    look(tab)
    return Reading(tab, server, len(server.rows(READER)), progress(tab))


def test_two_presses_80_ms_apart_are_one_verdict_and_one_step(reading):
    gap_ms, num_expected = 1000, -1
    while gap_ms > 290:  # else a slow machine has stretched the gap, and both are verdicts
        look(reading.page)
        reading.page.keyboard.press("a")
        first = reading.page.evaluate("() => window.pressedAt.a")
        reading.page.wait_for_timeout(80)
        reading.page.keyboard.press("a")
        gap_ms = reading.page.evaluate("() => window.pressedAt.a") - first
        num_expected += 2
    assert reading.steps() == num_expected
    assert [row[0::2] for row in reading.rows()] == [("verdict", "accept")] * num_expected


def test_a_second_key_soon_after_is_not_taken_for_the_next_sample(reading):
    page = reading.page
    num_expected = num_early = 0
    for gap_ms in (0, 40, 120, 200):
        visit = look(page)
        page.keyboard.press("a")
        page.wait_for_timeout(gap_ms)
        page.keyboard.press("x")
        look(page, after=visit)
        pressed = page.evaluate("() => window.pressedAt.x")
        painted = page.evaluate(
            "visit => window.paints[window.paints.findIndex((one) => one.visit === visit) + 1].at", visit
        )
        is_early = pressed < painted + 290  # else a slow machine has stretched the gap to a look at the next sample
        num_early += is_early
        num_expected += 1 if is_early else 2
        assert reading.steps() == num_expected
    assert num_early > 0
    assert len({row[1] for row in reading.rows()}) == len(reading.rows()) == num_expected


def test_a_held_key_is_one_verdict_and_one_step(reading):
    for _ in range(45):  # the second and later of these are marked as repeats
        reading.page.keyboard.down("a")
        reading.page.wait_for_timeout(33)
    reading.page.keyboard.up("a")
    assert reading.steps() == 1
    assert len(reading.rows()) == 1


def test_a_held_key_that_arrives_as_fresh_presses_is_one_verdict_and_one_step(reading):
    session = reading.page.context.new_cdp_session(reading.page)
    key = {"key": "a", "code": "KeyA", "windowsVirtualKeyCode": 65, "text": "a", "autoRepeat": False}
    for _ in range(45):  # as a remote desktop sends them
        session.send("Input.dispatchKeyEvent", {"type": "keyDown", **key})
        reading.page.wait_for_timeout(33)
    session.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
    assert reading.steps() == 1
    assert len(reading.rows()) == 1


@pytest.mark.parametrize("gap_ms", [0, 350])
def test_a_double_click_is_one_verdict_and_one_step(reading, gap_ms):
    box = reading.page.get_by_role("button", name="Keep").bounding_box()
    reading.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for count in (1, 2):
        reading.page.mouse.down(click_count=count)
        reading.page.mouse.up(click_count=count)
        reading.page.wait_for_timeout(gap_ms)
    assert reading.steps() == 1
    assert [row[0::2] for row in reading.rows()] == [("verdict", "reject")]


def test_verdicts_given_one_after_the_other_are_each_taken(reading):
    decide(reading.page, *"axmn")
    await_saved(reading.page)
    assert [row[2] for row in reading.rows()] == ["accept", "reject", "ambiguous", "cannot_judge"]
    assert len({row[1] for row in reading.rows()}) == 4


def test_keys_typed_into_the_note_are_letters_and_the_note_is_kept(reading):
    page = reading.page
    visit = look(page)
    page.get_by_placeholder("Note").click()
    page.keyboard.type("axe num 12", delay=40)
    assert reading.rows() == []
    page.keyboard.press("Enter")
    page.keyboard.press("x")  # Enter ended the note: this is a verdict
    look(page, after=visit)
    await_saved(page)
    assert [row[2:] for row in reading.rows()] == [("reject", "axe num 12")]
    assert page.get_by_placeholder("Note").input_value() == ""


def test_undo_returns_to_the_sample_and_appends_a_row(reading):
    page = reading.page
    first = look(page)
    page.keyboard.press("a")
    second = look(page, after=first)
    page.keyboard.press("u")
    page.wait_for_timeout(80)
    page.keyboard.press("u")
    look(page, after=second)
    assert reading.steps() == 0
    page.keyboard.press("x")
    assert reading.steps() == 1
    assert [row[0] for row in reading.rows()] == ["verdict", "undo", "verdict"]
    assert len({row[1] for row in reading.rows()}) == 1


def test_a_reload_keeps_the_reader_and_the_place_and_a_new_tab_asks_again(reading):
    page = reading.page
    page.reload()
    look(page)
    assert progress(page) == reading.num_read
    tab = page.context.new_page()
    tab.goto(page.url)
    tab.get_by_text("Who is reviewing?").wait_for(timeout=20_000)
    tab.close()


def test_the_next_sample_stands_in_sight_though_the_last_one_s_evidence_was_scrolled_to(reading):
    page = reading.page
    first = look(page)
    page.wait_for_timeout(1500)  # what is slow to make has come beneath it
    main = page.get_by_test_id("stMain")
    main.evaluate("main => main.scrollTo({ top: 200 })")
    assert main.evaluate("main => main.scrollTop") > 0
    page.keyboard.press("x")
    look(page, after=first)
    assert main.evaluate("main => main.scrollTop") == 0
