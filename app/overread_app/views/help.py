"""The Help page: the documentation for readers, with contents, a search, and the way back to the tour."""

from itertools import groupby
from pathlib import Path

import streamlit as st

from overread.studies.run import find_runs
from overread_app import session
from overread_app.boundary import error_boundary, plain_text
from overread_app.components.wording import counted
from overread_app.help_pages import Section, find_sections, load_sections
from overread_app.reading.tour import ask_for_tour

WIDTH_PX = 800
"""A longer line is hard to read."""
REVIEW = Path(__file__).parent / "review.py"
STYLE = Path(__file__).parents[1] / "components" / "help.css"

TITLE = "Help"
SEARCH = "Search"
SEARCH_EXAMPLE = "For example: undo, duplicate, export"
CONTENTS = "Contents"
FOUND = "{sections} found."
NOTHING = "Nothing was found. Try another word, or fewer."
TOUR = "Start the tour"
TOUR_TEXT = "A tour of the Review page in five steps, on the demo if it is here."


def show_page() -> None:
    st.html(STYLE)
    sections = load_sections()
    contents, text = st.columns([1, 3], gap="large")
    with text.container(width=WIDTH_PX):
        st.title(TITLE, anchor="help")
        query = st.text_input(SEARCH, placeholder=SEARCH_EXAMPLE, key="help_search").strip()
        shown = find_sections(sections, query) if query else sections
        if query:
            st.caption(FOUND.format(sections=counted(len(shown), "section")) if shown else NOTHING)
            for section in shown:
                show_section(section, caption=section.page_title)
        else:
            for page, of_page in groupby(shown, key=lambda section: section.page):
                show_document(page, list(of_page))
    with contents, st.container(key="help_contents"):
        show_tour_button()
        show_contents(shown)


def show_document(page: str, sections: list[Section]) -> None:
    """A whole page of the documentation."""
    st.header(sections[0].page_title, anchor=page, divider="gray")
    for section in sections:
        if section.title == section.page_title:
            st.markdown(section.text)
        else:
            show_section(section)


def show_section(section: Section, *, caption: str = "") -> None:
    st.subheader(section.title, anchor=section.anchor)
    if caption and caption != section.title:
        st.caption(plain_text(caption))
    st.markdown(section.text)


def show_contents(sections: list[Section]) -> None:
    """Links to the sections."""
    st.markdown(f"**{CONTENTS}**")
    for page, of_page in groupby(sections, key=lambda section: section.page):
        listed = list(of_page)
        lines = [f"[{plain_text(listed[0].page_title)}](#{page})"]
        lines += [f"- [{plain_text(each.title)}](#{each.anchor})" for each in listed if each.title != each.page_title]
        st.markdown("\n".join(lines))


def show_tour_button() -> None:
    """Start the tour, on a demo study if there is one with a run; nothing where no study could show it."""
    ready = [study for study in session.studies() if any(run.is_finished for run in find_runs(study))]
    if not ready:
        return
    if st.button(TOUR, key="help_tour", help=TOUR_TEXT, width="stretch"):
        demo = next((study for study in ready if study.is_demo), None)
        if demo is not None:
            session.choose_study(demo.path)
        ask_for_tour()
        st.switch_page(REVIEW)


with error_boundary():
    show_page()
