"""Studies that an earlier version made: without checksums, hashes of images and fingerprint."""

import json

import pytest

from overread.images.cache.pixel_cache import open_cache
from overread.pipeline.study_ledger import open_ledger
from overread.studies.run import find_runs
from overread.studies.study import key_fingerprint, open_study, read_key
from tests.core.commands import TINY, import_arguments, import_source, run_command
from tests.core.review.verdicts import verdict


@pytest.fixture
def earlier(tmp_path):
    """A study as version 1 left it: its folder by the umask, six columns in samples.csv, a pixel cache of version 1."""
    study = import_source(tmp_path)
    path = study.path
    path.chmod(0o755)
    fields = json.loads((path / "study.json").read_text())
    for name in ("files", "key_fingerprint", "has_ledger"):
        del fields[name]
    (path / "study.json").write_text(json.dumps(fields))
    study.samples().drop(columns="sha256").to_csv(path / "samples.csv", index=False)
    index = json.loads((path / "pixels" / "index.json").read_text())
    stamps = [stamp[:2] for stamp in index["stamps"]]
    old = {name: value for name, value in index.items() if name not in ("sha256", "checksums")}
    (path / "pixels" / "index.json").write_text(json.dumps(old | {"version": 1, "stamps": stamps}))
    (path / "key").write_text(f"{read_key(path).hex()}\n")
    return open_study(path)


@pytest.mark.slow
def test_an_earlier_study_trains_updates_and_exports(earlier, tmp_path):
    ids, pixels = earlier.samples()["sample_id"].tolist(), open_cache(earlier.pixels_path).pixels.copy()
    sample_id = ids[0]
    assert run_command("train", earlier.path, "--preset", "quick", *TINY).status == 0
    (run,) = find_runs(earlier)
    assert run.scores()["sample_id"].tolist() == ids
    open_ledger(earlier).record(verdict(sample_id, given_label="cat", chosen_label="dog", proposed_label="dog"))
    for name in ("first", "second"):
        assert run_command("check", earlier.path).status == 0
        ended = run_command("export", earlier.path, "--out", tmp_path / f"{name}.csv")
        assert (ended.status, "1 labels changed" in ended.out) == (0, True)
        assert run_command(*import_arguments(tmp_path / "source", earlier.path), "--update").status == 0
    updated = open_study(earlier.path)
    assert updated.samples()["sample_id"].tolist() == ids
    assert updated.samples()["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert updated.key_fingerprint == key_fingerprint(read_key(earlier.path))
    assert updated.has_ledger
    assert set(updated.files) == {"samples.csv", "source.csv", "quarantine.csv"}
    cache = open_cache(updated.pixels_path)
    cache.verify()
    assert (cache.pixels == pixels).all()


def test_an_earlier_run_without_checksums_is_read(earlier):
    assert run_command("train", earlier.path, "--preset", "quick", *TINY).status == 0
    (run,) = find_runs(earlier)
    (run.path / "checksums.json").unlink()
    assert len(run.scores()) == len(earlier.samples())
    assert run_command("export", earlier.path, "--out", earlier.path.parent / "out.csv").status == 0
