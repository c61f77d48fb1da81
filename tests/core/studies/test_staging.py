import pytest

from overread.errors import StudyError
from overread.studies.staging import staged_study


def test_the_folder_appears_whole_at_the_end(tmp_path):
    place = tmp_path / "deep" / "study"
    with staged_study(place) as staging:
        (staging / "a").write_text("content")
        assert not place.exists()
    assert (place / "a").read_text() == "content"
    assert [path.name for path in place.parent.iterdir()] == ["study"]


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), staged_study(tmp_path / "deep" / "study") as staging:
        (staging / "a").write_text("content")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_not_trusted(tmp_path):
    left = tmp_path / ".study.making"
    (left / "pixels").mkdir(parents=True)
    (left / "key").write_text("old")
    with staged_study(tmp_path / "study") as staging:
        assert list(staging.iterdir()) == []


def test_two_cannot_make_the_same_study_at_once(tmp_path):
    with staged_study(tmp_path / "study") as staging:
        (staging / "a").write_text("content")
        with pytest.raises(StudyError, match="another process is making this study"), staged_study(tmp_path / "study"):
            pass
        assert (staging / "a").is_file()


def test_a_disk_that_refuses_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StudyError, match="cannot be written"), staged_study(tmp_path / "file" / "study"):
        pass
