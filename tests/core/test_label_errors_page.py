"""The code of core/docs/label_errors.md runs, and prints what the page says that it prints."""

import re

import numpy as np
import pytest

from tests.paths import ROOT

PAGE = (ROOT / "core" / "docs" / "label_errors.md").read_text(encoding="utf-8")


def numbers(text):
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


@pytest.mark.slow
def test_the_page_s_code_runs_and_prints_what_it_shows(capsys):
    pytest.importorskip("cleanlab")
    names = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    for block in blocks:
        exec(block, names)
    assert len(blocks) >= 5
    (shown,) = re.findall(r"```\n( +average precision.*?)```", PAGE, flags=re.DOTALL)
    said = capsys.readouterr().out
    assert re.sub(r"[\d. ]+", " ", said) == re.sub(r"[\d. ]+", " ", shown)
    np.testing.assert_allclose(numbers(said), numbers(shown), rtol=0.03)
    assert names["fewer"]["is_proposed"].sum() < names["found"]["is_proposed"].sum()
