"""One press, one verdict, one step: in a real browser, read back from the database."""

import pytest

pytestmark = pytest.mark.browser

PAINTED = ".viewer[data-painted]"
SETTLE_MS = 1000
"""Time for a second, wrong step to show itself."""


def begin(page, reader):
    """Give the name and look at the first sample long enough to judge it."""
    field = page.locator(".st-key-review_reader input")
    field.fill(reader)
    field.press("Enter")
    return look(page)


def look(page, *, after=None):
    """Wait until the next picture is painted and has been there to be seen; returns its visit."""
    selector = PAINTED if after is None else f"{PAINTED}:not([data-painted='{after}'])"
    page.wait_for_selector(selector, timeout=20_000)
    page.wait_for_timeout(700)
    return page.locator(".viewer").get_attribute("data-painted")


def settled_progress(page):
    page.wait_for_timeout(SETTLE_MS)
    return int(page.locator(".reading-progress b").inner_text())


def test_two_presses_80_ms_apart_are_one_verdict_and_one_step(page, server):
    begin(page, "double press")
    page.keyboard.press("a")
    page.wait_for_timeout(80)
    page.keyboard.press("a")
    assert settled_progress(page) == 1
    assert [row[0::2] for row in server.rows("double press")] == [("verdict", "accept")]


def test_a_second_key_during_the_rerun_is_not_taken_for_the_next_sample(page, server):
    visit = begin(page, "press during rerun")
    num_expected = num_early = 0
    for gap_ms in (0, 20, 60, 120, 200):
        page.keyboard.press("a")
        page.wait_for_timeout(gap_ms)
        page.keyboard.press("x")
        visit = look(page, after=visit)
        pressed = page.evaluate("() => window.pressedAt.x")
        painted = float(page.locator(".viewer").get_attribute("data-painted-at"))
        is_early = pressed < painted + 290  # else a slow machine has stretched the gap to a look at the next sample
        num_early += is_early
        num_expected += 1 if is_early else 2
        assert settled_progress(page) == num_expected
    assert num_early > 0
    rows = server.rows("press during rerun")
    assert len({row[1] for row in rows}) == len(rows) == num_expected


def test_a_held_key_is_one_verdict_and_one_step(page, server):
    begin(page, "held key")
    for _ in range(45):  # the second and later of these are marked as repeats
        page.keyboard.down("a")
        page.wait_for_timeout(33)
    page.keyboard.up("a")
    assert settled_progress(page) == 1
    assert len(server.rows("held key")) == 1


def test_a_held_key_that_arrives_as_fresh_presses_is_one_verdict_and_one_step(page, server):
    begin(page, "held over a remote desktop")
    session = page.context.new_cdp_session(page)
    key = {"key": "a", "code": "KeyA", "windowsVirtualKeyCode": 65, "text": "a", "autoRepeat": False}
    for _ in range(45):
        session.send("Input.dispatchKeyEvent", {"type": "keyDown", **key})
        page.wait_for_timeout(33)
    session.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
    assert settled_progress(page) == 1
    assert len(server.rows("held over a remote desktop")) == 1


def test_a_double_click_is_one_verdict_and_one_step(page, server):
    visit = begin(page, "double click")
    for number, gap_ms in enumerate((0, 120, 350), 1):
        box = page.get_by_role("button", name="Keep").bounding_box()
        for count in (1, 2):
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.mouse.down(click_count=count)
            page.mouse.up(click_count=count)
            page.wait_for_timeout(gap_ms)
        visit = look(page, after=visit)
        assert settled_progress(page) == number
    assert [row[0::2] for row in server.rows("double click")] == [("verdict", "reject")] * 3


def test_verdicts_given_one_after_the_other_are_each_taken(page, server):
    visit = begin(page, "calm reader")
    for key in "axmn":
        page.keyboard.press(key)
        visit = look(page, after=visit)
    rows = server.rows("calm reader")
    assert [row[2] for row in rows] == ["accept", "reject", "ambiguous", "cannot_judge"]
    assert len({row[1] for row in rows}) == 4


def test_keys_typed_into_the_note_are_letters_and_the_note_is_kept(page, server):
    visit = begin(page, "note writer")
    note = page.get_by_placeholder("Note")
    note.click()
    page.keyboard.type("axe num 12", delay=40)
    assert server.rows("note writer") == []
    page.keyboard.press("Enter")
    page.keyboard.press("x")  # Enter ended the note: this is a verdict, given while the note is on its way
    look(page, after=visit)
    assert server.rows("note writer")[0][2:] == ("reject", "axe num 12")
    assert len(server.rows("note writer")) == 1
    assert page.get_by_placeholder("Note").input_value() == ""


def test_undo_returns_to_the_sample_and_appends_a_row(page, server):
    first = begin(page, "undoer")
    page.keyboard.press("a")
    second = look(page, after=first)
    page.keyboard.press("u")
    page.wait_for_timeout(80)
    page.keyboard.press("u")
    look(page, after=second)
    assert settled_progress(page) == 0
    page.keyboard.press("x")
    assert settled_progress(page) == 1
    rows = server.rows("undoer")
    assert [row[0] for row in rows] == ["verdict", "undo", "verdict"]
    assert len({row[1] for row in rows}) == 1


def test_a_reload_keeps_the_reader_and_the_place_and_a_new_tab_asks_again(page, server):
    visit = begin(page, "reloader")
    page.keyboard.press("a")
    look(page, after=visit)
    page.reload()
    look(page)
    assert settled_progress(page) == 1
    tab = page.context.new_page()
    tab.goto(f"{server.url}/review")
    tab.get_by_text("Who is reading?").wait_for(timeout=20_000)
    tab.close()
