"""The frame around every page: page settings, sidebar, error boundary. Started by `overread app`."""

from html import escape
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from overread_app import session
from overread_app.boundary import error_boundary, plain_text
from overread_app.components.language import keep_language, show_language
from overread_app.components.reader_name import change_reader, remember_owner
from overread_app.components.theme_watch import watch_theme
from overread_app.sign_in.page import OUT_PATH, PATH
from overread_app.theme import current_theme, page_style
from overread_app.words.catalogue import ENGLISH, Words

VIEWS = Path(__file__).parent / "views"
ICON = Path(__file__).parent / "icon.svg"
# The pages that speak the reader's language.
FOR_READING = ("Review", "Gallery")
# Images need the sidebar's place.
FOR_IMAGES = (*FOR_READING, "Adjudication")
FOR_OWNERS = ("Train", "Audit", "Export")
"""Where people sign in; they name paths of the server, or show what others decided."""
FOR_STUDIES = ("Review", "Gallery", "Insights", "Adjudication")
"""Empty for a reader who was given no study."""


def run() -> None:
    """Draw the frame, then the requested page inside the error boundary; to who is signed in, where that is asked."""
    # Before the navigation, which would have the browser fetch a page's icon for the tab from elsewhere.
    # Without a text of the app's own, Streamlit hides the menu, in which the theme is chosen.
    not_for_diagnosis = ENGLISH("frame.not_for_diagnosis")
    about = f"Overread: a second look at the labels of medical images. {not_for_diagnosis}."
    st.set_page_config(page_title="Overread", page_icon=str(ICON), layout="wide", menu_items={"About": about})
    pages = [
        st.Page(VIEWS / "studies.py", title="Studies", icon=":material/folder_open:", default=True),
        st.Page(VIEWS / "review.py", title="Review", icon=":material/visibility:"),
        st.Page(VIEWS / "gallery.py", title="Gallery", icon=":material/grid_view:"),
        st.Page(VIEWS / "train.py", title="Train", icon=":material/model_training:"),
        st.Page(VIEWS / "insights.py", title="Insights", icon=":material/query_stats:"),
        st.Page(VIEWS / "audit.py", title="Audit", icon=":material/verified:"),
        st.Page(VIEWS / "adjudication.py", title="Adjudication", icon=":material/balance:"),
        st.Page(VIEWS / "export.py", title="Export", icon=":material/ios_share:"),
        st.Page(VIEWS / "help.py", title="Help", icon=":material/help:"),
    ]
    if session.is_served() and session.signed_in() is None:
        show_signed_out(session.words())
        return
    page = st.navigation(pages, position="hidden")
    if not session.may_manage():
        pages = [page for page in pages if page.title not in FOR_OWNERS]
    st.set_page_config(initial_sidebar_state="collapsed" if page.title in FOR_IMAGES else 256)
    words = session.words() if page.title in FOR_READING else ENGLISH
    with st.sidebar, error_boundary(words):
        show_sidebar(pages, words)
        remember_owner()
        watch_theme()
        keep_language(words.language)
    st.html(page_style(current_theme()))
    show_not_for_diagnosis(words)
    with error_boundary(words):
        if page.title in FOR_OWNERS:
            session.require_management()
        if page.title in FOR_STUDIES:
            session.require_studies()
        page.run()


def show_sidebar(pages: list[Page], words: Words) -> None:
    """The app's name, the current study, the pages, the reader, and the language for reading."""
    st.markdown("### Overread")
    show_study_picker(words)
    for page in pages:
        st.page_link(page, width="stretch")
    show_reader(words)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(words("frame.not_for_diagnosis"), width="content")
        show_language()


def show_signed_out(words: Words) -> None:
    """The session has ended while the page was open."""
    st.navigation([st.Page(lambda: None, title="Overread")], position="hidden")
    st.html(page_style(current_theme()))
    st.title(words("sign_in.ended"))
    st.html(f'<a class="sign-out" href="{PATH}" target="_self">{escape(words("sign_in.again"))}</a>')
    show_not_for_diagnosis(words)


def show_not_for_diagnosis(words: Words) -> None:
    """In the bar above the page, where it takes no space and stays visible with the sidebar closed."""
    st.html(f'<p class="not-for-diagnosis">{words("frame.not_for_diagnosis")}</p>')


def show_study_picker(words: Words) -> None:
    """A menu of the studies that this server shows."""
    current = session.current_study()
    found = session.studies()
    if current is None:
        return
    paths = [study.path for study in found]
    names = {study.path: study.name for study in found}
    chosen = st.selectbox(words("frame.study"), paths, index=paths.index(current.path), format_func=names.__getitem__)
    if chosen != current.path:
        session.choose_study(chosen)
        st.rerun()


def show_reader(words: Words) -> None:
    """The reader's name, and a button to change it; the Review page asks for the name."""
    name = session.reader_name()
    if not name:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.markdown(f":small[:gray[{words('frame.reader')}]]  \n**{plain_text(name)}**", width="content")
        if session.is_served():
            st.html(
                f'<a class="sign-out" href="{OUT_PATH}" target="_self">{escape(words("sign_in.out"))}</a>',
                width="content",
            )
        elif st.button(words("frame.change"), type="tertiary", key="frame_change_reader"):
            change_reader()
            st.switch_page(VIEWS / "review.py")


run()
