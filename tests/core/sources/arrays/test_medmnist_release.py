import hashlib
import importlib.util
import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from overread.errors import ConfigError, SourceError, StudyError
from overread.sources.registry import local_source
from overread.studies.study import open_study
from tests.core.commands import run_command
from tests.core.importing import import_source, read_source

LABELS = {"0": "malignant", "1": "normal, benign"}


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path):
    """A folder that is served on this machine, and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=folder)) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def write_npz(path: Path, codes=(0, 1, 1, 0)) -> str:
    images = np.random.default_rng(0).integers(0, 256, (len(codes), 28, 28), dtype=np.uint8)
    with path.open("wb") as file:
        np.savez(file, train_images=images, train_labels=np.array(codes, np.uint8)[:, None])
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def release(server, tmp_path, monkeypatch):
    """The package's list, installed, and the files it names; a home that holds none of them yet."""
    folder, address = server
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    datasets = {
        "breastmnist": {"label": LABELS, "task": "binary-class"},
        "chestmnist": {"label": LABELS, "task": "multi-label, binary-class"},
        "organmnist3d": {"label": LABELS, "task": "multi-class"},
    }
    for name, entry in datasets.items():
        for suffix in ("", "_64"):
            entry[f"MD5{suffix}"] = write_npz(folder / f"{name}{suffix}.npz", (0, 1, 1, 0, len(suffix) // 3))
            entry[f"url{suffix}"] = f"{address}/{name}{suffix}.npz?download=1"
    package = tmp_path / "packages" / "medmnist"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import torch\nfrom medmnist.dataset import PathMNIST\n")
    (package / "info.py").write_text(f'__version__ = "3.0.2"\nHOMEPAGE = "x"\n\nINFO = {json.dumps(datasets)}\n')
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    return folder


def test_a_dataset_is_fetched_by_its_name_once_and_its_classes_are_named(release, tmp_path):
    ended = run_command("import", "medmnist:breastmnist", "--study", tmp_path / "study", "--json")
    assert ended.status == 0, ended.err
    study = open_study(tmp_path / "study")
    assert study.classes == tuple(LABELS.values())
    assert study.written_labels == {name: code for code, name in LABELS.items()}
    assert list(study.samples()["given_label"]) == [LABELS[str(code)] for code in (0, 1, 1, 0, 0)]
    assert list(study.source_table()["label"]) == ["0", "1", "1", "0", "0"]
    (release / "breastmnist.npz").unlink()
    assert run_command("import", "medmnist:breastmnist", "--study", study.path, "--update").status == 0


def test_a_size_is_part_of_the_name(release, tmp_path):
    told = []
    path = local_source(Path("medmnist:breastmnist_64"), lambda done, total: told.append((done, total)))
    assert path == tmp_path / "home" / ".medmnist" / "breastmnist_64.npz"
    assert path.read_bytes() == (release / "breastmnist_64.npz").read_bytes()
    assert told[-1] == (path.stat().st_size, path.stat().st_size)
    assert local_source(Path("medmnist:breastmnist_28")).name == "breastmnist.npz"


def test_a_path_is_left_as_it_is(tmp_path):
    assert local_source(tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("heartmnist", ConfigError, "MedMNIST has no such dataset; give one of breastmnist$"),
        ("breastmnist_100", ConfigError, "breastmnist has no size '100'; it comes in 28, 64 px"),
        ("chestmnist", SourceError, "has several labels for each image; one is needed"),
        ("organmnist3d_64", SourceError, "holds 3-D images; 2-D images are read"),
    ],
)
def test_names_that_cannot_be_read_say_why(release, name, error, message):
    with pytest.raises(error, match=f"medmnist:{name}: {message}"):
        local_source(Path(f"medmnist:{name}"))


def test_a_file_that_is_not_the_release_s_is_refused_and_not_kept(release, tmp_path):
    write_npz(release / "breastmnist.npz", (1, 1, 0, 0))
    ended = run_command("import", "medmnist:breastmnist", "--study", tmp_path / "study")
    assert (ended.status, ended.err.count("\n")) == (2, 1)
    assert "breastmnist.npz?download=1 is not the release's file (its MD5 differs)" in ended.err
    kept = tmp_path / "home" / ".medmnist"
    assert list(kept.iterdir()) == []
    write_npz(kept / "breastmnist.npz", (1, 1, 0, 0))
    with pytest.raises(SourceError, match=r"breastmnist\.npz: is not the release's file .* delete it"):
        local_source(Path("medmnist:breastmnist"))


def test_a_network_that_fails_is_one_line(release, tmp_path):
    (release / "breastmnist.npz").unlink()
    ended = run_command("import", "medmnist:breastmnist", "--study", tmp_path / "study")
    assert (ended.status, ended.err.count("\n")) == (2, 1)
    assert "cannot be fetched (File not found); check the network" in ended.err
    assert not (tmp_path / "study").exists()


def test_a_file_named_as_in_the_release_has_named_classes_too(release):
    source = read_source(release / "breastmnist_64.npz")
    assert (source.classes, source.messages) == (tuple(LABELS.values()), ())
    assert read_source(release / "breastmnist.npz", classes=("0=bad", "1=good")).classes == ("bad", "good")


def test_codes_that_the_list_does_not_know_stay_codes(release):
    write_npz(release / "breastmnist.npz", (0, 1, 2))
    source = read_source(release / "breastmnist.npz")
    assert [row.label for row in source.rows] == ["0", "1", "2"]
    assert source.messages == ("the classes are codes: breastmnist has no class 2",)


@pytest.fixture
def no_package(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "medmnist" else found(name))


def test_without_the_package_one_line_says_how_to_install_it(no_package, tmp_path):
    with pytest.raises(SourceError, match=r"is not installed; pip install --no-deps medmnist$"):
        local_source(Path("medmnist:breastmnist"))
    write_npz(tmp_path / "breastmnist.npz")
    source = read_source(tmp_path / "breastmnist.npz")
    assert [row.label for row in source.rows] == ["0", "1", "1", "0"]
    message = "the classes are codes; pip install --no-deps medmnist tells their names, or --classes 0=NAME,..."
    assert source.messages == (message,)


def test_the_package_s_own_list_is_read(tmp_path):
    write_npz(tmp_path / "pathmnist_64.npz", (0, 8))
    source = read_source(tmp_path / "pathmnist_64.npz")
    assert [row.label for row in source.rows] == ["adipose", "colorectal adenocarcinoma epithelium"]
    with pytest.raises(SourceError, match="chestmnist: has several labels for each image"):
        local_source(Path("medmnist:chestmnist"))


def test_codes_keep_their_study_s_spelling_when_the_package_is_installed_later(release, tmp_path):
    path = release / "breastmnist.npz"
    import_source(read_source(path, classes=("0", "1")), tmp_path / "study", image_size_px=32)
    with pytest.raises(StudyError, match=r"codes have no names, and now they have; pass --classes 0,1$"):
        import_source(read_source(path), tmp_path / "study", update=True)
    import_source(read_source(path, classes=("0", "1")), tmp_path / "study", update=True)
    assert open_study(tmp_path / "study").classes == ("0", "1")
