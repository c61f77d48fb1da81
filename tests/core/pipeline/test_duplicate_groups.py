"""Images that show the same picture, in a training of the default preset."""

import shutil
import sys

import numpy as np
import pytest

from overread.images.cache.pixel_cache import open_cache
from overread.pipeline.train_request import TrainRequest
from overread.pipeline.train_study import train_study
from overread.studies.run import find_runs
from overread.studies.sample_groups import read_duplicate_groups, sample_groups
from overread.studies.study import open_study
from tests.core.commands import TINY, import_source, write_source

COPIES = ("scans/doe-4711_000.png", "scans/doe-4711_007.png")
"""The same image to the bit, of two patients, under two labels."""


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    source = write_source(folder / "source")
    shutil.copy(source / COPIES[0], source / COPIES[1])
    return import_source(folder)


def copies_of(study):
    return sorted(study.samples().query("image in @COPIES")["sample_id"])


def trained(study, tmp_path):
    """A copy of the study, and its run."""
    shutil.copytree(study.path, tmp_path / "study")
    study = open_study(tmp_path / "study")
    return study, train_study(study, TrainRequest(assignments=tuple(TINY[1::2])))


def test_the_first_training_finds_and_keeps_them_and_says_so(untrained, tmp_path):
    study, run = trained(untrained, tmp_path)
    kept = read_duplicate_groups(study, open_cache(study.pixels_path))
    assert any(set(copies_of(study)) <= set(group) for group in kept)
    events = [event["event"] for event in run.events()]
    assert any("Where duplicates have several labels" in event.get("message", "") for event in run.events())
    assert events[0] == "pictures"
    assert events.index("start") == events.count("pictures")
    samples, shown, scores = study.samples(), run.evidence(), run.scores()
    first, second = np.flatnonzero(samples["sample_id"].isin(copies_of(study)))
    assert shown["pictures"][first] == shown["pictures"][second] >= 0
    groups = sample_groups(samples, kept)
    assert groups[first] == groups[second]
    is_there = shown["neighbours"] >= 0
    assert not (is_there & (groups[shown["neighbours"]] == groups[:, None])).any()
    assert (scores["score_duplicates"][[first, second]] >= 0.5).all()
    proposed = scores[scores["is_proposed"]]
    assert set(proposed["kind"]) <= {"relabel", "ambiguous", "outlier", "duplicate"}
    assert (scores["kind"].eq("") == ~scores["is_proposed"]).all()
    assert set(proposed[proposed["sample_id"].isin(copies_of(study))]["kind"]) <= {"duplicate"}


def test_where_near_duplicates_cannot_be_looked_for_copies_are_and_a_note_says_so(untrained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "overread.checks.duplicate_groups", None)
    study, run = trained(untrained, tmp_path)
    notes = [event["message"] for event in run.events() if event["event"] == "note"]
    assert sum("only exact duplicates" in note for note in notes) == 1
    numbers = run.evidence()["pictures"]
    is_copy = study.samples()["sample_id"].isin(copies_of(study)).to_numpy()
    assert (numbers >= 0).tolist() == is_copy.tolist()
    assert not (study.path / "groups.csv").exists()


def test_a_resumed_training_keeps_to_the_pictures_that_it_began_with(untrained, tmp_path, monkeypatch):
    from overread.training import engine

    study = open_study(shutil.copytree(untrained.path, tmp_path / "study"))

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(engine, "supervised_epoch", stop)
        with pytest.raises(KeyboardInterrupt):
            train_study(study, TrainRequest(assignments=tuple(TINY[1::2])))
    (study.path / "groups.csv").write_text("sample_id,group\n")
    run = train_study(study, TrainRequest(resume=True))
    assert run == find_runs(study)[0]
    is_copy = study.samples()["sample_id"].isin(copies_of(study)).to_numpy()
    assert (run.evidence()["pictures"][is_copy] >= 0).all()
    assert (study.path / "groups.csv").read_text() == "sample_id,group\n"
