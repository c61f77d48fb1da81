"""What a reader does to an image: rotation, presets, kept settings, the scale bar and a similar image beside it."""

import base64
import io
from itertools import pairwise, product

import numpy as np
import pytest
from PIL import Image

from overread.images.cache.cache_build import build_cache
from overread.images.decoded_image import DecodedImage, to_uint8, window_to_uint8
from overread.images.decoding import read_image
from overread_app.reading.component import javascript
from tests.app.browser.conftest import Server, begin, look, open_tab, serving
from tests.app.made_study import write_study
from tests.core.images.made_dicom import write_dicom

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SPACING_MM = 0.5
SURROUND = (12, 14, 16)
EVALUATE = """async ([code, expression]) => {
  const source = `${code}\\nexport const tested = (run) => eval(run);`;
  const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  return module.tested(expression);
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A study of CT images of noise, each with two windows."""
    study = write_study(tmp_path_factory.mktemp("tools"), num_samples=60)
    images = {}
    for index, row in study.samples().iterrows():
        images[row["sample_id"]] = location = study.image_location(row["image"])
        values = np.random.default_rng(index).integers(-1000, 1000, (160, 200), dtype=np.int16)
        windows = {"WindowCenter": [40, -500], "WindowWidth": [400, 1000]}
        write_dicom(location.path, values, Modality="CT", PixelSpacing=[SPACING_MM] * 2, **windows)
    build_cache(study.pixels_path, images, size_px=32)
    with serving(study) as url:
        yield Server(url, study)


@pytest.fixture(scope="module")
def reading(browser, server):
    with open_tab(browser, server) as page:
        begin(page, "Dr. Tool User")
        yield page


@pytest.fixture
def page(reading):
    """The page as an image first comes up, at one canvas pixel for each of the image's."""
    look(reading)
    for key in ("Escape", "0", "p"):
        reading.keyboard.press(key)
    return reading


def canvas_pixels(page, name="surface"):
    """RGB of the whole canvas, after it was drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    png = page.locator(f"canvas.{name}").evaluate("canvas => canvas.toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png.partition(",")[2]))).convert("RGB"))


def image_on(canvas):
    """(H, W) uint8: the grey image on a canvas, and where its top left corner lies."""
    rows, columns = np.nonzero((canvas != SURROUND).any(axis=2))
    top, left = rows.min(), columns.min()
    return canvas[top : rows.max() + 1, left : columns.max() + 1, 0], (int(left), int(top))


def decoded(server, sample_id) -> DecodedImage:
    samples = server.study.samples().set_index("sample_id")
    return read_image(server.study.image_location(samples.loc[sample_id, "image"]))


def under_review(page, server) -> DecodedImage:
    return decoded(server, page.locator(".reading").get_attribute("data-sample"))


def is_close(shown, expected):
    """Halves may be rounded either way."""
    return shown.shape == expected.shape and np.abs(shown.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("keys", "turned", "said"),
    [
        ("r", lambda image: np.rot90(image, -1), "Rotated 90° right"),
        ("l", lambda image: np.rot90(image), "Rotated 90° left"),
        ("rr", lambda image: np.rot90(image, 2), "Rotated 180°"),
        ("h", np.fliplr, "Flipped left to right"),
        ("v", np.flipud, "Flipped top to bottom"),
        ("hr", lambda image: np.rot90(np.fliplr(image), -1), "Flipped, rotated 90° right"),
        ("rh", lambda image: np.fliplr(np.rot90(image, -1)), "Flipped, rotated 90° left"),
        ("rhlv0p", lambda image: image, ""),
    ],
)
def test_an_image_is_turned_pixel_by_pixel_and_says_so(page, server, keys, turned, said):
    for key in keys:
        page.keyboard.press(key)
    shown, _ = image_on(canvas_pixels(page))
    assert is_close(shown, turned(to_uint8(under_review(page, server))))
    assert page.locator(".turned").first.inner_text() == said


@pytest.mark.parametrize(
    ("number", "center", "width"), [(1, 40, 400), (2, -600, 1500), (4, 480, 2500), (7, -500, 1000)]
)
def test_a_preset_is_the_window_of_its_key(page, server, number, center, width):
    page.keyboard.press(f"Shift+Digit{number}")
    shown, _ = image_on(canvas_pixels(page))
    values = under_review(page, server).pixels
    assert is_close(shown, window_to_uint8(values, DecodedImage(values, True, center, width)))
    fields = [page.locator(f"input.{name}").input_value() for name in ("centre", "width")]
    assert fields == [str(center), str(width)]


def steady_zoom(page):
    """The zoom as it is told once it has stopped to change: an image in its full size may come late."""
    told = [None] * 4
    while len(set(told)) > 1 or told[0] is None:
        page.wait_for_timeout(100)
        told = [*told[1:], page.locator("output.zoom").inner_text()]
    return told[0]


def test_settings_are_kept_from_image_to_image_only_where_wanted(page, server):
    seen = []
    for keys in (("k", "r", "Shift+Digit2"), ("k",)):
        for key in keys:
            page.keyboard.press(key)
        zoom = steady_zoom(page)
        visit = look(page)
        page.keyboard.press("x")
        look(page, after=visit)
        seen.append(steady_zoom(page) == zoom)
        image = under_review(page, server)
        if page.locator(".kept").is_visible():
            shown, _ = image_on(canvas_pixels(page))
            window = DecodedImage(image.pixels, True, -600, 1500)
            assert is_close(shown, np.rot90(window_to_uint8(image.pixels, window), -1))
            assert page.locator(".turned").first.inner_text() == "Rotated 90° right"
    assert seen == [True, False]
    page.keyboard.press("p")
    assert is_close(image_on(canvas_pixels(page))[0], to_uint8(image))


def test_the_scale_bar_is_as_long_as_it_says(page):
    for keys, scale in (("p", 1.0), ("p+++", 1.25**3), ("pr--", 0.8**2)):
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_timeout(50)
        bar = page.locator(".scale-bar").first
        number, unit = bar.inner_text().split()
        length_mm = float(number) * {"mm": 1, "cm": 10}[unit]
        assert bar.bounding_box()["width"] == pytest.approx(length_mm / SPACING_MM * scale, abs=0.6)


def test_a_similar_image_opens_beside_and_goes_where_the_other_goes(page, server):
    page.keyboard.press("0")
    button = page.locator(".similar button").nth(1)
    label = page.locator(".similar figcaption").nth(1).inner_text()
    button.focus()
    page.keyboard.press("Enter")
    page.locator(".is-beside:not(.is-empty) .pane-name").wait_for()
    names = page.locator(".pane-name").all_text_contents()
    assert names == ["Under review", f"Similar: {label}"]
    page.keyboard.press("p")
    page.keyboard.press("Shift+Digit2")
    before = {name: image_on(canvas_pixels(page, name)) for name in ("surface", "beside")}
    samples = server.study.samples()["sample_id"]
    beside = [
        is_close(before["beside"][0], window_to_uint8(image.pixels, DecodedImage(image.pixels, True, -600, 1500)))
        for image in (decoded(server, sample_id) for sample_id in samples)
    ]
    assert sum(beside) == 1  # one of the study's images, at its own resolution
    assert samples[beside.index(True)] != page.locator(".reading").get_attribute("data-sample")
    box = page.locator("canvas.beside").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 170, steps=3)
    page.mouse.up()
    for name, (_, (left, top)) in before.items():
        assert image_on(canvas_pixels(page, name))[1] == (left + 40, top - 30)
    page.keyboard.press("Escape")
    assert not page.locator(".is-beside").is_visible()
    page.locator(".similar button").first.click()
    visit = look(page)
    page.keyboard.press("x")
    look(page, after=visit)
    assert not page.locator(".is-beside").is_visible()


def test_two_fingers_zoom_around_their_middle(page):
    before, (left, top) = image_on(canvas_pixels(page))
    box = page.locator("canvas.surface").bounding_box()
    x, y = round(box["width"] / 2), round(box["height"] / 2)
    touch = page.context.new_cdp_session(page)
    for kind, reach in (("touchStart", 20), ("touchMove", 30), ("touchMove", 40)):
        points = [{"x": box["x"] + x + side * reach, "y": box["y"] + y, "id": side} for side in (-1, 1)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    after, corner = image_on(canvas_pixels(page))
    assert after.shape == pytest.approx([2 * side for side in before.shape], abs=2)
    assert corner == pytest.approx([x + 2 * (left - x), y + 2 * (top - y)], abs=2)


def test_the_magnifier_shows_the_place_under_the_pointer_larger(page):
    canvas = canvas_pixels(page)
    _, (left, top) = image_on(canvas)
    box = page.locator("canvas.surface").bounding_box()
    page.mouse.move(box["x"] + left + 100, box["y"] + top + 80)
    page.keyboard.press("z")
    seen = canvas_pixels(page)[top + 50 : top + 110, left + 70 : left + 130].astype(int)
    near = []
    for down, across in product((-1, 0, 1), repeat=2):  # the pointer may lie between two pixels
        pixels = canvas[top + 70 + down : top + 90 + down, left + 90 + across : left + 110 + across]
        enlarged = np.asarray(Image.fromarray(pixels).resize((60, 60), Image.Resampling.BILINEAR)).astype(int)
        near.append(np.abs(seen - enlarged).mean())
    assert min(near) < 5  # noise of other places differs by some 60
    page.keyboard.press("z")
    assert np.array_equal(canvas_pixels(page), canvas)


@pytest.mark.parametrize("width", [1024, 1160, 1280])
def test_the_bar_stands_in_one_row_within_the_viewer(page, width):
    page.set_viewport_size({"width": width, "height": 768})
    for name, word in (("centre", "Brightness"), ("width", "Contrast")):  # longer than a CT's words
        page.locator(f".{name}-name").evaluate("(place, word) => { place.textContent = word; }", word)
    page.wait_for_timeout(200)
    boxes = [part.bounding_box() for part in page.locator(".bar > *:not(.space)").all() if part.is_visible()]
    viewer = page.locator(".viewer").bounding_box()
    page.set_viewport_size({"width": 1440, "height": 900})
    page.keyboard.press("0")  # writes the words again
    assert len(boxes) == 11
    assert all(viewer["y"] + viewer["height"] - 44 <= box["y"] for box in boxes)
    assert boxes[-1]["x"] + boxes[-1]["width"] <= viewer["x"] + viewer["width"]
    assert all(one["x"] + one["width"] <= other["x"] for one, other in pairwise(boxes))


def test_every_key_in_the_viewer_is_on_the_list(page):
    listed = set(page.locator(".sheet kbd").all_text_contents())
    keys = page.locator(".viewer [data-run] kbd").all_text_contents()
    assert len(keys) == 14
    assert set(keys) <= listed


@pytest.mark.parametrize("shape", [(6, 8), (5, 7), (6, 8, 3)])
def test_half_a_level_is_the_mean_of_four_codes_but_keeps_padding(reading, shape):
    codes = np.random.default_rng(0).integers(0, 1000, shape)
    codes[4, 4] = 1001
    height, width, channels = (*shape, 1)[:3]
    level = f"{{ width: {width}, height: {height}, codes: new Uint16Array({codes.ravel().tolist()}) }}"
    spec = f"{{ channels: {channels}, maximum: 1000 }}"
    found = reading.evaluate(EVALUATE, [javascript(), f"Array.from(halved({level}, {spec}).codes)"])
    padded = np.pad(codes, ((0, height % 2), (0, width % 2), *[(0, 0)] * (len(shape) - 2)), mode="edge")
    four = np.stack([padded[row::2, column::2] for row in (0, 1) for column in (0, 1)])
    expected = np.where((four > 1000).any(axis=0), four[0], np.floor(four.mean(axis=0) + 0.5))
    assert found == expected.ravel().tolist()


def test_a_window_without_units_is_carried_as_a_change_and_only_to_images_of_its_kind(reading):
    one = '{ modality: "DX", type: "uint16", isDicom: true, channels: 1, isInverted: false, center: 100, window: 200 }'
    shown = "{ center: 150, window: 100, isInverted: true }"
    for change, expected in (
        ("center: 1000, window: 2000", {"center": 1500, "window": 1000, "isInverted": True}),
        ('center: 7, window: 9, modality: "MG"', {"center": 7, "window": 9, "isInverted": False}),
    ):
        run = f"carriedWindow({shown}, {one}, {{ ...{one}, {change} }})"
        assert reading.evaluate(EVALUATE, [javascript(), run]) == expected
