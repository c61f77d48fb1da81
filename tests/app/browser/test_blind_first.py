"""Blind first in a real browser: a whole session by keyboard, of which nothing hidden is sent before its time."""

import json
import re
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
    free_port,
    look,
    open_apart,
    open_tab,
    serving,
    start_server,
)
from tests.app.made_study import write_study

pytestmark = pytest.mark.browser

BARE = {"id", "image", "isBlind", "similar", "reading", "follows", "note", "grade", "standing"}
EVIDENCE = (b"During training the probability", b'class="trace"', b"saliency maps")
"""What the page around the component says of a sample."""


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
    """Look at what is in sight, press a key, and wait for what follows."""
    visit = look(page)
    page.keyboard.press(key)
    page.wait_for_selector(f".reading[data-painted]:not([data-painted='{visit}'])", timeout=PATIENCE_MS)


@contextmanager
def two_tabs(browser, server, reader):
    """One reader's two tabs, on the same sample."""
    with open_apart(browser, server) as one, open_tab(browser, server, context=one.context) as two:
        begin(one, reader)
        code = re.search(r"Your code: (\w+ \w+)", one.locator(".st-key-review_code").inner_text()).group(1)
        two.locator(".st-key-review_reader input").fill(reader)
        two.keyboard.press("Enter")
        two.get_by_label("Code").fill(code)
        two.keyboard.press("Enter")
        look(two)
        assert place(two) == place(one)
        yield one, two


def test_a_session_by_keyboard_sends_nothing_hidden_before_the_lock(browser, blind_server):
    reader, study = "Dr. Blind", blind_server.study
    scores = open_run(study).scores().set_index("sample_id")
    with open_apart(browser, blind_server) as page:
        wire = Wire(page)
        begin(page, reader)
        told, keys = [], ["1", "2", "3", "n", "m", "e"]
        for number, key in enumerate(keys):
            sample = place(page)
            assert is_blind(page)
            shadow = page.locator(".panel").inner_text()
            assert not any(word in shadow for word in ("Given label", "Model", "chance", "Most similar"))
            assert not page.locator(".trace").is_visible()
            press(page, key)
            assert (place(page), is_blind(page)) == (sample, False)
            assert page.locator(".given-name").inner_text() == scores.loc[sample, "given_label"]
            told.append((sample, said(page, "own-name")))
            if number == 2:  # who rests on it sees what is slow to make, too
                page.locator(".trace").wait_for(timeout=PATIENCE_MS)
            press(page, "ax"[number % 2])
        await_saved(page)
        page.keyboard.press("d")  # the drawer of own verdicts
        page.wait_for_selector(".decided-one")
        page.keyboard.press("Escape")
        page.get_by_text("Queue", exact=True).click()
        page.get_by_text("In random order").wait_for()
        page.get_by_label("Go to image").wait_for()
        offered = page.locator("[data-testid='stPopoverBody']").inner_text()
        assert not any(word in offered for word in ("Given label", "likely", "probability", "Kind", *study.classes))
        bodies = [(locked, response.body()) for locked, response in wire.bodies]
    names = [*study.classes[:3], "Cannot judge", "Ambiguous", "Exclude"]
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
                assert (set(packet), packet["reading"], packet["note"], packet["similar"]) == (BARE, "", "", [])
                num_bare += 1
    assert num_bare >= len(keys)
    # Over the websocket, no sample is named before it is locked, nor is anything shown of the first one.
    for locked, frame in wire.frames:
        assert not any(sample.encode() in frame for sample in set(scores.index) - locked)
        assert locked or not any(word in frame for word in EVIDENCE)
    assert any(EVIDENCE[0] in frame for _, frame in wire.frames)


@pytest.mark.slow
def test_a_reading_stays_locked_when_it_is_undone_or_the_page_is_reloaded(browser, blind_server):
    reader, (label, *_) = "Dr. Locked", blind_server.study.classes
    with open_apart(browser, blind_server) as page:
        begin(page, reader)
        first = place(page)
        page.locator(".note").fill("a clip")
        page.keyboard.press("Enter")
        press(page, "1")
        look(page)
        assert (place(page), said(page, "own-name"), page.locator(".note").input_value()) == (first, label, "a clip")
        page.keyboard.press("u")
        assert said(page, "saved") == "Your reading is locked and cannot be undone."
        page.reload()
        look(page)
        assert (place(page), is_blind(page), said(page, "own-name")) == (first, False, label)
        press(page, "x")
        await_saved(page)
        look(page)
        page.keyboard.press("u")
        page.wait_for_selector(f".reading[data-sample='{first}']", timeout=PATIENCE_MS)
        assert (is_blind(page), said(page, "own-name")) == (False, label)
        press(page, "x")
        press(page, "2")
        look(page)
        page.keyboard.press("u")
        assert said(page, "saved") == "Your reading stays locked. Press again to undo the last verdict."
        page.keyboard.press("u")
        page.wait_for_selector(f".reading[data-sample='{first}']", timeout=PATIENCE_MS)
        await_saved(page)
    kinds = [row[0] for row in blind_server.rows(reader)]
    assert kinds == ["reading", "verdict", "undo", "verdict", "reading", "undo"]


@pytest.mark.slow  # the routes' own test is quick
def test_a_reading_that_two_tabs_send_is_locked_once_and_shown_in_both(browser, blind_server):
    reader, (label, *_) = "Dr. Twice", blind_server.study.classes
    with two_tabs(browser, blind_server, reader) as (one, two):
        first = place(one)
        press(one, "1")
        press(two, "2")
        two.wait_for_selector(".problem:not([hidden])")
        assert "read this image before" in said(two, "problem")
        look(two)
        assert (place(two), is_blind(two), said(two, "own-name")) == (first, False, label)
    assert [row[0] for row in blind_server.rows(reader)] == ["reading"]


def test_a_reading_without_a_connection_reveals_nothing_until_it_is_locked(browser, blind_server):
    reader = "Dr. Away"
    with open_apart(browser, blind_server) as page:
        begin(page, reader)
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


@pytest.mark.slow
def test_a_reading_for_a_killed_server_is_locked_once_it_is_back(browser, tmp_path):
    study = write_study(tmp_path, num_samples=60)
    draw_images(study)
    study = set_protocol(study.path, "blind")
    port, reader = free_port(), "Dr. Phoenix"
    server = Server(f"http://127.0.0.1:{port}", study)
    process = start_server(study, port)
    try:
        with open_apart(browser, server) as page:
            begin(page, reader)
            first = place(page)
            process.kill()
            process.wait()
            page.keyboard.press("2")
            page.wait_for_selector(".saved.is-trouble")
            assert is_blind(page)
            process = start_server(study, port)
            page.wait_for_selector(".reading:not(.is-blind)", timeout=PATIENCE_MS)
            assert (place(page), said(page, "own-name")) == (first, study.classes[1])
            press(page, "x")
            await_saved(page)
    finally:
        process.kill()
        process.wait()
    assert [row[:2] for row in server.rows(reader)] == [("reading", first), ("verdict", first)]


@pytest.mark.slow
def test_a_reading_that_waits_when_the_page_is_reloaded_is_locked_and_its_sample_revealed(browser, blind_server):
    reader, (label, *_) = "Dr. Reload", blind_server.study.classes
    with open_apart(browser, blind_server) as page:
        begin(page, reader)
        first = place(page)
        page.route("**/reading/reading", lambda route: route.abort())
        page.keyboard.press("1")
        page.wait_for_selector(".saved.is-trouble")
        page.on("dialog", lambda dialog: dialog.accept())
        page.reload()
        page.wait_for_selector(f".reading.is-locking[data-sample='{first}']", timeout=PATIENCE_MS)
        page.wait_for_selector(".saved.is-trouble", timeout=PATIENCE_MS)
        page.unroute("**/reading/reading")
        page.wait_for_selector(f".reading:not(.is-blind)[data-sample='{first}']", timeout=PATIENCE_MS)
        assert said(page, "own-name") == label
        await_saved(page)
    assert [row[:2] for row in blind_server.rows(reader)] == [("reading", first)]
