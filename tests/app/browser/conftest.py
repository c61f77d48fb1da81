"""A server with a study of its own, and a real Chromium in front of it."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.images.cache.cache_build import build_cache
from overread.studies.study import Study
from tests.app.made_study import write_study
from tests.paths import ROOT

LISTENING = """
  // Set before the app's own code is there, so that it also hears the keys that the component keeps from the page.
  window.pressedAt = {};
  const press = (event) => { window.pressedAt[event.key] = performance.now(); };
  window.addEventListener("keydown", press, { capture: true });

  window.paints = [];
  const paint = ({ target: { dataset } }) => window.paints.push({ visit: dataset.painted, at: +dataset.paintedAt });
  const observer = new MutationObserver((changes) => changes.forEach(paint));
  const attach = Element.prototype.attachShadow; // the component lives in a shadow root
  Element.prototype.attachShadow = function (options) {
    const root = attach.call(this, options);
    observer.observe(root, { subtree: true, attributes: true, attributeFilter: ["data-painted-at"] });
    return root;
  };
"""
"""When each key was pressed last, and when each image was painted."""
OWNER = "whoever-runs-the-tests"
"""By which a page's address is that of the server's owner."""
PATIENCE_MS = 60_000
"""For a machine that is busy with other tests."""
LOOK_MS = 350
"""After which an image may be judged, and a little more."""
AT_REST = "[data-testid='stApp'][data-test-connection-state='CONNECTED'][data-test-script-state='notRunning']"
"""Streamlit has drawn its page."""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@dataclass(frozen=True)
class Server:
    """The app on a study of 40 proposals, which all tests share: each file reads under a name of its own."""

    url: str
    study: Study

    def rows(self, reader: str) -> list[tuple[str, str, str, str]]:
        """kind, sample_id, verdict, note of the reader's rows, straight from the database, in sequence."""
        query = (
            "SELECT kind, sample_id, verdict, note FROM ledger WHERE reader = ? AND kind <> 'reader' ORDER BY sequence"
        )
        connection = sqlite3.connect(f"file:{self.study.path / 'review.db'}?mode=ro", uri=True)
        try:
            return connection.execute(query, (reader,)).fetchall()
        finally:
            connection.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    study = write_study(tmp_path_factory.mktemp("browser"), num_samples=240)
    draw_images(study)
    with serving(study) as url:
        yield Server(url, study)


@contextmanager
def serving(study: Study, **settings: str) -> Iterator[str]:
    """The app on a study, started as a user starts it; its address. settings: environment variables."""
    port = free_port()
    process = start_server(study, port, **settings)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def start_server(study: Study, port: int, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
    """The app's process on a study, which answers. settings: environment variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OVERREAD")}
    environment |= {"OVERREAD_EPHEMERAL": "1", "OVERREAD_OWNER": OWNER}  # its study lies in a temporary folder
    environment |= {"OVERREAD_HOME": str(study.path.parent / "home")}  # where new studies go
    process = subprocess.Popen(
        [sys.executable, "-m", "app", str(study.path), *(arguments or ("--port", str(port))), "--no-browser"],
        cwd=ROOT,
        env=environment | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    await_server(f"http://127.0.0.1:{port}")
    return process


@pytest.fixture(scope="package")
def playwright():
    """One for all: a process can have no second one."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="package")
def browser(tmp_path_factory, playwright):
    # With a profile on the disk, the app's scripts are compiled once and not for each page.
    context = playwright.chromium.launch_persistent_context(
        tmp_path_factory.mktemp("profile"),
        executable_path=CHROMIUM,
        args=ARGUMENTS,
        viewport={"width": 1440, "height": 900},
    )
    yield context
    context.close()


@contextmanager
def open_tab(browser, server: Server, *, context=None):
    """A new tab on the Review page, which asks for the reader's name. It must end without an error in its scripts.

    context: another browser than the one that the tests share.
    """
    errors = []
    page = (context or browser).new_page()
    page.add_init_script(LISTENING)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{server.url}/review")
    yield page
    page.close()
    assert errors == []


@contextmanager
def open_apart(browser, server: Server):
    """As `open_tab`, in a browser of its own, whose connection a test may cut."""
    context = browser.browser.new_context(viewport={"width": 1440, "height": 900})
    with open_tab(browser, server, context=context) as page:
        yield page
    context.close()


def begin(page, reader: str) -> str:
    """Give the name and look at the first sample long enough to judge it; returns its visit."""
    begin_name(page, reader)
    return look(page)


def begin_name(page, reader: str) -> None:
    """Give the name that a page asks for."""
    field = page.locator(".st-key-review_reader input")
    field.wait_for(timeout=PATIENCE_MS)
    page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)  # a page that is drawn again may forget what is typed
    field.fill(reader)
    field.press("Enter")


def look(page, *, after: str | None = None) -> str:
    """Wait until the image (the one after that visit) was there long enough to be seen; returns its visit."""
    other = "" if after is None else f":not([data-painted='{after}'])"
    page.wait_for_selector(f".reading[data-painted]{other}", timeout=PATIENCE_MS)
    shown_ms = page.locator(".reading").evaluate("reading => performance.now() - reading.dataset.paintedAt")
    page.wait_for_timeout(max(0, LOOK_MS - shown_ms))
    return page.locator(".reading").get_attribute("data-painted")


def decide(page, *keys: str) -> None:
    """Look at a sample and press a key, for each of them."""
    for key in keys:
        visit = look(page)
        page.keyboard.press(key)
        look(page, after=visit)


def await_saved(page) -> None:
    """Wait until the server has answered everything."""
    page.wait_for_selector(".reading[data-unsaved='0']", timeout=PATIENCE_MS)


def draw_images(study: Study) -> None:
    """Every sample another picture, so that one can be told from another; then the pixel cache."""
    samples = study.samples()
    images = {}
    for index, (sample_id, image) in enumerate(zip(samples["sample_id"], samples["image"], strict=True)):
        pixels = np.random.default_rng(index).integers(0, 256, (96, 128, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(study.image_location(image).path, compress_level=1)
        images[sample_id] = study.image_location(image)
    build_cache(study.pixels_path, images, size_px=32)


def await_server(url: str, *, limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"the app did not start within {limit_s} s")


def secret_names(study: Study) -> list[str]:
    """What must not reach a browser: names and paths of files."""
    return [*study.samples()["image"], Path(study.source_root).name + "/", str(study.path)]
