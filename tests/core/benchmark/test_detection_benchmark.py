import json

from overread.benchmark import runner, tasks
from tests.core.commands import run_command


def test_the_command_measures_writes_its_page_and_keeps_what_it_has(tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "NUM_TILES", 60)
    load_features = runner.load_features
    narrow = 64  # of two thousand numbers, which most of the methods would spend their time on
    monkeypatch.setattr(runner, "load_features", lambda *data, **options: load_features(*data, **options)[:, :narrow])
    arguments = ("bench", "detection", "--out", tmp_path, "--budget", "smoke", "--seeds", "1", "--device", "cpu")
    arguments += ("--methods", "quick_head,cleanlab,datalab,simifeat,selfclean,loss,oracle")
    ended = run_command(*arguments, "--json")
    assert (ended.status, ended.err and json.loads(ended.err.splitlines()[0])["message"]) == (0, "demo_tiles: reading")
    said = json.loads(ended.out)
    assert len(said["results"]) == 7
    assert {line["noise"] for line in said["results"]} == {"reader_a"}
    page = (tmp_path / "detection.md").read_text(encoding="utf-8")
    assert "| demo_tiles | reader_a |" in page
    again = run_command(*arguments, "--json")
    assert json.loads(again.out) == said  # the seconds too: nothing was measured


def test_what_the_user_must_mend_is_one_line(tmp_path, monkeypatch):
    monkeypatch.delenv("OVERREAD_DATA", raising=False)
    for arguments, words in (
        (("bench", "detection", "--seeds", "0"), "--seeds 0"),
        (("bench", "detection", "--seeds", "a"), "--seeds a"),
        (("bench", "detection", "--features", "dino"), "--features dino"),
        (("bench", "detection", "--budget", "tpu"), "--budget tpu"),
        (("bench", "detection", "--tasks", "chest_xray", "--out", tmp_path), "OVERREAD_DATA"),
    ):
        ended = run_command(*arguments)
        assert ended.status == 2
        assert words in ended.err
        assert len(ended.err.strip().splitlines()) == 1
