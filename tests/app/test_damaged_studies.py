"""A damaged study is listed as one that cannot be opened; the other one works, and no page names a path."""

import json
import shutil

import pytest

from overread.pipeline.study_ledger import open_ledger
from overread.records import Reading
from overread_app.boundary import without_paths
from overread_app.processes import STUDIES_VARIABLE
from tests.app.conftest import open_page, page_text
from tests.app.made_study import RUN, write_study

PAGES = ("studies", "review", "train", "insights", "export")


def edited(**changes):
    def edit(path):
        fields = json.loads(path.read_text())
        for name, value in changes.items():
            if value is KeyError:
                del fields[name]
            else:
                fields[name] = value
        path.write_text(json.dumps(fields))

    return edit


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def as_folder(path):
    path.unlink()
    path.mkdir()


def garbage(path):
    path.write_bytes(b"\xff\x00\xfe garbage" * 50)


DAMAGES = [
    *((f"study.json {name}", "study.json", damage) for name, damage in {
        "emptied": lambda path: path.write_text(""), "cut": cut, "a list": lambda path: path.write_text("[]"),
        "null": lambda path: path.write_text("null"), "garbage": garbage, "a folder": as_folder,
        "without classes": edited(classes=KeyError), "without a name": edited(name=KeyError),
        "classes null": edited(classes=None), "classes a number": edited(classes=3), "a field more": edited(more=1),
        "source null": edited(source_root=None), "version null": edited(schema_version=None),
    }.items()),
    *((f"{file} {name}", file, damage)
      for file in ("samples.csv", "source.csv", "quarantine.csv", f"runs/{RUN}/config.json", f"runs/{RUN}/scores.csv",
                   f"runs/{RUN}/choice.json", "review.db", "ledger.json", "key")
      for name, damage in {"cut": cut, "garbage": garbage, "a folder": as_folder,
                           "gone": lambda path: path.unlink()}.items()),
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Two studies that somebody has begun to read."""
    folder = tmp_path_factory.mktemp("Dr: Mustermann's films")
    first, second = (write_study(folder / name, name=name.title(), num_samples=12) for name in ("damaged", "good"))
    for study in (first, second):
        (study.runs_path / RUN / "choice.json").write_text('{"is_used": true}')
        scores = study.samples()
        open_ledger(study).record_reading(Reading(scores["sample_id"][0], "Ada", "normal", "k"))
        open_ledger(study)
    return folder


@pytest.mark.parametrize(("file", "damage"), [case[1:] for case in DAMAGES], ids=[case[0] for case in DAMAGES])
def test_one_damaged_study_takes_nothing_else_down(app, whole, tmp_path, monkeypatch, file, damage):
    folder = tmp_path / "Dr: Mustermann's films"
    shutil.copytree(whole, folder)
    damage(folder / "damaged" / "study" / file)
    paths = [str(folder / name / "study") for name in ("damaged", "good")]
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps(paths))
    monkeypatch.delenv("OVERREAD_DATABASE", raising=False)
    for page in PAGES:
        open_page(app, page, reader="Ada")
        text = page_text(app)
        assert not app.exception
        assert "Mustermann" not in text
        assert str(tmp_path) not in text
        assert "What was saved is safe" not in text
        if page == "studies":
            cards = {heading.value for heading in app.header}
            assert "Good" in cards
            is_opened = "Damaged" in cards
            assert is_opened != ("**Damaged cannot be opened" in text or "**study cannot be opened" in text)
    look_at_the_good_one(app, folder, ["Damaged", "Good"] if is_opened else ["Good"], ["export"])


def look_at_the_good_one(app, folder, options, pages):
    """What these pages show of it, where those studies may be picked."""
    app.query_params.clear()
    app.session_state["session_study"] = (folder / "good" / "study").resolve()
    for page in pages:
        app.switch_page(f"views/{page}.py").run()
        assert not app.exception
        assert not app.error
        assert not app.warning
        (picker,) = [box for box in app.selectbox if box.label == "Study"]
        assert picker.value == (folder / "good" / "study").resolve()
        assert picker.options == options
    assert "The cleaned table of Good" in page_text(app)


def test_no_page_of_a_study_minds_that_others_are_damaged_each_in_another_file(app, whole, tmp_path, monkeypatch):
    folder = tmp_path / "films"
    shutil.copytree(whole, folder)
    paths = [folder / "good" / "study"]
    for number, (_, file, damage) in enumerate(case for case in DAMAGES if case[0].endswith(("cut", "a folder"))):
        paths.append(shutil.copytree(folder / "damaged", folder / str(number)) / "study")
        damage(paths[-1] / file)
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps(list(map(str, paths))))
    monkeypatch.delenv("OVERREAD_DATABASE", raising=False)
    open_page(app, "studies", reader="Ada")
    opened = [heading.value for heading in app.header if heading.value in ("Damaged", "Good")]
    look_at_the_good_one(app, folder, opened, PAGES[1:])


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("/srv/films/study/samples.csv: was cut", "samples.csv: was cut"),
        ("/srv/films/study: is gone; `overread restore FILE --study /srv/films/study`",
         "study: is gone; `overread restore FILE --study STUDY`"),
        ("/srv/films/study: train it with `overread train '/srv/films/study' --resume`",
         "study: train it with `overread train 'STUDY' --resume`"),
        ("/srv/Dr. Doe: films/one: is busy", "one: is busy"),
        ("/srv/films/study/runs/doe/odd file.txt: was cut", "the study's files: was cut"),
        ("/srv/films/study2: is gone", "…: is gone"),
        ("/home/x/doe.png: no image", "…: no image"),
        ("/home/x/Doe, Jane 3/doe jane.png row 3: no image", "… row 3: no image"),
        ("cannot write '/home/Jane Doe/x' (no room); free some", "cannot write '…' (no room); free some"),
        ("look (in /home/jane/doe.csv), then in ~/doe.", "look (in …), then in …."),
        ("sqlite:////srv/films/study/review.db is locked; s3://doe/jane.png: gone", "review.db is locked; …: gone"),
        ("give 1/2 and/or train/val; 3 / 4 of text/plain", "give 1/2 and/or train/val; 3 / 4 of text/plain"),
        ("two\n/home/doe\nlines", "two\n…\nlines"),
    ],
)  # fmt: skip
def test_messages_lose_their_paths_and_stay_sentences(monkeypatch, message, shown):
    monkeypatch.setenv(STUDIES_VARIABLE, '["/srv/films/study", "/srv/Dr. Doe: films/one"]')
    assert without_paths(message) == shown


def test_two_damaged_studies_whose_folders_have_one_name_are_both_listed(app, whole, tmp_path, monkeypatch):
    folder = tmp_path / "both"
    shutil.copytree(whole, folder)
    (folder / "good" / "study" / "key").unlink()
    (folder / "damaged" / "study" / "study.json").unlink()
    paths = [str(folder / name / "study") for name in ("damaged", "good")]
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps(paths))
    text = page_text(open_page(app, "studies"))
    assert "**study cannot be opened.**" in text
    assert "**Good cannot be opened.**" in text
    assert "key: is missing" in text.replace("\\", "")


def test_whatever_else_an_opening_fails_of_is_said_by_its_kind_alone(app, made_study, monkeypatch):
    from overread_app import session

    def fail(path):
        raise RecursionError("Mustermann")

    monkeypatch.setattr(session, "open_study", fail)
    text = page_text(open_page(app, "studies"))
    assert not app.exception
    assert "Colon tiles cannot be opened" in text
    assert "RecursionError" in text
    assert "Mustermann" not in text
