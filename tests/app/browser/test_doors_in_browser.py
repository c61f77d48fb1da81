"""A page of another port of this machine: what a real browser lets it do to the app."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.app.browser.conftest import AT_REST, OWNER, PATIENCE_MS, open_tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Another app</title>")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def stranger(browser):
    """A page of an app of another port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://localhost:{other.server_port}")
        yield page
        page.close()
        other.shutdown()


OPEN_WEBSOCKET = """url => new Promise((resolve) => {
  const socket = new WebSocket(url);
  socket.onopen = () => { socket.close(); resolve("open"); };
  socket.onerror = () => resolve("refused");
})"""
FRAME = """url => new Promise((resolve) => {
  const frame = document.createElement("iframe");
  frame.src = url;
  frame.onload = () => resolve(true);
  document.body.append(frame);
})"""


def stream(server):
    return server.url.replace("http", "ws") + "/_stcore/stream"


def test_it_opens_no_websocket_and_the_app_s_own_page_does(stranger, browser, server):
    assert stranger.evaluate(OPEN_WEBSOCKET, stream(server)) == "refused"
    with open_tab(browser, server) as own:
        assert own.evaluate(OPEN_WEBSOCKET, stream(server)) == "open"


def test_it_frames_no_page_of_the_app(stranger, server):
    stranger.evaluate(FRAME, server.url)
    (framed,) = [frame for frame in stranger.frames if frame != stranger.main_frame]
    deadline = time.monotonic() + 20
    while not framed.url and time.monotonic() < deadline:
        stranger.wait_for_timeout(50)
    assert framed.url == "chrome-error://chromewebdata/"


def test_it_reads_nothing_that_the_app_serves(stranger, server):
    read = "url => fetch(url).then(() => 'read', () => 'refused')"
    assert stranger.evaluate(read, f"{server.url}/_stcore/health") == "refused"


@pytest.mark.parametrize("path", ["", "review", "train", "insights", "export"])
def test_no_page_of_the_app_breaks_its_own_policy(browser, server, path):
    page = browser.new_page()
    page.add_init_script(
        "window.broken = []; document.addEventListener('securitypolicyviolation', "
        "(event) => window.broken.push(`${event.violatedDirective} ${event.blockedURI}`));"
    )
    page.goto(f"{server.url}/{path}?owner={OWNER}")
    page.get_by_text("Not for diagnosis").first.wait_for(state="attached", timeout=30_000)
    page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
    page.wait_for_load_state("networkidle")
    broken = page.evaluate("window.broken")
    is_map_missing = page.get_by_text("WebGL is not supported").count() > 0  # so Plotly takes a policy without eval
    page.close()
    assert (broken, is_map_missing) == ([], False)


def test_the_map_of_the_images_is_drawn(browser, server):
    page = browser.new_page()
    page.goto(f"{server.url}/insights")
    page.locator(".gl-canvas").first.wait_for(state="attached", timeout=30_000)
    page.close()
