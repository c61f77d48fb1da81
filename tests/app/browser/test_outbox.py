"""Verdicts that the server does not answer at once: each is saved once, in order, and the page says how it stands."""

import re

import pytest

from tests.app.browser.conftest import (
    AT_REST,
    PATIENCE_MS,
    Server,
    await_saved,
    begin,
    decide,
    draw_images,
    free_port,
    look,
    open_apart,
    open_tab,
    start_server,
)
from tests.app.made_study import write_study

pytestmark = pytest.mark.browser

VERDICTS = "**/reading/verdict"
PRESS_WITHOUT_IMAGE = """() => {
  const look = () => {
    if (document.querySelector(".st-key-review_page")) requestAnimationFrame(look);
    else {
      window.dispatchEvent(new KeyboardEvent("keydown", { key: "e", code: "KeyE" }));
      window.hasPressed = true;
    }
  };
  look();
}"""
"""It takes less time than a test needs to notice."""
MISSED = "The page was being drawn again: your last key was not taken. Press it again."


def kinds(server, reader):
    return [row[2] if row[0] == "verdict" else row[0] for row in server.rows(reader)]


def said(page):
    return page.locator(".saved").text_content()


def place(page):
    return page.locator(".reading").get_attribute("data-sample")


@pytest.mark.slow
def test_a_lost_connection_of_3_s_loses_nothing_and_doubles_nothing(browser, server):
    reader = "Dr. Off Line"
    with open_apart(browser, server) as page:
        begin(page, reader)
        decide(page, "a")
        await_saved(page)
        page.context.set_offline(True)
        decide(page, "x", "m", "n")
        page.wait_for_timeout(2000)
        assert said(page) == "Not saved yet: no connection. Trying again… (3 waiting)"
        assert kinds(server, reader) == ["accept"]
        page.context.set_offline(False)
        await_saved(page)
        decide(page, "a")
        await_saved(page)
        assert said(page).startswith("Saved: ")
    assert kinds(server, reader) == ["accept", "reject", "ambiguous", "cannot_judge", "accept"]
    assert len({row[1] for row in server.rows(reader)}) == 5


@pytest.mark.slow
def test_a_killed_server_that_starts_again_gets_every_verdict_once(browser, tmp_path):
    study = write_study(tmp_path, num_samples=120)
    draw_images(study)
    port, reader = free_port(), "Dr. Phoenix"
    server = Server(f"http://127.0.0.1:{port}", study)
    process = start_server(study, port)
    try:
        with open_apart(browser, server) as page:
            begin(page, reader)
            decide(page, "a")
            await_saved(page)
            process.kill()
            process.wait()
            decide(page, "x", "m")
            assert said(page) == "Not saved yet: no connection. Trying again… (2 waiting)"
            here = place(page)
            page.get_by_placeholder("Note").fill("begun")
            page.get_by_placeholder("Note").press("Enter")
            page.evaluate(PRESS_WITHOUT_IMAGE)
            process = start_server(study, port)
            await_saved(page)
            page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
            # The page itself is drawn again, too. On a busy machine the image is away for a moment: a key that finds
            # none is refused in words.
            if page.evaluate("window.hasPressed === true"):
                page.wait_for_selector(".problem", timeout=PATIENCE_MS)
                assert page.locator(".problem").text_content() == MISSED
            look(page)
            assert (place(page), page.get_by_placeholder("Note").input_value()) == (here, "begun")
            decide(page, "n")
            await_saved(page)
    finally:
        process.terminate()
        process.wait(timeout=20)
    assert kinds(server, reader) == ["accept", "reject", "ambiguous", "cannot_judge"]
    assert len({row[1] for row in server.rows(reader)}) == 4


def test_a_reload_sends_what_was_waiting_and_goes_on_where_the_reader_was(browser, server):
    reader = "Dr. Reload"
    with open_apart(browser, server) as page:
        begin(page, reader)
        page.route(VERDICTS, lambda route: route.abort())
        decide(page, "a", "x")
        here = place(page)
        assert kinds(server, reader) == []
        page.unroute(VERDICTS)
        page.reload()
        look(page)
        await_saved(page)
        assert place(page) == here
        assert kinds(server, reader) == ["accept", "reject"]


def test_a_verdict_whose_answer_was_lost_is_not_saved_twice(browser, server):
    reader, lost = "Dr. No Answer", []

    def lose(route):
        lost.append(route.fetch().status)
        route.abort()

    with open_apart(browser, server) as page:
        begin(page, reader)
        page.route(VERDICTS, lose, times=2)
        decide(page, "a", "x")
        await_saved(page)
        assert page.locator(".decided").text_content() == "2"
    assert lost == [200, 200]
    assert kinds(server, reader) == ["accept", "reject"]


def test_an_answer_that_is_not_the_server_s_is_none(browser, server):
    reader = "Dr. Proxy"
    answers = iter(({"status": 200, "body": "<html>Log in</html>"}, {"status": 200, "json": {}}))
    with open_apart(browser, server) as page:
        begin(page, reader)
        page.route(VERDICTS, lambda route: route.fulfill(**next(answers)), times=2)
        decide(page, "a", "x")
        await_saved(page)
        assert page.locator(".decided").text_content() == "2"
    assert next(answers, None) is None
    assert kinds(server, reader) == ["accept", "reject"]


def test_undo_takes_a_verdict_out_of_the_outbox_and_one_that_may_be_saved_is_undone_there(browser, server):
    reader = "Dr. Un Do"
    with open_apart(browser, server) as page:
        first = begin(page, reader) and place(page)
        page.route(VERDICTS, lambda route: route.abort())
        decide(page, "a")
        second = place(page)
        page.get_by_placeholder("Note").fill("not yet")
        page.get_by_placeholder("Note").press("Enter")
        decide(page, "x", "u")  # never sent
        assert place(page) == second
        assert page.get_by_placeholder("Note").input_value() == "not yet"
        page.keyboard.press("u")  # may have been saved, although no answer came
        page.keyboard.press("m")
        page.unroute(VERDICTS)
        await_saved(page)
        page.wait_for_selector(f".reading[data-sample='{first}']")
        decide(page, "n")
        assert place(page) == second
        await_saved(page)
    assert kinds(server, reader) == ["accept", "undo", "cannot_judge"]
    assert {row[1] for row in server.rows(reader)} == {first}


def test_what_was_decided_in_another_tab_is_said_and_not_decided_again(browser, server):
    reader = "Dr. Two Tabs"
    with open_apart(browser, server) as one, open_tab(browser, server, context=one.context) as two:
        begin(one, reader)
        code = re.search(r"Your code: (\w+ \w+)", one.locator(".st-key-review_code").inner_text()).group(1)
        two.locator(".st-key-review_reader input").fill(reader)
        two.keyboard.press("Enter")
        two.get_by_label("Code").fill(code)
        two.keyboard.press("Enter")
        look(two)
        assert place(two) == place(one)
        decide(one, "a")
        await_saved(one)
        next_one = place(one)
        decide(two, "x")
        two.locator(".problem").wait_for()
        await_saved(two)
        assert "another window" in two.locator(".problem").text_content()
        assert place(two) == next_one
        two.locator(".decided", has_text=re.compile("^1$")).wait_for()
    assert kinds(server, reader) == ["accept"]


def test_a_refused_verdict_brings_its_sample_back_with_its_note(browser, server):
    reader = "Dr. Refused"
    refusal = {"status": 422, "json": {"message": "the note is too long"}}
    with open_apart(browser, server) as page:
        begin(page, reader)
        here = place(page)
        page.route(VERDICTS, lambda route: route.fulfill(**refusal), times=1)
        page.get_by_placeholder("Note").fill("cut off")
        page.get_by_placeholder("Note").press("Enter")
        page.keyboard.press("a")
        page.locator(".problem").wait_for()
        assert page.locator(".problem").text_content() == "Not saved: the note is too long"
        assert place(page) == here
        assert page.get_by_placeholder("Note").input_value() == "cut off"
        assert kinds(server, reader) == []
        decide(page, "x")
        await_saved(page)
    assert [row[2:] for row in server.rows(reader)] == [("reject", "cut off")]


def test_a_busy_ledger_is_asked_again(browser, server):
    reader = "Dr. Busy"
    busy = {"status": 503, "json": {"message": "the review ledger is in use by somebody else."}}
    with open_apart(browser, server) as page:
        begin(page, reader)
        page.route(VERDICTS, lambda route: route.fulfill(**busy), times=2)
        decide(page, "a")
        await_saved(page)
        assert said(page).startswith("Saved: ")
    assert kinds(server, reader) == ["accept"]
