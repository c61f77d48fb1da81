import numpy as np
import pytest

from overread.benchmark.released_probs import PROBS, run_probabilities
from overread.errors import ConfigError, SourceError
from tests.core.detection.test_find_from_probs import made_case


def test_each_set_has_both_methods_and_the_page_says_what_they_found(tmp_path, monkeypatch):
    pytest.importorskip("cleanlab")
    arrays = {}
    for name, noise in (("aggregate/small", 0.1), ("worst/small", 0.4)):
        probs, given, true = made_case(num_samples=400, noise=noise)
        arrays |= {f"{name}/probs": probs.astype(np.float16), f"{name}/given": given, f"{name}/true": true}
    (tmp_path / PROBS).parent.mkdir()
    np.savez(tmp_path / PROBS, **arrays)
    monkeypatch.setenv("OVERREAD_DATA", str(tmp_path))
    results, page = run_probabilities(tmp_path / "out")
    assert [(one["labels"], one["method"]) for one in results] == [
        ("aggregate", "overread"),
        ("aggregate", "cleanlab"),
        ("worst", "overread"),
        ("worst", "cleanlab"),
    ]
    num_wrong = int((arrays["worst/small/given"] != arrays["worst/small/true"]).sum())
    row = next(line for line in page.splitlines() if line.startswith("| worst | small |"))
    assert row.split(" | ")[2] == str(num_wrong)
    assert f"{results[3]['f1']:.3f}" in row
    assert (tmp_path / "out" / "probabilities.md").read_text(encoding="utf-8") == page


def test_data_that_are_not_there_are_named(tmp_path, monkeypatch):
    monkeypatch.delenv("OVERREAD_DATA", raising=False)
    with pytest.raises(ConfigError, match="set OVERREAD_DATA"):
        run_probabilities(tmp_path)
    monkeypatch.setenv("OVERREAD_DATA", str(tmp_path))
    with pytest.raises(SourceError, match=r"probs\.npz: no such file"):
        run_probabilities(tmp_path)
