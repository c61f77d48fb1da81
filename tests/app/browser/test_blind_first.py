"""Blind first in a real browser: a whole session by keyboard, of which nothing hidden is sent before its time."""

import json
from contextlib import contextmanager

import pytest

from overread.studies.run import open_run
from overread.studies.study import set_protocol
from tests.app.browser.conftest import (
    PATIENCE_MS,
    Server,
    await_saved,
    begin,
    draw_images,
    look,
    open_apart,
    serving,
)
from tests.app.made_study import write_study

pytestmark = pytest.mark.browser

BARE = {"id", "image", "isBlind", "similar", "reading", "follows", "note", "standing"}
EVIDENCE = (b"svg+xml", b"During training", b"saliency", b"stage_probs", b"Given label")
"""What the page around the component says of a sample or its label."""


@pytest.fixture(scope="module")
def blind_server(tmp_path_factory):
    study = write_study(tmp_path_factory.mktemp("blind"), num_samples=240)
    draw_images(study)
    study = set_protocol(study.path, "blind")
    with serving(study) as url:
        yield Server(url, study)


class Wire:
    """Everything that reaches the browser, in its order, with the ids of the samples that were locked by then."""

    def __init__(self, page):
        self.locked, self.bodies, self.frames = set(), [], []
        page.on("response", self.hear)
        page.on("websocket", self.listen)

    def hear(self, response):
        path = response.url.partition("/reading/")[2]
        if path.split("/")[0] in ("queue", "reading", "verdict", "undo", "decided"):
            if path == "reading":
                self.locked.add(json.loads(response.request.post_data)["sample_id"])
            self.bodies.append((set(self.locked), response))

    def listen(self, socket):
        socket.on("framereceived", lambda content: self.frames.append((set(self.locked), as_bytes(content))))
        socket.on("framesent", lambda content: self.frames.append((set(self.locked), as_bytes(content))))


def as_bytes(content):
    return content if isinstance(content, bytes) else content.encode()


def place(page):
    return page.locator(".reading").get_attribute("data-sample")


def said(page, name):
    return page.locator(f".{name}").first.text_content()


def is_blind(page):
    return page.locator(".reading").evaluate("(element) => element.classList.contains('is-blind')")


def press(page, key):
    """Look at what is in sight, press a key, and look at what follows."""
    visit = look(page)
    page.keyboard.press(key)
    look(page, after=visit)


@contextmanager
def blind_tab(browser, server, reader):
    with open_apart(browser, server) as page:
        page.wait_for_selector(".st-key-review_reader input")
        begin(page, reader)
        yield page


def test_a_session_by_keyboard_sends_nothing_hidden_before_the_lock(browser, blind_server):
    reader, study = "Dr. Blind", blind_server.study
    scores = open_run(study).scores().set_index("sample_id")
    with open_apart(browser, blind_server) as page:
        wire = Wire(page)
        begin(page, reader)
        told, keys = [], ["1", "2", "3", "n", "m", "e"] * 2
        for number, key in enumerate(keys):
            sample = place(page)
            assert is_blind(page)
            shadow = page.locator(".panel").inner_text()
            assert not any(word in shadow for word in ("Given label", "Model", "chance", "Most similar"))
            press(page, key)
            assert (place(page), is_blind(page)) == (sample, False)
            assert page.locator(".given-name").inner_text() == scores.loc[sample, "given_label"]
            told.append((sample, said(page, "own-name")))
            press(page, "ax"[number % 2])
        await_saved(page)
        page.keyboard.press("d")  # the drawer of own verdicts
        page.wait_for_selector(".decided-one")
        page.keyboard.press("Escape")
        page.get_by_text("Queue", exact=True).click()
        page.wait_for_selector("[data-testid='stPopoverBody']")
        assert "random order" in page.locator("[data-testid='stPopoverBody']").inner_text()
        assert not any(
            word in page.locator("[data-testid='stPopoverBody']").inner_text()
            for word in ("Given label", "likely", "probability", "Kind", *study.classes)
        )
        bodies = [(locked, response.body()) for locked, response in wire.bodies]
    names = [*study.classes[:3], "Cannot judge", "Ambiguous", "Exclude"] * 2
    assert [name for _, name in told] == names
    rows = [(kind, sample) for kind, sample, *_ in blind_server.rows(reader)]
    assert rows == [(kind, sample) for sample, _ in told for kind in ("reading", "verdict")]
    # Over the routes, a sample comes bare until it is locked; nor does any other one's packet name it.
    num_bare = 0
    for locked, body in bodies:
        content = json.loads(body)
        shown = [*content.get("samples", ()), *filter(None, [content.get("revealed"), content.get("undone")])]
        for packet in shown:
            if packet["id"] not in locked:
                assert set(packet) == BARE
                num_bare += 1
        revealed = [packet["id"] for packet in shown if packet["id"] in locked]
        assert revealed or not any(name.encode() in body.split(b'"last"')[0] for name in study.classes)
    assert num_bare >= len(keys)
    # Over the websocket, no sample is named before it is locked, nor is anything shown of the first one.
    for locked, frame in wire.frames:
        assert not any(sample.encode() in frame for sample in set(scores.index) - locked)
        assert locked or not any(word in frame for word in EVIDENCE)
    assert any(word in frame for _, frame in wire.frames for word in EVIDENCE[:2]) or len(keys) == 12


def test_a_reading_stays_locked_when_it_is_undone_reloaded_or_read_in_a_second_tab(browser, blind_server):
    reader = "Dr. Locked"
    with blind_tab(browser, blind_server, reader) as page:
        other = page.context.new_page()
        other.goto(f"{blind_server.url}/review")
        first = place(page)
        press(page, "1")
        assert (place(page), said(page, "own-name")) == (first, blind_server.study.classes[0])
        page.keyboard.press("u")
        page.wait_for_function("() => true")
        assert said(page, "saved") == "Your reading is locked and cannot be undone."
        page.reload()
        look(page)
        assert (place(page), is_blind(page), said(page, "own-name")) == (first, False, blind_server.study.classes[0])
        # The second tab: it shows the sample that was read in the first one.
        begin(other, reader) if other.locator(".st-key-review_reader input").count() else look(other)
        press(page, "x")
        await_saved(page)
        page.keyboard.press("u")
        page.wait_for_selector(f".reading[data-sample='{first}']", timeout=PATIENCE_MS)
        assert said(page, "own-name") == blind_server.study.classes[0]
        assert not is_blind(page)
    assert [row[0] for row in blind_server.rows(reader)] == ["reading", "verdict", "undo"]


def test_a_reading_that_two_tabs_send_is_locked_once_and_shown_in_both(browser, blind_server):
    reader = "Dr. Twice"
    with blind_tab(browser, blind_server, reader) as page:
        first = place(page)
        with open_apart(browser, blind_server) as other:
            begin(other, reader)
            assert place(other) == first
            press(page, "1")
            press(other, "2")
            other.wait_for_selector(".problem:not([hidden])")
            assert "read this image before" in said(other, "problem")
            assert (place(other), is_blind(other)) == (first, False)
            assert said(other, "own-name") == blind_server.study.classes[0]
    assert [row[0] for row in blind_server.rows(reader)] == ["reading"]


def test_a_reading_without_a_connection_reveals_nothing_until_it_is_locked(browser, blind_server):
    reader = "Dr. Away"
    with blind_tab(browser, blind_server, reader) as page:
        first = place(page)
        look(page)
        page.context.set_offline(True)
        page.keyboard.press("1")
        page.keyboard.press("2")  # it is locked already
        page.wait_for_selector(".saved.is-trouble")
        assert (place(page), is_blind(page)) == (first, True)
        assert said(page, "title") == "Locking your reading"
        page.keyboard.press("u")
        assert "Not saved yet" in said(page, "saved")
        page.context.set_offline(False)
        page.wait_for_selector(".reading:not(.is-blind)", timeout=PATIENCE_MS)
        assert (place(page), said(page, "own-name")) == (first, blind_server.study.classes[0])
        await_saved(page)
    assert [row[0] for row in blind_server.rows(reader)] == ["reading"]
