import pytest
from PIL import Image

from overread.errors import SourceError
from tests.core.importing import read_source

FILES = {
    "NORMAL-001.png": "NORMAL",
    "NORMAL (2).png": "NORMAL",
    "lung adenocarcinoma_3-4.png": "lung adenocarcinoma",
    "lung adenocarcinoma12.png": "lung adenocarcinoma",
}


@pytest.fixture
def flat(tmp_path):
    for name in FILES:
        Image.new("L", (9, 9)).save(tmp_path / name)
    return tmp_path


def test_the_class_is_the_beginning_of_the_name_up_to_its_number(flat):
    source = read_source(flat, format="file-names")
    assert {row.image: row.label for row in source.rows} == FILES
    assert source.messages[0] == ("the class is the beginning of the file's name: NORMAL (2), lung adenocarcinoma (2)")


def test_folders_are_splits_or_nothing(flat):
    for folder in ("Training", "more"):
        (flat / folder).mkdir()
        Image.new("L", (9, 9)).save(flat / folder / "NORMAL-9.png")
    source = read_source(flat, format="file-names")
    assert {row.image: row.split for row in source.rows if "/" in row.image} == {
        "Training/NORMAL-9.png": "train",
        "more/NORMAL-9.png": "",
    }


def test_it_is_offered_and_not_guessed(flat):
    with pytest.raises(SourceError, match=r"are the classes, .*NORMAL \(2\).*, give --format file-names"):
        read_source(flat)


def test_names_without_a_number_or_a_beginning_are_refused(tmp_path):
    for name in ("scan.png", "123.png"):
        Image.new("L", (9, 9)).save(tmp_path / name)
    with pytest.raises(SourceError, match="no file's name is a class and a number"):
        read_source(tmp_path, format="file-names")


def test_the_class_is_the_end_of_the_name_where_all_begin_alike(tmp_path):
    # the Shenzhen chest X-rays' layout
    names = {f"CHNCXR_{number:04d}_{number // 4}.png": str(number // 4) for number in range(8)}
    for name in names:
        Image.new("L", (9, 9)).save(tmp_path / name)
    with pytest.raises(SourceError, match=r"ends of the names are the classes, 0 \(4\), 1 \(4\), give --format file-n"):
        read_source(tmp_path)
    source = read_source(tmp_path, format="file-names")
    assert {row.image: row.label for row in source.rows} == names
    assert source.messages[0] == "the class is the end of the file's name: 0 (4), 1 (4)"


def test_numbers_of_images_at_the_ends_are_no_classes(tmp_path):
    for number in range(6):
        Image.new("L", (9, 9)).save(tmp_path / f"scan_7_{number}.png")
    with pytest.raises(SourceError, match="make a folder for each class"):
        read_source(tmp_path)
