import pickle
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
from PIL import Image

from overread.errors import SourceError
from overread.sources.tables.table_file import read_cells, read_header


def write_hdf5(path):
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros(3)


def write_tar(path):
    with tarfile.open(path, "w") as archive:
        archive.add(__file__, "a.py")


def write_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")


def write_ods(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<office:document-content/>")


def write_array(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


WRITERS = {
    "an HDF5 file": write_hdf5,
    "a tar archive": write_tar,
    "a zip archive": write_zip,
    "an OpenDocument file (.ods); save it as .xlsx or CSV": write_ods,
    "a NumPy array (.npy)": write_array,
    "an image (PNG)": lambda path: Image.new("L", (3, 3)).save(path, format="png"),
    "an image (TIFF)": lambda path: Image.new("L", (3, 3)).save(path, format="tiff"),
    "a Python pickle": lambda path: path.write_bytes(pickle.dumps({"a": 1})),
    "a web page": lambda path: path.write_text("\n<!DOCTYPE html>\n<html><body>Sign in</body></html>"),
    "XML": lambda path: path.write_text('<?xml version="1.0"?><annotations/>'),
    "an old Excel workbook (.xls), or one with a password; save the table as .xlsx or CSV": lambda path: (
        path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    ),
    "not text": lambda path: path.write_bytes(bytes(range(256))),
}


@pytest.mark.parametrize("what", WRITERS)
def test_what_is_no_table_is_called_what_it_is(tmp_path, what):
    path = tmp_path / "labels.csv"
    WRITERS[what](path)
    with pytest.raises(SourceError) as error:
        read_cells(path)
    assert f"labels.csv: this file is {what}" in str(error.value)
    assert read_header(path) == []
