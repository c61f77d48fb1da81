import json

import numpy as np
import pandas as pd

from overread.checks.contradicted import check_contradicted_groups, group_text
from overread.detection.contradicted_groups import CLUSTER
from overread.files import write_atomically
from overread.pipeline.group_tests import group_columns
from overread.studies.run import open_run
from tests.app.made_study import write_study

GROUP = {
    "column": "site",
    "value": "Bern",
    "num_samples": 40,
    "given_label": "normal",
    "predicted_label": "serrated",
    "share": 0.62,
    "share_elsewhere": 0.04,
    "is_swapped": False,
    "sample_ids": ["a", "b"],
}


def test_columns_that_hold_labels_are_no_groups(tmp_path, monkeypatch):
    study = write_study(tmp_path)
    samples = study.samples()
    table = pd.DataFrame(
        {
            study.image_column: samples["image"],
            study.label_column: samples["given_label"],
            "second_reader": samples["given_label"],
            "scanner": ["A", "B"] * (len(samples) // 2),
        }
    )
    monkeypatch.setattr(type(study), "source_table", lambda self: table.iloc[::-1])
    columns = group_columns(study, samples)
    assert set(columns) == {"scanner"}
    assert columns["scanner"].tolist() == table["scanner"].tolist()
    slides = samples.assign(slide=np.where(np.arange(len(samples)) % 2, "x", ""))
    assert set(group_columns(study, slides)) == {"scanner", "slide"}


def test_a_check_warns_of_each_group_that_the_run_found(tmp_path):
    study = write_study(tmp_path)
    assert check_contradicted_groups(study) == []
    swapped = GROUP | {"is_swapped": True, "share": 0.98, "share_elsewhere": None}
    text = json.dumps({"groups": [GROUP, swapped]})
    write_atomically(open_run(study).path / "contradicted_groups.json", text)
    first, second = check_contradicted_groups(study)
    assert (first.kind, first.severity, first.count, first.samples) == ("contradicted_group", "warning", 2, ("a", "b"))
    assert first.message == (
        "site Bern: 62% of the images that look like serrated have another label, mostly normal (elsewhere 4%)"
    )
    assert second.message == (
        "at site Bern, normal and serrated look swapped: 98% of their labels contradict those elsewhere; one side is "
        "the wrong way round"
    )
    assert group_text(GROUP | {"column": CLUSTER, "value": "7"}).startswith("cluster 7 of images that look alike: 62%")
