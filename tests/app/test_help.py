"""The Help page: what it shows of core/docs, its contents and its search."""

import re

import pytest

from overread_app import help_pages
from overread_app.components.scorer_votes import VIEWS
from overread_app.components.verdict_words import offered_verdicts
from overread_app.help_pages import NAMES, find_sections, load_sections, split_page
from overread_app.words.catalogue import ENGLISH
from tests.app.conftest import open_page, page_text
from tests.paths import ROOT

DOCS = ROOT / "core" / "docs"


def test_the_guide_names_every_key_of_the_review_page():
    keys = {verdict["key"] for verdict in offered_verdicts(ENGLISH)} | {"U"}
    rows = re.findall(r"^\| ([A-Z]) \|", (DOCS / "guide.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(keys) == 6
    assert keys <= set(rows)


def test_the_scores_page_names_every_check_that_a_reader_sees():
    text = (DOCS / "scores.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| ([A-Z][a-z ]+) \|", text, flags=re.MULTILINE)) == {
        ENGLISH(f"evidence.{view}") for view in VIEWS.values()
    }


def test_sections_hold_all_that_the_documents_say():
    sections = load_sections()
    for name in NAMES:
        text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
        words = re.findall(r"\w{4,}", re.sub(r"\]\([^)]*\)", "]", text))
        shown = " ".join(f"{s.page_title} {s.title} {s.text}" for s in sections if s.page == name)
        assert set(words) <= set(re.findall(r"\w{4,}", shown))
        assert sum(s.page == name for s in sections) >= len(re.findall(r"^## ", text, flags=re.MULTILINE))


def test_anchors_are_unique_and_every_link_leads_to_one_or_to_the_web():
    sections = load_sections()
    anchors = [section.anchor for section in sections]
    assert len(set(anchors)) == len(anchors)
    targets = {target for s in sections for target in re.findall(r"\]\(([^)]+)\)", s.text)}
    assert targets
    assert all(target.startswith("https://") or target.removeprefix("#") in NAMES for target in targets)


def test_a_heading_within_code_begins_no_section_and_its_brackets_are_no_link():
    code = "```\n## not a heading\nx[0](method.md)\n```"
    page = f"# T\n\nintro\n\n## One\n\n{code}\n\n[see](method.md) [else](other.md)\n"
    intro, one = split_page("guide", page)
    assert (intro.title, intro.text, one.title) == ("T", "intro", "One")
    assert code in one.text
    assert one.text.endswith("[see](#method) else")
    with pytest.raises(ValueError, match=r"guide\.md does not begin with a title"):
        split_page("guide", "no title")


def test_the_search_finds_sections_with_every_word_and_titles_first():
    sections = load_sections()
    found = find_sections(sections, "Wrong KEY")
    assert found[0].title == "I pressed the wrong key. What now?"
    assert all("wrong" in f"{s.title} {s.text}".lower() and "key" in f"{s.title} {s.text}".lower() for s in found)
    assert find_sections(sections, "no-such-word") == []


def test_a_wheels_own_copy_is_shown_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr(help_pages, "PACKAGE", tmp_path)
    (tmp_path / "docs").mkdir()
    assert help_pages.docs_folder() == tmp_path / "docs"


def test_the_help_page_shows_the_documents_with_contents(app, made_study):
    open_page(app, "help")
    text = page_text(app)
    assert "A change to the proposed label" in " ".join(text.replace("|", " ").split())
    assert "What the scores mean" in text
    assert "(#questions-can-i-stop-in-the-middle)" in text


def test_the_help_page_is_searched(app, made_study):
    open_page(app, "help")
    app.text_input("help_search").set_value("stop in the middle").run()
    titles = [each.value for each in app.subheader]
    assert titles[0] == "Can I stop in the middle?"
    assert len(titles) < 5
    app.text_input("help_search").set_value("xyzzy").run()
    assert "Nothing was found." in page_text(app)


def test_the_tour_is_asked_for_here_and_shown_on_the_review_page(app, made_study):
    open_page(app, "help", reader="Dr. Doe")
    assert "session_tour_asked" not in app.session_state
    app.button("help_tour").click().run()
    first = app.session_state["session_tour_asked"]
    assert 0 < first < 2**53
    open_page(app, "help", reader="Dr. Doe")
    app.button("help_tour").click().run()
    assert app.session_state["session_tour_asked"] != first
