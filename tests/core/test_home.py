from overread.home import home_folder


def test_studies_are_made_below_the_named_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_HOME", str(tmp_path / "studies"))
    assert home_folder() == tmp_path / "studies"


def test_without_a_name_they_are_made_in_data_below_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("OVERREAD_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert home_folder() == tmp_path / "data"
