"""Classes and studies may be called anything: what the pages hand to Streamlit never lets a name be more than text."""

import json
import re

import pytest

from overread_app.boundary import plain_text
from overread_app.processes import STUDIES_VARIABLE
from tests.app.conftest import open_page
from tests.app.made_study import ODD_CLASSES, write_study

PLAIN = {"selectbox": ("options",), "text_input": ("value",)}
"""Fields of elements that Streamlit shows as they are."""


@pytest.fixture
def odd_study(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.app.made_study.CLASSES", ODD_CLASSES)
    monkeypatch.delenv("OVERREAD_DATABASE", raising=False)
    study = write_study(tmp_path, name=":material/home: http://example.com", num_samples=96)
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(study.path)]))
    return study


def elements(block):
    for child in block.children.values():
        yield child
        if hasattr(child, "children"):
            yield from elements(child)


def strings(message, skipped=()):
    """All texts in a message of Streamlit's protocol, whatever field they stand in."""
    for field, value in message.ListFields():
        if field.name in (*skipped, "id"):
            continue
        for part in value if not isinstance(value, str | bytes) and hasattr(value, "__iter__") else [value]:
            if isinstance(part, str):
                yield part
            elif hasattr(part, "ListFields"):
                yield from strings(part, skipped)


def read_page(app, name):
    """What a page hands over: texts that are read as Markdown, HTML, and what Plotly draws."""
    open_page(app, name, reader="www.reader.com")
    assert not app.exception
    markdown, html, charts = [], [], []
    for element in [*elements(app.main), *elements(app.sidebar)]:
        if element.type == "html":
            html.append(element.proto.body)
        elif element.type == "plotly_chart":
            charts.append(json.loads(element.proto.spec))
        elif element.proto is not None and element.type != "bidi_component":  # code of ours, and data for it
            markdown += strings(element.proto, PLAIN.get(element.type, ()))
    return markdown, html, charts


@pytest.mark.parametrize("page", ["studies", "review", "train", "insights", "export"])
def test_no_text_of_a_page_holds_a_name_as_it_is(app, odd_study, page):
    markdown, html, _ = read_page(app, page)
    names = [odd_study.name, "www.reader.com", *ODD_CLASSES]
    assert [text for text in markdown for name in names if re.search(rf"(?<!\\){re.escape(name)}", text)] == []
    assert [text for text in html for name in names if "<" in name and name in text] == []
    shown = "\n".join(markdown)
    assert plain_text(odd_study.name) in shown or page == "review"
    classes = ODD_CLASSES if page == "studies" else ()  # those of Review are text of the component
    assert [name for name in classes if plain_text(name) not in shown] == []


@pytest.mark.parametrize(("page", "num_charts"), [("studies", 1), ("insights", 5)])
def test_no_chart_holds_a_tag_or_a_place_for_a_value_out_of_a_name(app, odd_study, page, num_charts):
    _, _, charts = read_page(app, page)
    texts = [text for chart in charts for text in values(chart["data"])]
    texts += [text for chart in charts for text in values(chart["layout"].get("annotations", []))]
    assert len(charts) >= num_charts
    assert any("&lt;b&gt;x&lt;/b&gt;" in text for text in texts)
    tags = {tag for text in texts for tag in re.findall("<[^>]*>?", text)}
    assert tags <= {"<br>", "<extra>", "</extra>"}
    assert [text for text in texts if "%{y} `c`" in text] == []


def values(part):
    """The strings in plain data, at any depth."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from values(inner)


def test_plain_text_takes_nothing_away_that_can_be_seen():
    words = [
        *ODD_CLASSES,
        "normal",
        "NOT--so",
        "5 - 3 = 2",
        "03:04",
        "x <= 3",
        "a_b",
        "病理: été",
        "C:\\scans",
        "--labels FILE",
    ]
    for word in words:
        shown = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", plain_text(word))  # as CommonMark takes escapes back
        assert shown.replace("\u2060", "") == word
    assert plain_text("two\r\n lines") == "two lines"
    assert "\u2060" not in plain_text("normal, 03:04, --labels FILE, a: b, 5 - 3, WWW")
