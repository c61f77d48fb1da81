from pathlib import Path

from overread.home import cache_folder, home_folder


def test_studies_are_made_below_the_named_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_HOME", str(tmp_path / "studies"))
    assert home_folder() == tmp_path / "studies"


def test_without_a_name_they_are_made_in_data_below_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("OVERREAD_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert home_folder() == tmp_path / "data"


def test_what_can_be_made_again_is_kept_in_the_user_s_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("OVERREAD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "overread"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "overread"
