"""What a page may read: nothing but what lies below the owner's folders, whatever is typed into the form."""

import json
import os
import pickle
from pathlib import Path

import pytest

from overread.errors import UserError
from overread.review.places import EPHEMERAL_VARIABLE
from overread.sources.import_roots import LINK_LEADS_OUT, OUTSIDE
from overread_app import processes, start
from overread_app.processes import OWNER_VARIABLE, STUDIES_VARIABLE
from overread_app.readable_roots import NOT_WHOLE, ROOTS_VARIABLE, is_readable, typed_path
from tests.app.conftest import page_text, wait_for_import
from tests.app.made_study import write_study
from tests.app.test_start import free_port
from tests.core.commands import run_command
from tests.paths import ROOT

SECRET = "db:5432:app:user:hunter2"


@pytest.fixture
def outside(tmp_path_factory):
    """A folder that is no root, with a password file and a table in it."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "pgpass").write_text(f"{SECRET}\n")
    (folder / "labels.csv").write_text(f"image,{SECRET}\na.png,x\n")
    return folder


class Import:
    """An import that the form has started, in this process and not before it is waited for: there are many here, and
    tests/app/test_studies.py starts them as they are."""

    def __init__(self, arguments, *, log, actor, scratch):
        self.arguments, self.log, self.returncode = arguments, log, None

    def poll(self):
        return self.returncode

    def wait(self, timeout):
        ended = run_command("import", *self.arguments, "--json")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_text(ended.out + ended.err)
        self.returncode = ended.status


@pytest.fixture
def form(app, made_study, tmp_path, monkeypatch):
    """Fills in the form's source; returns what the page then says."""
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(processes, "start_import", Import)
    monkeypatch.setattr(processes, "DATA_PATH", tmp_path / "data")

    def fill(source, **fields):
        app.run()
        for key, value in {"source": str(source), **fields}.items():
            widgets = {widget.key: widget for widget in (*app.text_input, *app.selectbox)}
            if f"studies_form_0_{key}" in widgets:
                widgets[f"studies_form_0_{key}"].set_value(str(value)).run()
        button = app.button("studies_form_0_import")
        if not button.disabled:
            button.click().run()
            if "session_import_process" in app.session_state:
                wait_for_import(app)
                app.run()
        assert not app.exception
        options = [option for box in (*app.selectbox, *app.multiselect) for option in box.options]
        return page_text(app) + "\n".join(map(str, options))

    fill.app = app
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
    assert (LINK_LEADS_OUT if kind == "linked table" else OUTSIDE)[:40] in said
    assert not list((tmp_path / "data").iterdir())


@pytest.mark.parametrize("start", ["source", "project", "root"])
@pytest.mark.parametrize(("layout", "name"), [("csv", "labels.csv"), ("csv", "absent"), ("dicom", "pgpass"),
                                              ("label-studio", "labels.csv"), ("cifar", "pgpass")])  # fmt: skip
def test_a_labels_file_that_leads_out_of_the_roots_is_refused(form, outside, tmp_path, start, layout, name):
    inside = tmp_path / "films" / "a" / "b" / "c" / "d" / "e" / "f" / "g" / "h"
    inside.mkdir(parents=True)
    # The import runs in the project's folder: from there, too, a relative path must not lead out.
    origin = {"source": inside, "project": ROOT, "root": ""}[start]
    place = os.path.relpath(outside / name, origin) if origin else outside / name
    said = form(inside, format=layout, labels=place)
    assert "hunter2" not in said
    # Below the source there is no file of that name, and the one that it leads to from the project is not looked at.
    assert ("There is no such labels file" if start == "project" else OUTSIDE[:40]) in said
    assert not list((tmp_path / "data").iterdir())


def test_labels_of_people_outside_of_the_roots_are_not_opened(form, outside, tmp_path):
    (outside / "human.npy").write_bytes(pickle.dumps({"hunter2_label": [0], "other": [1]}))
    (tmp_path / "batches").mkdir()
    said = form(tmp_path / "batches", format="cifar", labels=outside / "human.npy")
    assert "hunter2" not in said
    assert OUTSIDE[:40] in said


def test_what_is_refused_is_said_without_the_cells_of_a_file_that_is_no_study_yet(form, tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "labels.csv").write_text("image,Frau Mustermann\na.png,Herr Doe\n")
    app = form.app
    form(folder, image="image", label="Frau Mustermann")
    (warning,) = app.warning
    assert warning.value.startswith("The columns, rows or labels of the source are not as expected")
    assert "Run the same import in a terminal" in warning.value
    assert not any(word in warning.value for word in ("Mustermann", "Doe", str(tmp_path)))


@pytest.mark.parametrize("first_line", ["db:5432:app:user:hunter2", "hunter2,x", "hunter2"])
def test_the_first_line_of_a_text_that_is_no_table_stands_on_no_page(form, tmp_path, first_line):
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "notes").write_text(f"{first_line}\nmore\n")
    (folder / "one.csv").write_text(f"{first_line.replace(',', ' ')}\nmore\n")
    for source, labels in ((folder / "notes", ""), (folder / "one.csv", ""), (folder, "one.csv"), (folder, "notes")):
        assert "hunter2" not in form(source, format="csv", labels=labels)


def test_a_url_and_a_home_of_somebody_else_are_refused_before_anything_is_asked(tmp_path, monkeypatch):
    monkeypatch.setenv(ROOTS_VARIABLE, json.dumps([str(tmp_path)]))
    for text in ("file:///etc/passwd", "https://host/labels.csv", "~root/x", "~nobody-of-this-name/x", "labels.csv"):
        with pytest.raises(UserError) as caught:
            typed_path(text)
        assert str(caught.value) == NOT_WHOLE


def test_the_home_is_spelled_as_everywhere(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(ROOTS_VARIABLE, json.dumps([str(tmp_path / "data")]))
    assert typed_path("~/data/x.csv") == tmp_path / "data" / "x.csv"
    assert typed_path("x.csv", tmp_path / "data") == tmp_path / "data" / "x.csv"


def started_with(monkeypatch, *arguments: object) -> list[str]:
    """The roots that a start with these arguments hands to the pages."""
    monkeypatch.setattr(start, "_serve", lambda place, provider: None)
    monkeypatch.setattr(start, "_announce", lambda *_: None)
    monkeypatch.setattr(start, "is_demo_complete", lambda: True)
    for name in (ROOTS_VARIABLE, STUDIES_VARIABLE, OWNER_VARIABLE, EPHEMERAL_VARIABLE):
        monkeypatch.setenv(name, "")
    monkeypatch.delenv(OWNER_VARIABLE)
    assert start.main([*map(str, arguments), "--port", str(free_port()), "--no-browser"]) == 0
    return json.loads(os.environ[ROOTS_VARIABLE])


def test_a_start_hands_the_roots_to_the_pages(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    defaults = [str(processes.DATA_PATH), str(tmp_path / "data")]
    assert started_with(monkeypatch) == defaults
    study = write_study(tmp_path / "odd: place")
    own = [str(study.path), study.source_root]
    assert started_with(monkeypatch, study.path, "--ephemeral") == defaults + own
    assert json.loads(os.environ[STUDIES_VARIABLE]) == [str(study.path)]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "c").symlink_to(tmp_path / "b")
    named = ("--root", tmp_path / "a", "--root", tmp_path / "c")
    assert started_with(monkeypatch, *named) == [str(tmp_path / "a"), str(tmp_path / "b")]


def test_a_root_that_is_no_folder_is_refused_at_the_start(tmp_path, capsys):
    assert start.main(["--root", str(tmp_path / "absent")]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_a_root_is_what_lies_below_it_and_not_beside(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_ROOTS", f'["{tmp_path}/a"]')
    assert is_readable(tmp_path / "a" / "b" / ".." / "c")
    assert not is_readable(tmp_path / "ab")
    assert not is_readable(tmp_path / "a" / ".." / "b")
    loop = tmp_path / "a"
    loop.symlink_to(loop)
    assert not is_readable(loop / "x") or not loop.exists()
