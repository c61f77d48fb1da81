import pytest

from overread.errors import StudyError
from overread.review import selections
from overread.review.selections import load_selection, save_selection


def test_a_selection_comes_back_by_its_name_whatever_the_order_of_its_ids(tmp_path):
    name = save_selection(tmp_path, ["b", "a", "b"])
    assert save_selection(tmp_path, ["a", "b"]) == name
    assert save_selection(tmp_path, ["a"]) != name
    assert load_selection(tmp_path, name) == {"a", "b"}
    assert load_selection(tmp_path, save_selection(tmp_path, [])) == frozenset()


def test_only_the_newest_selections_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(selections, "NUM_STORED", 2)
    names = [save_selection(tmp_path, [sample_id]) for sample_id in "abc"]
    assert len(list((tmp_path / selections.FOLDER).iterdir())) == 2
    assert load_selection(tmp_path, names[2]) == {"c"}
    with pytest.raises(StudyError, match="select them again"):
        load_selection(tmp_path, names[0])
