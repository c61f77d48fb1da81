"""A study to look at, and the app opened on it from its entry file."""

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest

from overread.studies.study import Study
from overread_app.processes import STUDIES_VARIABLE
from overread_app.readable_roots import ROOTS_VARIABLE
from tests.app.made_study import write_study
from tests.paths import ENTRY

WORDS = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error")


@pytest.fixture(scope="session", autouse=True)
def quick_app_tests() -> Iterator[None]:
    """Each AppTest would search all installed packages for components, and compile its pages at each run."""
    with pytest.MonkeyPatch.context() as patch:
        scan = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        patch.setattr(ScriptCache, "get_bytecode", staticmethod(ScriptCache().get_bytecode))
        yield


@pytest.fixture
def made_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study with a finished run, the only one that the app shows."""
    study = write_study(tmp_path)
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(study.path)]))
    monkeypatch.setenv(ROOTS_VARIABLE, json.dumps([str(tmp_path)]))
    monkeypatch.delenv("OVERREAD_DATABASE", raising=False)
    return study


@pytest.fixture
def app() -> AppTest:
    """The app from its entry file, not yet run."""
    st.cache_data.clear()
    st.cache_resource.clear()
    return AppTest.from_file(str(ENTRY), default_timeout=30)


def open_page(app: AppTest, name: str, *, reader: str = "", is_owner: bool = True) -> AppTest:
    """The app on one of its pages; with a reader, as if the Review page had asked for the name."""
    app.session_state["session_is_owner"] = is_owner
    if reader:
        app.session_state["session_reader"] = reader
    return app.switch_page(f"views/{name}.py").run()


def refuse(error: Exception) -> Callable[..., None]:
    """A function that raises that error, in place of one that would do something."""

    def raising(*_: object, **__: object) -> None:
        raise error

    return raising


def press(app: AppTest, label: str) -> AppTest:
    """Press the button that begins with this label."""
    next(button for button in app.button if button.label.replace("\\", "").startswith(label)).click()
    return app.run()


def wait_for_import(app: AppTest) -> None:
    """Wait for the import that the page has started; it may have ended while the page was drawn."""
    process = app.session_state["session_import_process"]
    if process is not None:
        process.wait(timeout=60)


def page_text(app: AppTest) -> str:
    """Everything that a page says in words and in tables."""
    texts = [element.value for kind in WORDS for element in app.get(kind)]
    texts += [f"{metric.label}: {metric.value}" for metric in app.metric]
    texts += [button.label for button in app.button]
    texts += [f"{bar.proto.text} {bar.proto.value}" for bar in app.get("progress")]
    tables = [element.value.to_string() for element in app.dataframe]
    return "\n".join([*texts, *tables, *(element.proto.body for element in app.get("html"))])


def has_component(app: AppTest) -> bool:
    """Whether the page shows the reading component, which holds the sample."""
    return any(element.proto.component_name == "overread_reading" for element in app.get("bidi_component"))
