"""The demo studies, trained for a moment."""

import json
import os
from dataclasses import replace

import pytest

from overread.demo import demo_studies
from overread.pipeline.train_study import train_study
from overread.studies.run import Run
from tests.core.pipeline.runs import ASSIGNMENTS, only_run


@pytest.mark.slow
def test_the_demo_is_made_once_and_kept(tmp_path, monkeypatch):
    def train_a_little(study, request, **options):
        request = replace(request, assignments=(*request.assignments, *ASSIGNMENTS))
        return train_study(study, request, **options)

    monkeypatch.setattr(demo_studies, "train_study", train_a_little)
    monkeypatch.setattr(os, "nice", lambda increment: 0)
    events = []
    studies = demo_studies.make_demo(tmp_path / "demo", num_images=40, listener=events.append)
    assert [study.path.name for study in studies] == ["tiles", "chest"]
    assert all(study.is_demo and isinstance(only_run(study), Run) and only_run(study).is_finished for study in studies)
    fractions = [event["fraction"] for event in events]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    lines = (tmp_path / "demo" / "progress.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == events
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    demo_studies.make_demo(tmp_path / "demo", num_images=40)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    changed = {path.relative_to(tmp_path).as_posix() for path in kept if kept[path] != files.get(path)}
    assert changed == {"demo/progress.jsonl"}
    assert kept.keys() == files.keys()
