"""The viewer in a real browser: its greys, its hands, its speed and its silence."""

import io
from itertools import product

import numpy as np
import pytest
from PIL import Image

from overread.images.decoded_image import DecodedImage, window_to_uint8
from overread.images.decoding import read_image
from overread_app.reading.component import javascript
from tests.app.browser.conftest import begin, look, open_tab, secret_names

pytestmark = pytest.mark.browser

LOOKUP = """async ([code, specs]) => {
  const module = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  return specs.map((spec) => Array.from(module.lookupTable(spec)));
}"""


SURROUND = (12, 14, 16)


@pytest.fixture(scope="module")
def reading(browser, server):
    with open_tab(browser, server) as page:
        begin(page, "Dr. Looks Only")
        yield page


@pytest.fixture
def viewer(reading):
    """The page with the image as it first came up."""
    reading.locator("canvas.surface").focus()
    for key in "f0":
        reading.keyboard.press(key)
    reading.wait_for_timeout(200)
    return reading


def test_greys_are_those_of_the_python_side(reading):
    values = np.arange(-1024, 1024, dtype=np.int32).reshape(32, 64)
    windows = [(40.0, 400.0), (-600.0, 1500.0), (12.25, 1.0)]
    cases = list(product(("LINEAR", "LINEAR_EXACT", "SIGMOID"), windows, (False, True)))
    codes = {"scale": 1, "offset": -1024, "minimum": 0, "maximum": 2047}
    specs = [
        {**codes, "voi": voi, "center": center, "window": width, "isInverted": is_inverted}
        for voi, (center, width), is_inverted in cases
    ]
    tables = reading.evaluate(LOOKUP, [javascript(), specs])
    for (voi, (center, width), is_inverted), table in zip(cases, tables, strict=True):
        shown = window_to_uint8(values.ravel(), DecodedImage(values, True, center, width, is_inverted, voi)).astype(int)
        expected = 255 - shown if is_inverted else shown
        *greys, padding = table
        assert np.abs(np.array(greys) - expected).max() <= 1, (voi, center, width)  # halves may round either way
        assert padding == 0


def shown_pixels(page):
    """What the canvas shows: a screenshot of it, RGB."""
    return np.asarray(Image.open(io.BytesIO(page.locator("canvas.surface").screenshot())).convert("RGB"))


def first_picture(server, place=0):
    from overread.review.queue import review_order
    from overread.studies.run import open_run

    sample_id = review_order(open_run(server.study).scores())[place]
    samples = server.study.samples().set_index("sample_id")
    return read_image(server.study.image_location(samples.loc[sample_id, "image"])).pixels


def test_the_source_s_own_pixels_are_on_the_canvas_one_for_one_and_invert(viewer, server):
    viewer.get_by_role("button", name="Actual pixels").click()
    viewer.wait_for_timeout(300)
    source = first_picture(server)
    shown = shown_pixels(viewer)
    places = np.argwhere((shown[20:-20, 20:-20] != SURROUND).any(axis=2)) + 20  # its corners are round
    (top, left), (bottom, right) = places.min(axis=0), places.max(axis=0) + 1
    assert (bottom - top, right - left) == source.shape[:2]
    assert np.array_equal(shown[top:bottom, left:right], source)
    viewer.keyboard.press("i")
    viewer.wait_for_timeout(300)
    assert np.array_equal(shown_pixels(viewer)[top:bottom, left:right], 255 - source)
    viewer.keyboard.press("0")
    viewer.keyboard.press("p")
    viewer.wait_for_timeout(300)
    assert np.array_equal(shown_pixels(viewer)[top:bottom, left:right], source)


def smoothest_place(pixels):
    """Row and column, off the middle, whose neighbours are most alike: a shift by part of a pixel tells least there."""
    height, width = pixels.shape[:2]
    places = [
        (row, column)
        for row in range(height // 2 - 40, height // 2 + 40)
        for column in range(int(0.4 * width) - 40, int(0.4 * width) + 40)
    ]
    around = (pixels[row - 2 : row + 3, column - 2 : column + 3].astype(int) for row, column in places)
    return places[int(np.argmin([np.ptp(each, axis=(0, 1)).max() for each in around]))]


def test_the_wheel_zooms_around_the_pointer_and_f_fits_again(viewer):
    canvas = viewer.locator("canvas.surface")
    box = canvas.bounding_box()
    before = viewer.locator("output.zoom").inner_text()
    row, column = smoothest_place(shown_pixels(viewer))
    under = shown_pixels(viewer)[row, column].astype(int)
    viewer.mouse.move(box["x"] + column + 0.5, box["y"] + row + 0.5)
    for _ in range(5):
        viewer.mouse.wheel(0, -100)
        viewer.wait_for_timeout(100)
    viewer.wait_for_timeout(500)
    assert float(viewer.locator("output.zoom").inner_text().split()[0]) > 2 * float(before.split()[0])
    after = shown_pixels(viewer)[row, column].astype(int)
    assert np.abs(after - under).max() < 70  # noise between neighbours is far larger; smoothing takes a part
    viewer.keyboard.press("f")
    viewer.wait_for_timeout(200)
    assert viewer.locator("output.zoom").inner_text() == before


def test_right_drag_and_the_fields_change_the_window(viewer):
    box = viewer.locator("canvas.surface").bounding_box()
    viewer.mouse.move(box["x"] + 200, box["y"] + 200)
    viewer.mouse.down(button="right")
    viewer.mouse.move(box["x"] + 120, box["y"] + 200, steps=5)
    viewer.mouse.up(button="right")
    assert int(viewer.locator("input.width").input_value()) > 110  # contrast rises as the window narrows
    viewer.locator("input.width").fill("100000")
    viewer.get_by_role("button", name="Actual pixels").click()
    viewer.wait_for_timeout(300)
    shown = shown_pixels(viewer)
    middle = shown[shown.shape[0] // 2 - 40 : shown.shape[0] // 2 + 40, shown.shape[1] // 2 - 50 :][:, :100]
    assert np.isin(middle, (0, 255)).mean() > 0.97  # a step, through one value at most


def test_the_next_image_is_painted_without_asking_the_server_for_it(viewer):
    viewer.wait_for_timeout(500)
    for _ in range(3):
        visit = look(viewer)
        viewer.evaluate("() => performance.clearResourceTimings()")
        viewer.keyboard.press("x")
        look(viewer, after=visit)
        pressed = viewer.evaluate("() => window.pressedAt.x")
        painted = float(viewer.locator(".reading").get_attribute("data-painted-at"))
        entries = viewer.evaluate("() => performance.getEntriesByType('resource').map((e) => [e.name, e.startTime])")
        assert not [name for name, start in entries if "/image/" in name and pressed < start < painted]
        viewer.wait_for_timeout(300)


def test_no_file_name_and_no_path_reaches_the_browser(viewer, server):
    frames, answers = [], []
    address = viewer.url
    viewer.goto("about:blank")  # no answer is on its way whose body would be gone
    viewer.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    viewer.on("response", lambda response: answers.append(response))
    viewer.goto(address)
    visit = look(viewer)
    viewer.keyboard.press("a")
    look(viewer, after=visit)
    viewer.wait_for_timeout(1700)  # what is slow to make has come too
    received = b"".join(frame if isinstance(frame, bytes) else frame.encode() for frame in frames).decode("latin-1")
    told = [response for response in answers if "/reading/" in response.url]
    bodies = [response.text() for response in told if "/image/" not in response.url]
    assert any("The readings differ" in body for body in bodies)
    headers = [str(response.all_headers()) for response in told]
    texts = [received, viewer.content(), *bodies, *headers, *(response.url for response in answers)]
    for name in secret_names(server.study):
        assert not any(name in text for text in texts)
    assert viewer.locator("canvas.surface").get_attribute("aria-label") == "Image under review"
