"""The Studies page, driven from the entry file."""

import json
import pickle
import zipfile

import numpy as np
import pytest
from PIL import Image

from overread.images.cache.cache_build import build_cache
from overread.pipeline.study_ledger import open_ledger
from overread.sources.registry import FORMATS
from overread.studies.earlier_decoding import DECODED_EARLIER
from overread.studies.study import open_study
from overread_app import processes
from overread_app.boundary import plain_text
from overread_app.processes import STUDIES_VARIABLE
from overread_app.session import study_address
from overread_app.words.catalogue import ENGLISH
from tests.app.conftest import open_page, page_text, wait_for_import
from tests.app.made_study import write_study
from tests.app.verdicts import verdicts
from tests.core.images.cache.cached_images import decode_as_earlier


def test_a_card_gives_the_study_s_numbers(app, made_study):
    text = page_text(app.run())
    assert "48 images · 3 classes · 2 rows left out" in text
    assert "adenoma **16** · normal **16** · serrated **16**" in text
    assert "**8 proposals**" in text


def test_progress_counts_the_reader_s_own_verdicts_alone(app, made_study):
    ledger = open_ledger(made_study)
    for verdict in verdicts(made_study, reader="Ada", number=3) + verdicts(made_study, reader="Ben", number=5):
        assert ledger.record(verdict)
    app.session_state["session_reader"] = "Ada"
    text = page_text(app.run())
    assert "**8 proposals** · 3 reviewed by you" in text
    assert "Ben" not in text


def test_rows_left_out_show_their_number_and_reason(app, made_study):
    app.run()
    table = app.dataframe[0].value
    assert list(table.columns) == ["Source row", "Reason"]
    assert table["Source row"].tolist() == ["50", "51"]


def test_a_retrained_study_is_shown_anew(app, made_study):
    app.run()
    path = next(made_study.runs_path.iterdir()) / "scores.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line.replace(",true,", ",false,") for line in lines))
    assert "**0 proposals**" in page_text(app.run())


def test_review_chooses_the_study_of_its_card(app, made_study, tmp_path, monkeypatch):
    other = write_study(tmp_path / "other", name="Chest films", num_samples=12, seed=1)
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(made_study.path), str(other.path)]))
    app.run()
    app.button(f"studies_review_{study_address(other.path.resolve())}").click().run()
    assert not app.error
    assert app.session_state["session_study"] == other.path.resolve()


def test_the_demo_s_progress_is_read_from_its_files(tmp_path):
    assert processes.demo_progress(tmp_path) == (0.0, "Starting", None)
    steps = [{"event": "step", "message": "Drawing the tiles", "fraction": 0.1}]
    (tmp_path / "progress.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps) + '{"event": "st')
    assert processes.demo_progress(tmp_path) == (0.1, "Drawing the tiles", None)
    run = tmp_path / "tiles" / "runs" / "one"
    run.mkdir(parents=True)
    (run / "progress.jsonl").write_text('{"event": "epoch", "remaining_s": 42.0}\n')
    assert processes.demo_progress(tmp_path) == (0.1, "Drawing the tiles", 42.0)


def test_the_demo_counts_as_complete_once_both_studies_have_a_finished_run(tmp_path):
    for name in processes.DEMO_NAMES:
        assert not processes.is_demo_complete(tmp_path)
        study = write_study(tmp_path / name)
        study.path.rename(tmp_path / f"{name}-moved")
        (tmp_path / name).rename(tmp_path / f"{name}-images")
        (tmp_path / f"{name}-moved").rename(tmp_path / name)
    assert processes.is_demo_complete(tmp_path)


def test_one_process_at_a_time_builds_the_demo(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "COMMANDS_PATH", tmp_path)  # where `overread` stands for a program that just waits
    (tmp_path / "overread.py").write_text("import sys, time\nprint(sys.argv[1:])\ntime.sleep(1)\n")
    folder = tmp_path / "demo"
    assert not processes.is_demo_running(folder)
    process = processes.start_demo(folder)
    assert processes.is_demo_running(folder)
    assert processes.start_demo(folder) is None
    assert process.wait(timeout=20) == 0
    assert not processes.is_demo_running(folder)
    assert processes.last_line(folder / "build.log") == str(["demo", "--out", str(folder), "--json"])


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    """Where new studies go."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setattr(processes, "DATA_PATH", folder)
    return folder


def fill_in(app, source, **fields) -> None:
    """Fill in the form: the source, and then other fields by their keys."""
    app.run()
    for key, value in {"source": str(source), **fields}.items():
        widgets = {widget.key: widget for widget in (*app.text_input, *app.selectbox)}
        widgets[f"studies_form_0_{key}"].set_value(value).run()


def import_source(app, source, **fields) -> None:
    """Fill in the form, start the import, and wait for what comes of it."""
    fill_in(app, source, **fields)
    app.button("studies_form_0_import").click().run()
    assert not app.error
    wait_for_import(app)
    app.run()


def test_a_folder_becomes_a_study_with_its_bad_rows_counted(app, made_study, tmp_path, data_folder):
    source = tmp_path / "Lung films"
    for label in ("clear", "opaque"):
        (source / label).mkdir(parents=True)
        for index in range(4):
            pixels = np.random.default_rng(index).integers(0, 255, (20, 20), dtype=np.uint8)
            Image.fromarray(pixels).save(source / label / f"{label}{index}.png")
    (source / "clear" / "empty.png").touch()
    import_source(app, source)
    text = page_text(app)
    assert "Imported 8 images. Left out: 1 row; the report below says why. The next step is to train the study." in text
    assert "Lung films" in text
    assert open_study(data_folder / "lung-films").classes == ("clear", "opaque")
    assert [path.name for path in data_folder.iterdir()] == ["lung-films"]


def test_an_archive_is_unpacked_into_its_study(app, made_study, tmp_path, data_folder):
    source = tmp_path / "films.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for index in range(8):
            pixels = np.random.default_rng(index).integers(0, 255, (20, 20), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "film.png")
            archive.write(tmp_path / "film.png", f"films/{('clear', 'opaque')[index % 2]}/{index}.png")
    fill_in(app, source)
    assert "The images are copied into the study, on this machine." in page_text(app)
    app.button("studies_form_0_import").click().run()
    wait_for_import(app)
    source.unlink()
    app.run()
    assert "Imported 8 images." in page_text(app)
    study = open_study(data_folder / "films")
    assert all(study.image_location(image).exists() for image in study.samples()["image"])
    assert [path.name for path in data_folder.iterdir()] == ["films"]


def test_a_source_that_does_not_fit_is_answered_with_the_command_s_own_line(app, made_study, tmp_path, data_folder):
    labels = tmp_path / "labels.csv"
    labels.write_text("picture,finding\na.png,clear\nb.png,opaque\n")
    import_source(app, labels)
    assert "image" in app.warning[0].value
    assert "Traceback" not in page_text(app)
    assert not list(data_folder.iterdir())
    assert app.text_input("studies_form_0_source").value == str(labels)


def test_the_columns_of_a_csv_are_chosen_from_lists(app, made_study, tmp_path, data_folder):
    folder = tmp_path / "films"
    folder.mkdir()
    rows = ["picture;finding;who;reads A;split"]
    for index in range(8):
        Image.fromarray(np.full((20, 20), 20 * index, dtype=np.uint8)).save(folder / f"{index}.png")
        rows.append(f"{index}.png;{('clear', 'opaque')[index % 2]};p{index // 2};clear;train")
    (folder / "labels.csv").write_text("\n".join(rows), encoding="cp1252")
    fill_in(app, folder)
    fields = {box.key.removeprefix("studies_form_0_"): box for box in app.selectbox if box.key}
    assert list(fields["image"].options) == ["picture", "finding", "who", "reads A", "split"]
    assert fields["image"].placeholder == "Choose one"
    assert (fields["split"].placeholder, fields["slide"].placeholder) == ("split", "none")
    app.multiselect("studies_form_0_raters").set_value(["reads A"]).run()
    import_source(app, folder, image="picture", label="finding", patient="who")
    assert "Imported 8 images" in page_text(app)
    study = open_study(data_folder / "films")
    assert (study.label_column, study.rater_names) == ("finding", ("rater_reads A",))
    assert study.samples()["patient"].nunique() == 4


def test_several_tables_in_a_folder_are_chosen_from(app, made_study, tmp_path, data_folder):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(f"image,label of {name}\n")
    fill_in(app, tmp_path, labels="b.csv")
    (box,) = [box for box in app.selectbox if box.key == "studies_form_0_label"]
    assert list(box.options) == ["image", "label of b.csv"]


def test_a_name_that_is_taken_is_refused_before_anything_starts(app, made_study, tmp_path, data_folder):
    (data_folder / "films").mkdir()
    app.run()
    app.text_input("studies_form_0_source").set_value(str(tmp_path / "films")).run()
    app.button("studies_form_0_import").click().run()
    assert "already a study" in app.warning[0].value
    assert "session_import_process" not in app.session_state


def test_a_check_of_the_data_runs_when_it_is_asked_for(app, made_study):
    app.run()
    assert "images were not checked" not in page_text(app)
    app.button("studies_check").click().run()
    assert "The images were not checked" in page_text(app)


def test_duplicates_under_two_labels_are_shown_as_pictures_with_these_labels(app, made_study):
    samples = made_study.samples()
    paths = {row.sample_id: made_study.image_location(row.image).path for row in samples.itertuples()}
    first, second = samples["sample_id"][:2]
    paths[second].write_bytes(paths[first].read_bytes())
    build_cache(made_study.pixels_path, paths, size_px=32)
    app.run()
    app.button("studies_check").click().run()
    assert "2 images are exact duplicates with different labels" in page_text(app)
    assert "**Fix these first: they make results misleading**" in page_text(app)
    (shown,) = [html for html in page_text(app).split("<div style") if "adenoma</figcaption>" in html]
    assert "normal</figcaption>" in shown
    assert shown.count("data:image/jpeg;base64,") == 2
    assert "secret" not in page_text(app)


def test_of_a_large_group_one_image_of_every_label_is_shown(app, made_study):
    samples = made_study.samples()
    paths = {row.sample_id: made_study.image_location(row.image).path for row in samples.itertuples()}
    chosen = samples.loc[samples["given_label"] == "adenoma", "sample_id"].tolist()[:6]
    chosen.append(samples.loc[samples["given_label"] == "serrated", "sample_id"].iloc[-1])
    for sample_id in chosen[1:]:
        paths[sample_id].write_bytes(paths[chosen[0]].read_bytes())
    build_cache(made_study.pixels_path, paths, size_px=32)
    app.run()
    app.button("studies_check").click().run()
    text = page_text(app)
    assert "4 images of 7 shown" in text
    assert "serrated</figcaption>" in text


def test_an_import_s_progress_is_read_from_its_log(tmp_path):
    log = tmp_path / "log"
    assert processes.import_progress(log) == (0.0, "reading the labels")
    log.write_text('{"fraction": 0.25, "message": "decoded 5 of 20 images"}\n')
    assert processes.import_progress(log) == (0.25, "decoded 5 of 20 images")


def write_batches(folder):
    """CIFAR-10 with two classes, four images a batch, and labels of people beside it."""
    folder.mkdir()
    content = {"data": np.zeros((4, 3072), np.uint8), "labels": [0, 1, 0, 1]}
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        (folder / name).write_bytes(pickle.dumps(content))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": ["cat", "dog"]}))
    clean = np.tile([0, 1, 0, 1], 5)
    people = {"clean_label": clean, "worse_label": 1 - clean, "aggre_label": clean, "random_label1": clean}
    np.save(folder / "human.npy", people, allow_pickle=True)


def test_a_folder_of_cifar_s_batches_is_asked_for_people_s_labels_and_which_of_them(
    app, made_study, tmp_path, data_folder
):
    write_batches(tmp_path / "batches")
    import_source(app, tmp_path / "batches", labels="human.npy", given_label="aggre_label")
    study = open_study(data_folder / "batches")
    assert (study.label_column, study.rater_names, study.classes) == ("aggre_label", ("rater_1",), ("cat", "dog"))


def test_labels_of_people_that_cannot_be_read_are_told_in_the_form(app, made_study, tmp_path):
    write_batches(tmp_path / "batches")
    (tmp_path / "batches" / "human.npy").write_bytes(b"label")
    fill_in(app, tmp_path / "batches", labels="human.npy")
    assert plain_text("holds no labels of CIFAR-N") in app.warning[0].value
    assert [button.label for button in app.button if button.key == "studies_form_0_import"] == ["Import"]


def test_the_pathologist_under_audit_is_asked_of_chaoyang(app, made_study, tmp_path, data_folder):
    source = tmp_path / "chaoyang"
    (source / "train").mkdir(parents=True)
    (source / "train" / "a.JPG").touch()
    (source / "train.json").write_text('[{"name": "train/a.JPG", "label": 1}]')
    import_source(app, source, given_label="label_B")
    said = "“Label to audit” label_B: train.json has no such label"
    assert app.warning[0].value.startswith(plain_text(said))


def test_labels_of_dicom_files_are_taken_from_the_tag_that_is_asked_for(app, made_study, tmp_path, data_folder):
    source = tmp_path / "films"
    source.mkdir()
    import_source(app, source, format="dicom", way="A DICOM tag in the files", label_tag="Findings")
    assert app.warning[0].value.startswith(plain_text("Findings: is no DICOM keyword"))


def test_a_dataset_of_medmnist_is_asked_for_by_its_name(app, made_study, data_folder):
    import_source(app, "medmnist:heartmnist")
    assert app.warning[0].value.startswith(plain_text("medmnist:heartmnist:"))


def test_the_form_offers_every_format_that_is_read(app, made_study):
    app.run()
    (box,) = [box for box in app.selectbox if box.key == "studies_form_0_format"]
    assert list(box.options) == ["Detect automatically", *(format.title for format in FORMATS)]


def test_a_study_that_an_earlier_version_decoded_says_so_until_it_is_updated(app, made_study):
    samples = made_study.samples()
    images = dict(zip(samples["sample_id"], map(made_study.image_location, samples["image"]), strict=True))
    build_cache(made_study.pixels_path, images, size_px=32)
    assert "decoded by an earlier version" not in page_text(app.run())
    decode_as_earlier(made_study.pixels_path, 2)
    assert page_text(app.run()).count(f"T{DECODED_EARLIER[1:]}.") == 1
    assert page_text(open_page(app, "review", reader="Ada")).count(ENGLISH("review.decoded_earlier")) == 1
    build_cache(made_study.pixels_path, images, size_px=32)
    assert "decoded by an earlier version" not in page_text(app.run())
