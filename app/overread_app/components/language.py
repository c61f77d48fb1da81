"""The language of the pages for reading: the browser's own, or the one that its reader chose, which it remembers."""

from pathlib import Path

import streamlit as st

from overread_app import session
from overread_app.words.catalogue import LANGUAGE_COOKIE, LANGUAGES

_language = st.components.v2.component("overread_language", js=(Path(__file__).parent / "language.js").read_text())


def show_language() -> None:
    """A button for each other language of the catalogue, which names itself."""
    current = session.words().language
    for language, name in LANGUAGES.items():
        if language != current:
            key = f"frame_language_{language}"
            st.button(name, key=key, type="tertiary", on_click=session.choose_language, args=(language,))


def keep_language(language: str) -> None:
    """Tell the browser the language of this page, and which one its reader chose. language: of the page."""
    data = {"page": language, "cookie": LANGUAGE_COOKIE, "chosen": session.chosen_language()}
    _language(key="frame_language", data=data)
