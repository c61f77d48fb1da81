import csv
import hashlib
import hmac
import json
import os
import shutil
import stat

import numpy as np
import pytest
from PIL import Image

from overread.errors import ConfigError, ManifestError, StudyError
from overread.images.cache import parallel_decoding
from overread.images.cache.pixel_cache import open_cache
from overread.images.decoded_image import DecodedImage
from overread.studies.run import training_lock
from overread.studies.study import SCHEMA_VERSION, open_study
from tests.core.conftest import write_image
from tests.core.images.made_dicom import write_dicom
from tests.core.importing import import_source, read_source

SIZE_PX = 16


def imported(source_path, study_path, **options):
    summary = import_source(read_source(source_path), study_path, image_size_px=SIZE_PX, **options)
    return summary, open_study(study_path)


def contents_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_was_read_stands_in_the_study(chaoyang_release, tmp_path):
    source = read_source(chaoyang_release)
    summary, study = imported(chaoyang_release, tmp_path / "study")
    samples = study.samples()
    assert (summary.num_samples, summary.num_quarantined) == (6, 0)
    assert study.classes == summary.classes == ("normal", "serrated", "adenocarcinoma", "adenoma")
    columns = ["sample_id", "image", "given_label", "patient", "slide", "split", "sha256"]
    columns += ["rater_A", "rater_B", "rater_C"]
    assert list(samples.columns) == columns
    assert list(samples["image"]) == [row.image for row in source.rows]
    assert list(samples["given_label"]) == [row.label for row in source.rows]
    assert list(samples["split"]) == [row.split for row in source.rows]
    assert [tuple(row) for row in samples[columns[7:]].itertuples(index=False)] == [row.raters for row in source.rows]
    assert study.written_label("adenoma") == "3"
    assert open_cache(study.pixels_path).keys == tuple(samples["sample_id"])
    assert all(study.image_location(image).exists() for image in samples["image"])


def test_ids_patients_and_slides_are_hashes_under_the_study_s_own_key(make_table, tmp_path):
    root = make_table(
        [("image", "label", "patient", "slide"), ("x/a.png", "cat", "p1", "s1"), ("b.png", "dog", "", "s1")]
    )
    _, study = imported(root, tmp_path / "study")
    key_path = study.path / "key"
    assert stat.S_IMODE(key_path.stat().st_mode) == 0o600
    key = study.key()

    def hashed(text):
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:16]

    samples = study.samples()
    assert list(samples["sample_id"]) == [hashed("x/a.png"), hashed("b.png")]
    assert list(samples["patient"]) == [hashed("p1"), ""]
    assert list(samples["slide"]) == [hashed("s1")] * 2
    assert key_path.read_text() != (imported(root, tmp_path / "other")[1].path / "key").read_text()


def test_cells_of_the_source_come_back_as_they_were(tmp_path):
    rows = [
        ["image", "label", "", "note", "note", "\u00a0id "],
        ["a.png", " cat ", "NA", 'he said "no", twice', "two\r\nlines", "007"],
        ["b.png", "dog", "null", "\r", "", "=1+1"],
        ["c.png", "dog", "1e5", "   ", "Ä\u2028ö\t", "nan"],
    ]
    with (tmp_path / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL).writerows(rows)
    for seed, row in enumerate(rows[1:]):
        write_image(tmp_path / row[0], seed)
    _, study = imported(tmp_path / "labels.csv", tmp_path / "study")
    table = study.source_table()
    assert [list(table.columns), *table.values.tolist()] == rows
    with (study.path / "source.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == rows
    assert list(study.samples()["given_label"]) == ["cat", "dog", "dog"]


def test_faulty_rows_are_quarantined_with_a_reason_and_the_rest_goes_on(make_table, tmp_path):
    names = ["good.png", "also.png", "cut.jpg", "text.dcm.png", "empty.png", "dot.png", "gone.png", "bare.png"]
    root = make_table([("image", "label"), *[(name, "cat" if name[0] < "c" else "dog") for name in names]])
    with (root / "labels.csv").open("a") as file:
        file.write("/etc/a.png,cat\n../b.png,cat\nC:\\c.png,cat\n,cat\nmore.png,dog\nunlabelled.png,  \n")
    write_image(root / "cut.jpg", side_px=64)
    (root / "cut.jpg").write_bytes((root / "cut.jpg").read_bytes()[:-900])
    (root / "text.dcm.png").write_text("no picture at all")
    (root / "empty.png").write_bytes(b"")
    Image.new("L", (1, 1)).save(root / "dot.png")
    (root / "gone.png").unlink()
    write_image(root / "more.png", 99)
    write_image(root / "unlabelled.png", 98)
    summary, study = imported(root, tmp_path / "study")
    quarantine = {row.image: (row.row, row.reason) for row in study.quarantine().itertuples()}
    assert set(study.samples()["image"]) == {"good.png", "also.png", "bare.png", "more.png"}
    assert summary.num_quarantined == len(quarantine) == 10
    assert {image: number for image, (number, _) in quarantine.items()} == {
        "cut.jpg": "4",
        "text.dcm.png": "5",
        "empty.png": "6",
        "dot.png": "7",
        "gone.png": "8",
        "/etc/a.png": "10",
        "../b.png": "11",
        "C:\\c.png": "12",
        "": "13",
        "unlabelled.png": "15",
    }
    reasons = {image: reason for image, (_, reason) in quarantine.items()}
    assert reasons["gone.png"] == "the file is missing"
    assert reasons["unlabelled.png"] == "the label is missing"
    assert reasons["../b.png"] == "the path leads out of the source"
    assert reasons["/etc/a.png"] == reasons["C:\\c.png"] == "the path is not relative to the source"
    assert "empty" in reasons["empty.png"]
    assert "too small" in reasons["dot.png"]
    assert "not an image" in reasons["text.dcm.png"]
    assert len(study.source_table()) == len(names) + 6


def test_a_row_given_twice_is_one_sample_and_two_rows_of_the_source(make_table, tmp_path):
    root = make_table([("image", "label"), ("a.png", "cat"), ("b.png", "dog"), ("a.png", "cat"), ("./a.png", "cat")])
    _, study = imported(root, tmp_path / "study")
    assert list(study.samples()["image"]) == ["a.png", "b.png"]
    assert list(study.source_table()["image"]) == ["a.png", "b.png", "a.png", "./a.png"]
    assert study.quarantine().values.tolist() == [["5", "./a.png", "the same image as row 2, written differently"]]


def test_windows_paths_stay_as_written_and_open(make_table, tmp_path):
    root = make_table([("image", "label"), ("x/a.png", "cat"), ("b.png", "dog")])
    (root / "labels.csv").write_text("image,label\nx\\a.png,cat\nb.png,dog\n")
    _, study = imported(root, tmp_path / "study")
    assert study.samples()["image"][0] == "x\\a.png"
    assert study.image_location("x\\a.png").path == root / "x/a.png"


def test_classes_of_numbers_are_ordered_as_numbers(make_table, tmp_path):
    root = make_table([("image", "label"), ("a.png", "10"), ("b.png", "2"), ("c.png", "007")])
    summary, _ = imported(root, tmp_path / "study")
    assert summary.classes == ("2", "007", "10")


def test_a_class_with_one_sample_is_warned_of(class_folders, tmp_path):
    (class_folders / "dog" / "a.png").unlink()
    summary, _ = imported(class_folders, tmp_path / "study")
    assert summary.messages == ("only one sample, which will never be proposed: class dog",)


def test_fewer_than_two_classes_after_the_quarantine_leave_nothing_behind(class_folders, tmp_path):
    for path in (class_folders / "dog").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ManifestError, match=r"only the class 'cat' is left \(2 of 5 rows: .*first is row 4\)"):
        imported(class_folders, tmp_path / "new" / "study")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_missing_images_are_named_with_their_place(make_table, tmp_path):
    root = make_table([("image", "label"), ("a.png", "cat"), ("b.png", "dog")])
    (root / "a.png").unlink()
    (root / "b.png").unlink()
    with pytest.raises(ManifestError, match=r"no row is left \(2 of 2 rows: the file is missing; the first is row 2"):
        imported(root, tmp_path / "study")


def test_a_study_that_exists_is_left_as_it_is(class_folders, tmp_path):
    imported(class_folders, tmp_path / "study")
    before = contents_of(tmp_path / "study")
    with pytest.raises(StudyError, match="already exists; pass --update"):
        imported(class_folders, tmp_path / "study")
    assert contents_of(tmp_path / "study") == before


def test_a_folder_with_something_else_in_it_is_left_as_it_is(class_folders, tmp_path):
    before = contents_of(class_folders)
    with pytest.raises(StudyError, match="already exists and is not a study"):
        imported(class_folders, class_folders)
    assert contents_of(class_folders) == before


def test_an_empty_folder_becomes_the_study(class_folders, tmp_path):
    (tmp_path / "study").mkdir()
    assert imported(class_folders, tmp_path / "study")[0].num_samples == 5


def test_a_newer_study_is_not_updated(class_folders, tmp_path):
    _, study = imported(class_folders, tmp_path / "study")
    fields = json.loads((study.path / "study.json").read_text())
    (study.path / "study.json").write_text(json.dumps({**fields, "schema_version": SCHEMA_VERSION + 1}))
    before = contents_of(study.path)
    with pytest.raises(StudyError, match="written by a newer Overread"):
        imported(class_folders, study.path, update=True)
    assert contents_of(study.path) == before


def test_an_update_keeps_ids_and_adds_and_removes_rows(class_folders, tmp_path):
    _, study = imported(class_folders, tmp_path / "study")
    before = study.samples().set_index("image")["sample_id"]
    (study.path / "review.db").write_bytes(b"verdicts")
    (class_folders / "cat" / "a.png").unlink()
    write_image(class_folders / "ant" / "new.png", 77)
    summary, updated = imported(class_folders, study.path, update=True)
    after = updated.samples().set_index("image")["sample_id"]
    assert set(after.index) == (set(before.index) - {"cat/a.png"}) | {"ant/new.png"}
    assert (after.drop("ant/new.png") == before.drop("cat/a.png")).all()
    assert open_cache(updated.pixels_path).keys == tuple(updated.samples()["sample_id"])
    assert (updated.classes, updated.created) == (("cat", "dog", "ant"), study.created)
    assert (study.path / "review.db").read_bytes() == b"verdicts"
    assert "1 samples are new, 1 are gone, 0 have another label" in summary.messages


def test_critical_classes_are_kept_by_an_update_until_others_are_given(class_folders, tmp_path):
    place = tmp_path / "study"
    first, *others = imported(class_folders, place)[1].classes
    assert open_study(place).critical_classes == ()
    for given, kept in (((first,), (first,)), (None, (first,)), ((), ())):
        assert imported(class_folders, place, update=True, critical_classes=given)[1].critical_classes == kept
    with pytest.raises(ConfigError, match="'none' is not one of the classes"):
        imported(class_folders, place, update=True, critical_classes=("none",))
    made = imported(class_folders, tmp_path / "another", critical_classes=(others[0], others[0]))[1]
    assert made.critical_classes == (others[0],)


def test_an_update_decodes_only_what_is_new(class_folders, tmp_path, monkeypatch):
    _, study = imported(class_folders, tmp_path / "study")
    old = {path: path.stat() for path in class_folders.rglob("*.*")}
    for path in old:  # another file of the same content
        path.write_bytes(path.read_bytes())
        os.utime(path)
    decoded = []

    def read_image(location, **options):
        decoded.append(location.path.name)
        return DecodedImage(np.zeros((8, 8), np.uint8))

    monkeypatch.setattr(parallel_decoding, "read_image", read_image)
    monkeypatch.setattr(
        parallel_decoding, "square_tile", lambda picture, size_px: np.zeros((size_px, size_px, 1), np.uint8)
    )
    write_image(class_folders / "dog" / "new.png", 5)
    summary, updated = imported(class_folders, study.path, update=True)
    assert (summary.num_samples, decoded) == (6, ["new.png"])
    stamps = {row.stamp[3] for row in open_cache(updated.pixels_path).rows}
    assert stamps == {path.stat().st_ino for path in class_folders.rglob("*.*")}


def test_an_image_replaced_by_one_of_the_same_size_and_time_is_decoded_anew_and_told_of(class_folders, tmp_path):
    path, other = class_folders / "cat" / "a.png", class_folders / "dog" / "a.png"
    for image in (path, other):
        Image.open(image).save(image, compress_level=0)
    _, study = imported(class_folders, tmp_path / "study")
    before, status = study.samples().set_index("image"), path.stat()
    path.write_bytes(other.read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    summary, updated = imported(class_folders, study.path, update=True)
    after = updated.samples().set_index("image")
    assert after.at["cat/a.png", "sha256"] == hashlib.sha256(other.read_bytes()).hexdigest()
    assert list(after.index[after["sha256"] != before["sha256"]]) == ["cat/a.png"]
    assert list(after["sample_id"]) == list(before["sample_id"])
    shown = open_cache(updated.pixels_path)
    ids = after["sample_id"]
    np.testing.assert_array_equal(shown.image(ids["cat/a.png"]), shown.image(ids["dog/a.png"]))
    assert any(
        "1 images have changed; earlier verdicts on them are outdated" in message for message in summary.messages
    )


def test_a_renamed_image_keeps_its_id_and_a_new_one_at_its_old_path_gets_another(class_folders, tmp_path):
    _, study = imported(class_folders, tmp_path / "study")
    before = study.samples().set_index("image")["sample_id"]
    (class_folders / "cat" / "a.png").rename(class_folders / "cat" / "z.png")
    summary, study = imported(class_folders, study.path, update=True)
    renamed = study.samples().set_index("image")["sample_id"]
    assert renamed["cat/z.png"] == before["cat/a.png"]
    assert "1 images were renamed or moved; they keep their verdicts" in summary.messages
    write_image(class_folders / "cat" / "a.png", 99)
    after = imported(class_folders, study.path, update=True)[1].samples().set_index("image")["sample_id"]
    assert after.drop("cat/a.png").to_dict() == renamed.to_dict()
    assert after.is_unique
    again = imported(class_folders, study.path, update=True)[1].samples().set_index("image")["sample_id"]
    assert again.to_dict() == after.to_dict()


def test_of_several_files_that_a_gone_image_may_have_become_none_takes_its_id(class_folders, tmp_path):
    _, study = imported(class_folders, tmp_path / "study")
    before = set(study.samples()["sample_id"])
    (class_folders / "cat" / "a.png").rename(class_folders / "cat" / "y.png")
    shutil.copy(class_folders / "cat" / "y.png", class_folders / "cat" / "z.png")
    samples = imported(class_folders, study.path, update=True)[1].samples().set_index("image")["sample_id"]
    assert not {samples["cat/y.png"], samples["cat/z.png"]} & before


def test_an_update_that_fails_changes_nothing(class_folders, tmp_path):
    _, study = imported(class_folders, tmp_path / "study")
    for path in (class_folders / "dog").iterdir():
        path.write_bytes(b"")
    before = contents_of(study.path)
    with pytest.raises(ManifestError, match="only the class 'cat' is left"):
        imported(class_folders, study.path, update=True)
    after = contents_of(study.path)
    assert {path: data for path, data in after.items() if path.name != ".training.lock"} == before


def test_an_update_waits_for_no_training(class_folders, tmp_path):
    _, study = imported(class_folders, tmp_path / "study")
    with training_lock(study, "run"), pytest.raises(StudyError, match="this study is already being trained"):
        imported(class_folders, study.path, update=True)


def test_an_update_without_the_key_is_refused(class_folders, tmp_path):
    _, study = imported(class_folders, tmp_path / "study")
    (study.path / "key").unlink()
    with pytest.raises(StudyError, match="without it neither samples nor verdicts are found"):
        imported(class_folders, study.path, update=True)


def test_an_update_says_that_earlier_runs_are_out_of_date(class_folders, tmp_path):
    _, study = imported(class_folders, tmp_path / "study")
    run = study.runs_path / "20260101T000000-quick-0"
    run.mkdir(parents=True)
    (run / "config.json").write_text("{}")
    shutil.move(class_folders / "cat" / "a.png", class_folders / "dog" / "moved.png")
    summary, _ = imported(class_folders, study.path, update=True)
    assert any("earlier runs know nothing of it: train again" in message for message in summary.messages)
    assert (run / "config.json").is_file()


def test_a_source_behind_a_link_is_read(class_folders, tmp_path):
    (tmp_path / "link").symlink_to(class_folders)
    summary, _ = imported(tmp_path / "link", tmp_path / "study")
    assert (summary.num_samples, summary.num_quarantined) == (5, 0)


def test_an_update_that_reads_other_labels_is_refused(chaoyang_release, tmp_path):
    first = read_source(chaoyang_release, given_label="label_B")
    import_source(first, tmp_path / "study", image_size_px=SIZE_PX)
    with pytest.raises(StudyError, match=r"reads 'label_B' in format chaoyang, and now 'label' in format"):
        import_source(read_source(chaoyang_release), tmp_path / "study", update=True)
    import_source(first, tmp_path / "study", update=True)


def test_an_update_that_forgets_the_names_of_codes_is_refused(make_table, tmp_path):
    root = make_table([("image", "label"), ("a.png", "0"), ("b.png", "1")])
    import_source(read_source(root, classes=("0=cat", "1=dog")), tmp_path / "study", image_size_px=SIZE_PX)
    with pytest.raises(StudyError, match=r"in this study codes have names; pass --classes 0=cat,1=dog again"):
        import_source(read_source(root), tmp_path / "study", update=True)
    assert list(open_study(tmp_path / "study").samples()["given_label"]) == ["cat", "dog"]


def test_one_pathologist_s_labels_are_what_the_export_writes_against(chaoyang_release, tmp_path):
    import_source(read_source(chaoyang_release, given_label="label_B"), tmp_path / "study", image_size_px=SIZE_PX)
    study = open_study(tmp_path / "study")
    assert study.label_column == "label_B"
    assert list(study.samples()["given_label"]) == ["normal", "serrated", "adenocarcinoma", "adenoma"]
    assert list(study.samples().columns[7:]) == ["rater_A", "rater_C", "rater_released"]
    assert list(study.source_table()["label_B"]) == [
        study.written_label(label) for label in study.samples()["given_label"]
    ]
    assert list(study.source_table()["label_C"]) == ["3"] * 4


def test_rows_name_frames_of_one_file_and_each_is_a_sample(tmp_path):
    root = tmp_path / "source"
    root.mkdir()
    frames = np.random.default_rng(0).integers(0, 256, (3, 16, 16), dtype=np.uint8)
    write_dicom(root / "scan.dcm", frames)
    write_image(root / "x.png").rename(root / "x.png#2")
    cells = ["scan.dcm#1", "scan.dcm#3", "scan.dcm#4", "scan.dcm#0", "x.png#2", "absent.dcm#1"]
    rows = [f"{cell},{label}\n" for cell, label in zip(cells, "ababab", strict=True)]
    (root / "labels.csv").write_text("image,label\n" + "".join(rows))
    _, study = imported(root, tmp_path / "study")
    samples = study.samples()
    assert samples["image"].tolist() == ["scan.dcm#1", "scan.dcm#3", "x.png#2"]  # the last is a file's own name
    key = study.key()
    assert samples["sample_id"][1] == hmac.new(key, b"scan.dcm#3", "sha256").hexdigest()[:16]
    np.testing.assert_array_equal(open_cache(study.pixels_path).pixels[:2, ..., 0], frames[[0, 2]])
    assert study.quarantine()[["image", "reason"]].values.tolist() == [
        ["scan.dcm#4", "there is no frame 4: the file has 3"],
        ["scan.dcm#0", "there is no frame 0: the file has 3"],
        ["absent.dcm#1", "the file is missing"],
    ]


def test_a_name_that_is_not_utf_8_is_quarantined_with_the_reason(class_folders, tmp_path):
    folder = sorted(path for path in class_folders.iterdir() if path.is_dir())[0]
    image = sorted(folder.iterdir())[0]
    with open(os.fsencode(folder) + b"/\xe9t\xe9.png", "wb") as file:  # noqa: PTH123 (no Path holds this name)
        file.write(image.read_bytes())
    _, study = imported(class_folders, tmp_path / "study")
    reason = "its name is not UTF-8, and so cannot be written to a table; rename it"
    assert list(study.quarantine()["reason"]) == [reason]
