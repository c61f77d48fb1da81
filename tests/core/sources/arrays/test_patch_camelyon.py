import csv
import gzip
import sys

import h5py
import numpy as np
import pytest
from PIL import Image

from overread.errors import SourceError
from overread.sources.arrays.patch_camelyon import write_images
from overread.studies.study import open_study
from tests.core.importing import import_source, read_source

NAME = "camelyonpatch_level_2_split_{}"


def write_split(folder, split="train", count=6, side_px=12, **of_dataset):
    """One split in the release's layout; returns its images."""
    folder.mkdir(exist_ok=True)
    images = np.random.default_rng(count).integers(0, 256, (count, side_px, side_px, 3), dtype=np.uint8)
    stem = folder / NAME.format(split)
    with h5py.File(f"{stem}_x.h5", "w") as file:
        file.create_dataset("x", data=images, **of_dataset)
    with h5py.File(f"{stem}_y.h5", "w") as file:
        file["y"] = (np.arange(count) % 2).astype(np.uint8).reshape(-1, 1, 1, 1)
    return images


def write_slides(folder, split, slides):
    with (folder / f"{NAME.format(split)}_meta.csv").open("w", newline="") as file:
        rows = [(number, 0, 0, True, True, slide) for number, slide in enumerate(slides)]
        csv.writer(file).writerows([("", "coord_y", "coord_x", "tumor_patch", "center_tumor_patch", "wsi"), *rows])


@pytest.mark.parametrize("stored", [{}, {"chunks": (4, 12, 12, 3), "compression": "gzip"}])
def test_images_come_out_as_they_are(tmp_path, stored, monkeypatch):
    monkeypatch.setattr("overread.sources.arrays.patch_camelyon._BATCH_BYTES", 2 * 12 * 12 * 3)
    expected = {
        split: write_split(tmp_path / "pcam", split, count, **stored) for split, count in (("train", 9), ("valid", 5))
    }
    source = read_source(tmp_path / "pcam")
    assert [row.split for row in source.rows] == ["train"] * 9 + ["val"] * 5
    assert [row.label for row in source.rows] == [str(index % 2) for index in (*range(9), *range(5))]
    root = write_images(source, tmp_path)
    pixels = [np.asarray(Image.open(root / row.image)) for row in source.rows]
    assert np.array_equal(pixels, np.concatenate([expected["train"], expected["valid"]]))


def test_slides_come_from_the_table_and_its_absence_is_told(tmp_path):
    for split in ("train", "test"):
        write_split(tmp_path, split, 3)
    write_slides(tmp_path, "train", ("s1", "s1", "s2"))
    source = read_source(tmp_path)
    assert [row.slide for row in source.rows] == ["s1", "s1", "s2", "", "", ""]
    expected = f"{NAME.format('test')}_meta.csv is missing: images of one slide are not kept together"
    assert source.messages == (expected,)
    (tmp_path / "more.zip").touch()
    assert "not read, since PatchCamelyon's files lie beside: more.zip" in read_source(tmp_path).messages
    write_slides(tmp_path, "test", ("s1", "s1"))
    with pytest.raises(SourceError, match=r"test_meta\.csv: has 2 rows for 3 images"):
        read_source(tmp_path)


def test_a_file_gives_its_split_alone_and_a_study_of_it_has_the_images(tmp_path):
    write_split(tmp_path / "pcam", "train")
    images = write_split(tmp_path / "pcam", "test", 4)
    source = read_source(tmp_path / "pcam" / f"{NAME.format('test')}_y.h5", classes=("0=normal", "1=tumour"))
    import_source(source, tmp_path / "study", image_size_px=12)
    study = open_study(tmp_path / "study")
    samples = study.samples()
    assert list(samples["given_label"]) == ["normal", "tumour"] * 2
    assert set(samples["split"]) == {"test"}
    shown = [np.asarray(Image.open(study.image_location(image).path)) for image in samples["image"]]
    assert np.array_equal(shown, images)


def test_packed_files_are_to_be_unpacked(tmp_path):
    write_split(tmp_path)
    for path in list(tmp_path.glob("*.h5")):
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    with pytest.raises(SourceError, match=r"train_x\.h5\.gz is packed; .*gunzip \*\.h5\.gz"):
        read_source(tmp_path)


def test_without_h5py_the_error_names_the_command(tmp_path, monkeypatch):
    write_split(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(SourceError, match="HDF5 needs the package h5py, which is not installed; pip install h5py"):
        read_source(tmp_path)


@pytest.mark.parametrize("named", ["data.h5", "."])
def test_other_hdf5_is_called_that_with_its_datasets(tmp_path, named):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["scans/images"] = np.zeros((3, 4, 5), np.float32)
        file["scans/labels"] = np.zeros(3, np.int64)
    expected = r"data\.h5: this is HDF5: scans/images .float32 3x4x5., scans/labels .int64 3.; .* NAME_x\.h5"
    with pytest.raises(SourceError, match=expected) as error:
        read_source(tmp_path / named)
    assert "scans" not in error.value.public


@pytest.mark.parametrize(
    ("part", "name", "array", "message"),
    [
        ("x", "x", np.zeros((6, 4, 4, 3), np.float32), r"x is float32 of \(6, 4, 4, 3\); images are read"),
        ("x", "x", np.zeros((6, 4, 4, 4), np.uint8), r"x is uint8 of \(6, 4, 4, 4\); images are read"),
        ("x", "images", np.zeros((6, 4, 4, 3), np.uint8), r"without a dataset 'x'; it has images .uint8 6x4x4x3."),
        ("y", "y", np.zeros(5, np.uint8), "has 5 labels for 6 images"),
        ("y", "y", np.zeros((6, 2), np.uint8), r"y is uint8 of \(6, 2\); a whole number for each image is needed"),
        ("y", "y", np.zeros(6, np.float32), "y is float32"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, part, name, array, message):
    write_split(tmp_path)
    with h5py.File(tmp_path / f"{NAME.format('train')}_{part}.h5", "w") as file:
        file[name] = array
    with pytest.raises(SourceError, match=message):
        read_source(tmp_path)


def test_content_in_other_files_is_not_read(tmp_path):
    write_split(tmp_path)
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(6 * 12 * 12 * 3))
    path = tmp_path / f"{NAME.format('train')}_x.h5"
    other = tmp_path / "other.hdf"
    path.rename(other)

    def external(file):
        file.create_dataset("x", (6, 12, 12, 3), np.uint8, external=[(str(secret), 0, secret.stat().st_size)])

    def virtual(file):
        layout = h5py.VirtualLayout((6, 12, 12, 3), np.uint8)
        layout[...] = h5py.VirtualSource(str(other), "x", (6, 12, 12, 3))
        file.create_virtual_dataset("x", layout)

    def linked(file):
        file["x"] = h5py.ExternalLink(str(other), "x")

    for write, message in (
        (external, "in other files"),
        (virtual, "in other files"),
        (linked, "without a dataset 'x'"),
    ):
        with h5py.File(path, "w") as file:
            write(file)
        with pytest.raises(SourceError, match=message):
            read_source(tmp_path)


def test_damaged_files_are_refused_in_one_line(tmp_path):
    write_split(tmp_path, compression="gzip")
    path = tmp_path / f"{NAME.format('train')}_x.h5"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match=r"_x\.h5: is not an intact HDF5 file .*download it again") as error:
        read_source(tmp_path)
    assert "\n" not in str(error.value)
    start = content.rindex(b"\x78\x5e") if b"\x78\x5e" in content else content.rindex(b"\x78\x9c")
    path.write_bytes(content[:start] + bytes(400) + content[start + 400 :])  # of a compressed chunk
    source = read_source(tmp_path)
    with pytest.raises(SourceError, match=r"is not an intact HDF5 file"):
        write_images(source, tmp_path / "out")
