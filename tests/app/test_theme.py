"""The two themes' colours against WCAG and against colour blindness, and which theme a page starts with."""

import re

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from overread.images.cache.cache_build import build_cache
from overread_app.components import charts
from overread_app.components.label_matrix import label_matrix
from overread_app.reading.component import FOLDER
from overread_app.session import study_address
from overread_app.starting_theme import StartingTheme, shows_radiographs, with_scripts
from overread_app.theme import DARK, LIGHT, contrast, theme_settings

BOTH = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
DICHROMATS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
"""In linear sRGB, at severity 1. Source: Machado, Oliveira and Fernandes 2009, table 1."""
LEAST = {2: 40, 3: 35, 6: 25, 10: 15}
"""CIELAB distance between any two of the first classes; 2.3 is what can just be told apart side by side."""


def linear(colours):
    shares = np.array([[int(colour[place : place + 2], 16) for place in (1, 3, 5)] for colour in colours]) / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    x, y, z = np.moveaxis(np.clip(rgb, 0, 1) @ TO_XYZ.T / WHITE, -1, 0)
    x, y, z = (np.where(v > 216 / 24389, np.cbrt(v), (24389 / 27 * v + 16) / 116) for v in (x, y, z))
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ratio(first, second):
    low, high = sorted((linear([first, second]) @ TO_XYZ[1]).tolist())
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("sight", ["full colour", *DICHROMATS])
@BOTH
def test_any_two_classes_are_told_apart_by_readers_of_any_colour_vision(theme, sight):
    seen = linear(theme.classes) @ np.array(DICHROMATS.get(sight, np.eye(3))).T
    points = lab(seen)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1) + 1000 * np.eye(len(points))
    assert {num: bool(distances[:num, :num].min() >= least) for num, least in LEAST.items()} == dict.fromkeys(
        LEAST, True
    )


@BOTH
def test_no_class_is_red_or_green_which_would_say_wrong_or_right(theme):
    _, a, b = lab(linear(theme.classes)).T
    hue, chroma = np.degrees(np.arctan2(b, a)) % 360, np.hypot(a, b)
    assert not ((chroma > 30) & ((hue < 50) | (hue > 350) | ((hue > 110) & (hue < 185)))).any()


@BOTH
def test_texts_and_marks_stand_out_from_what_is_behind_them(theme):
    for behind in (theme.paper, theme.mist, theme.sidebar):
        texts = (theme.ink, theme.muted, theme.accent, theme.alarm, theme.caution)
        assert all(ratio(text, behind) >= 4.5 for text in texts)
    assert all(ratio(mark, theme.paper) >= 3 for mark in (*theme.classes, theme.edge))
    assert ratio(theme.on_accent, theme.accent) >= 4.5
    assert all(ratio(charts.text_on(cell), cell) >= 4.5 for cell in theme.sequential)


def test_contrast_is_that_of_the_standard_s_examples():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)  # the well-known grey that just fails


def test_streamlit_gets_every_colour_of_both_themes():
    settings = theme_settings()
    assert {name.split(".")[1] for name in settings if name.count(".") > 1} == {"light", "dark"}
    assert settings["theme.dark.backgroundColor"] == DARK.paper
    assert settings["theme.light.backgroundColor"] == LIGHT.paper


def test_the_component_takes_its_colours_from_the_theme_but_for_the_dark_viewer():
    style = (FOLDER / "reading.css").read_text(encoding="utf-8")
    outside = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL).split(".viewer {")[0]
    dark_behind_images = {"#0c0e10", "#0c0e1099"}
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", outside)) <= dark_behind_images


@pytest.mark.parametrize(("mode", "is_dark"), [("L", True), ("RGB", False)])
def test_a_study_of_grey_images_starts_dark(made_study, mode, is_dark):
    images = {}
    for sample_id, image in made_study.samples()[["sample_id", "image"]].to_numpy():
        images[sample_id] = made_study.image_location(image)
        Image.new(mode, (24, 24), 90 if mode == "L" else (200, 120, 160)).save(images[sample_id].path)
    build_cache(made_study.pixels_path, images, size_px=32)
    assert shows_radiographs(study_address(made_study.path)) is is_dark
    assert shows_radiographs("") is is_dark


def test_a_study_without_pixels_starts_light(made_study):
    assert shows_radiographs(study_address(made_study.path)) is False


def test_every_page_says_its_theme_before_streamlit_s_own_code_runs(monkeypatch):
    monkeypatch.setattr("overread_app.starting_theme.shows_radiographs", lambda address, actor: address == "dark")
    page = '<html lang="en"><head><script src="streamlit.js"></script></head></html>'

    async def answer(request):
        if "script" in request.url.path:
            return PlainTextResponse("code")
        return HTMLResponse(page, headers={"etag": "streamlit's"})

    app = StartingTheme(Starlette(routes=[Route("/{path:path}", answer)]), page=with_scripts(page))
    client = TestClient(app)
    dark, light = client.get("/review?study=dark"), client.get("/review?study=light")
    assert 'data-theme="Dark"' in dark.text
    assert 'data-theme="Light"' in light.text
    assert "etag" not in dark.headers
    assert dark.text.index("stActiveTheme") < dark.text.index("streamlit.js")
    assert client.get("/script").text == "code"


def test_the_matrix_numbers_long_names_and_keeps_them_whole_for_the_pointer():
    short = ("normal", "adenoma")
    long = tuple(f"{start} with probable bilateral pleural effusion, right" for start in "AB")
    matrix = np.array([[3, 1], [0, 2]])
    plain, numbered = (label_matrix(matrix, names) for names in (short, long))
    assert plain.layout.xaxis.ticktext == plain.layout.yaxis.ticktext == short
    assert numbered.layout.xaxis.ticktext == ("1", "2")
    assert numbered.layout.yaxis.ticktext == ("1  A with probable…usion, right", "2  B with probable…usion, right")
    assert numbered.data[0].y == long


def test_names_that_begin_alike_end_with_the_word_that_tells_them_apart():
    names = [f"Tubular adenoma with {grade}-grade dysplasia" for grade in ("low", "high")]
    names += [f"Sessile serrated lesion {has} dysplasia" for has in ("with", "without")]
    assert [charts.short_name(name, names) for name in names] == [
        "Tubular a…low-grade dysplasia",
        "Tubular…high-grade dysplasia",
        "Sessile serrat…with dysplasia",
        "Sessile ser…without dysplasia",
    ]
