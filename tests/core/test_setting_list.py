import subprocess
import sys
from dataclasses import fields

import pytest

from overread.config import OVERREAD, PRESETS, TrainSettings, override_settings
from overread.setting_list import every_setting, section_meanings, settings_text, written
from tests.core.commands import run_command

SETTINGS = every_setting()


def test_every_field_of_every_section_is_listed_with_what_it_does():
    listed = [(each.section, each.name) for each in SETTINGS]
    sections = [field.name for field in fields(TrainSettings) if field.name != "preset"]
    assert listed == [(name, field.name) for name in sections for field in fields(getattr(OVERREAD, name))]
    assert [f"{each.section}.{each.name}" for each in SETTINGS if not each.meaning.endswith(".")] == []
    assert list(section_meanings()) == sections
    assert all(section_meanings().values())


def test_the_default_names_the_presets_that_differ():
    defaults = {f"{each.section}.{each.name}": each.default for each in SETTINGS}
    assert defaults["pretrain.num_epochs"] == "20 (paper: 30)"
    assert defaults["refinement.num_folds"] == "5 (paper, quick: 0)"
    assert defaults["rounds.num_epochs"] == "(none) (paper, quick: 4,7,7)"
    assert defaults["pretrain.flip"] == "false"
    assert defaults["noise.shrinkage"] == "200"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: f"{each.section}.{each.name}")
def test_what_is_written_is_what_set_takes(setting):
    for preset, value in setting.defaults.items():
        if value == ():
            continue
        changed = override_settings(PRESETS[preset], [f"{setting.section}.{setting.name}={written(value)}"])
        found = getattr(getattr(changed, setting.section), setting.name)
        assert found == (value if isinstance(value, str) else pytest.approx(value, rel=1e-4))


def test_the_help_of_train_names_every_setting_within_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    said = run_command("train", "--help").out
    assert settings_text() in said
    assert max(map(len, said.splitlines())) <= 80
    flat = " ".join(said.split())
    for each in SETTINGS:
        assert f"{each.name} = {each.default}. {each.meaning}" in flat
    for section, meaning in section_meanings().items():
        assert f"{section}: {meaning}" in flat


def test_the_help_needs_neither_numpy_nor_torch():
    code = (
        "import sys; sys.modules['numpy'] = sys.modules['torch'] = None; sys.argv = ['core', 'train', '--help']; "
        "from overread.cli.main import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "min_precision = 0.8" in ended.stdout
