"""A run measured against the truth; the command's own tests are those of the whole journey."""

import json
import shutil

import pandas as pd

from overread.pipeline.evaluation import evaluate_run
from overread.studies.study import open_study
from tests.core.commands import CLASSES


def test_a_run_is_evaluated_by_the_classes_it_knew(ready, tmp_path):
    samples = ready.samples()
    truth = pd.DataFrame({"sample_id": samples["sample_id"], "true_label": samples["given_label"]})
    truth.to_csv(tmp_path / "truth.csv", index=False)
    before = evaluate_run(ready, tmp_path / "truth.csv")
    copy = shutil.copytree(ready.path, tmp_path / "study")
    fields = json.loads((copy / "study.json").read_text())
    (copy / "study.json").write_text(json.dumps({**fields, "classes": ["ant", *CLASSES]}))
    after = evaluate_run(open_study(copy), tmp_path / "truth.csv")
    assert json.dumps(after) == json.dumps(before)
