"""What a page may read: nothing but what lies below the owner's folders, whatever is typed into the form."""

import os
from pathlib import Path

import pytest

from app import processes
from app.roots import OUTSIDE, is_readable
from tests.app.conftest import page_text

SECRET = "db:5432:app:user:hunter2"


@pytest.fixture
def outside(tmp_path_factory):
    """A folder that is no root, with a password file and a table in it."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "pgpass").write_text(f"{SECRET}\n")
    (folder / "labels.csv").write_text(f"image,{SECRET}\na.png,x\n")
    return folder


@pytest.fixture
def form(app, made_study, tmp_path, monkeypatch):
    """Fills in the form's source; returns what the page then says."""
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(processes, "DATA_PATH", tmp_path / "data")

    def fill(source, **fields):
        app.run()
        for key, value in {"source": str(source), **fields}.items():
            widgets = {widget.key: widget for widget in (*app.text_input, *app.selectbox)}
            if f"studies_form_0_{key}" in widgets:
                widgets[f"studies_form_0_{key}"].set_value(value).run()
        button = app.button("studies_form_0_import")
        if not button.disabled:
            button.click().run()
            if "session_import_process" in app.session_state:
                app.session_state["session_import_process"].wait(timeout=60)
                app.run()
        assert not app.exception
        options = [option for box in (*app.selectbox, *app.multiselect) for option in box.options]
        return page_text(app) + "\n".join(map(str, options))

    return fill


@pytest.mark.parametrize("kind", ["file", "table", "folder", "link", "dots", "linked folder", "linked table", "absent"])
def test_nothing_outside_of_the_roots_is_read_and_nothing_says_whether_it_is_there(form, outside, tmp_path, kind):
    inside = tmp_path / "films"
    inside.mkdir()
    source = {
        "file": outside / "pgpass",
        "table": outside / "labels.csv",
        "folder": outside,
        "link": inside / "link.csv",
        "dots": Path(os.path.relpath(outside / "labels.csv", tmp_path)),
        "linked folder": tmp_path / "linked",
        "linked table": inside,
        "absent": outside / "absent.csv",
    }[kind]
    if kind in ("link", "linked table"):
        (inside / "link.csv").symlink_to(outside / "labels.csv")
    if kind == "linked folder":
        source.symlink_to(outside)
    if kind == "dots":
        source = tmp_path / source
    said = form(source)
    assert "hunter2" not in said
    assert OUTSIDE[:60] in said
    assert not list((tmp_path / "data").iterdir())


@pytest.mark.parametrize("labels", ["../outside-labels.csv", "link.csv"])
def test_a_labels_file_that_leads_out_of_the_roots_is_refused(form, outside, tmp_path, labels):
    inside = tmp_path / "films"
    inside.mkdir()
    (inside / "link.csv").symlink_to(outside / "labels.csv")
    said = form(inside, labels=labels)
    assert "hunter2" not in said


def test_what_is_refused_is_said_without_the_cells_of_a_file_that_is_no_study_yet(form, tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "labels.csv").write_text("image,Frau Mustermann\na.png,Herr Doe\n")
    said = form(folder, label="Frau Mustermann")
    warning = said[said.index("labels") :]
    assert "Herr Doe" not in warning
    assert str(tmp_path) not in said


def test_a_root_is_what_lies_below_it_and_not_beside(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_ROOTS", f'["{tmp_path}/a"]')
    assert is_readable(tmp_path / "a" / "b" / ".." / "c")
    assert not is_readable(tmp_path / "ab")
    assert not is_readable(tmp_path / "a" / ".." / "b")
    loop = tmp_path / "a"
    loop.symlink_to(loop)
    assert not is_readable(loop / "x") or not loop.exists()
