"""The flow of reading at the routes: other queues, samples put off or shown again, verdicts opened again, no model."""

from dataclasses import replace

import pytest

from overread.images.cache.cache_build import build_cache
from overread.pipeline.exporting import export_table
from overread.pipeline.study_ledger import open_ledger
from overread.records import VerdictKind
from overread.review import queue
from overread.review.queue import review_order
from overread.review.queue_choice import QueueChoice, QueueOrder, QueuePart
from overread.studies.run import open_run
from tests.app.made_study import write_study
from tests.app.reading.desk import READER, Desk
from tests.app.verdicts import verdicts


@pytest.fixture
def desk(study):
    return Desk(study)


def ids(answer):
    return [packet["id"] for packet in answer["samples"]]


def test_a_class_pair_s_queue_has_its_samples_and_their_progress(study):
    scores = open_run(study).scores()
    pairs = scores[scores["is_proposed"]].groupby(["given_label", "proposed_label"])["sample_id"].agg(list)
    (given, likely), members = pairs.index[0], pairs.iloc[0]
    answer = Desk(study, choice=QueueChoice(given=given, likely=likely)).queue(count=10)
    assert sorted(ids(answer)) == sorted(members)
    assert answer["progress"] == {"decided": 0, "total": len(members)}


def test_controls_are_read_among_the_proposals_and_look_like_any_sample_below_the_threshold(study):
    answer = Desk(study, choice=QueueChoice(num_controls=2)).queue(count=10)
    assert len(answer["samples"]) == answer["progress"]["total"] == 10
    assert [packet["isProposed"] for packet in answer["samples"]].count(False) == 2


def test_only_the_time_that_own_verdicts_took_changes_the_order_of_a_queue_chosen_after_them(study):
    choice = QueueChoice(min_probability=0.01, order=QueueOrder.PACE)
    slow = verdicts(study, reader="Dr. Else", number=8)  # all of one class pair
    pair = {verdict.sample_id for verdict in slow}
    for verdict in slow:
        open_ledger(study).record(replace(verdict, elapsed_ms=60_000))
    desk = Desk(study, choice=choice)
    first = desk.queue(count=8)["samples"]
    assert {packet["id"] for packet in first} == pair  # the other reader's pace is theirs
    others = desk.queue(count=9, have=list(pair))["samples"]
    for packet in first[:4]:
        desk.decide(packet, "reject", elapsed_ms=60_000)
    for packet in others:
        desk.decide(packet, "reject", elapsed_ms=600)
    before, after = (ids(Desk(study, choice=choice, since=since).queue(count=4)) for since in (0, 13))
    assert set(before) < pair
    assert not pair & set(after)


def test_what_is_put_off_comes_last_and_is_a_queue_of_its_own(study, desk):
    order = review_order(open_run(study).scores())
    later = [order[2], order[0]]
    assert ids(desk.queue(count=8, later=later)) == [order[1], *order[3:], *later]
    own = Desk(study, choice=QueueChoice(only=QueuePart.LATER))
    answer = own.queue(count=8, later=[*later, "another study's"])
    assert ids(answer) == later
    assert answer["progress"] == {"decided": 0, "total": 2}
    answer = own.decide(answer["samples"][0], "reject").json()
    assert answer["progress"] == {"decided": 1, "total": 2}
    assert ids(own.queue(count=8, later=later)) == later[1:]


def test_noted_samples_come_again_with_note_and_verdict_until_they_are_decided_anew(study, desk):
    for place, packet in enumerate(desk.queue(count=4)["samples"]):
        desk.decide(packet, "reject", note="blurred" if place % 2 else "")
    noted = Desk(study, choice=QueueChoice(only=QueuePart.NOTED), since=open_ledger(study).head().sequence)
    answer = noted.queue(count=8)
    assert [packet["note"] for packet in answer["samples"]] == ["blurred", "blurred"]
    first = answer["samples"][0]
    assert first["standing"] == f"{first['given']['label']}, kept"
    told = noted.decide(first, "accept", note="clear after all").json()
    assert told["progress"] == {"decided": 1, "total": 2}
    assert ids(noted.queue(count=8)) == [answer["samples"][1]["id"]]


def test_a_repeat_comes_as_if_new_and_its_verdict_follows_the_first(study, monkeypatch):
    monkeypatch.setattr(queue, "REPEAT_GAP", 3)
    monkeypatch.setattr(queue, "REPEAT_SHARE", 1)
    desk = Desk(study, choice=QueueChoice(repeats=True))
    shown = []
    for _ in range(4):
        packet = desk.shown()
        shown.append(packet)
        desk.decide(packet, "reject", note="first opinion")
    again = desk.shown()
    assert again == shown[0] | {"follows": again["follows"]}
    assert again["follows"] == open_ledger(study).decisions()[0].verdict.idempotency_key
    listed = desk.post("decided", after=None, count=60, search="").json()["decided"]
    assert [each["id"] for each in listed] == [each["id"] for each in shown[:0:-1]]
    # The page asks for it by what it follows, when it is drawn again.
    kept = desk.queue(first=again["id"], follows=again["follows"], count=1)["samples"][0]
    assert kept == again
    assert desk.decide(again, "accept").status_code == 200
    decisions = open_ledger(study).decisions()
    assert len(decisions) == 4
    assert decisions[-1].verdict.kind is VerdictKind.ACCEPT
    assert decisions[-1].verdict.follows == again["follows"]
    assert desk.shown()["id"] not in {each["id"] for each in shown[:1]}
    assert Desk(study).shown()["id"] not in {each["id"] for each in shown}


def test_decided_samples_are_listed_the_newest_first_and_in_parts(study, desk):
    made = [desk.shown()]
    desk.decide(made[-1], "accept")
    while packets := desk.queue(count=1)["samples"]:
        made.append(packets[0])
        desk.decide(packets[0], "exclude" if len(made) == 3 else "reject", note="blurred" if len(made) == 4 else "")
    newest = [packet["id"] for packet in reversed(made)]

    def listed(**asked):
        return desk.post("decided", **{"after": None, "count": 60, "search": ""} | asked).json()

    assert [each["id"] for each in listed()["decided"]] == newest
    assert listed()["next"] is None
    first = listed(count=5)
    second = listed(count=5, after=first["next"])
    assert [each["id"] for each in first["decided"] + second["decided"]] == newest
    assert second["next"] is None
    assert listed()["decided"][-1]["text"] == f"{made[0]['given']['label']} → {made[0]['other']['label']}"
    assert listed()["decided"][0]["thumb"].startswith("data:image/jpeg;base64,")
    for search, place in (("EXCLUDED", 2), ("blur", 3), (made[5]["id"], 5), ("changed", 0)):
        assert [each["id"] for each in listed(search=search)["decided"]] == [made[place]["id"]]
    label = made[0]["given"]["label"]
    found = {each["id"] for each in listed(search=label)["decided"]}
    assert {packet["id"] for packet in made if packet["given"]["label"] == label} <= found
    assert listed(search="no such thing") == {"decided": [], "next": None}
    assert Desk(study, "Bob").post("decided", after=None, count=60, search="").json()["decided"] == []


@pytest.mark.parametrize("change", [{"count": 61}, {"after": "1"}, {"after": -1}, {"search": 3}, {"after": True}])
def test_a_list_that_no_page_asks_for_is_refused(desk, change):
    assert desk.post("decided", **{"after": None, "count": 60, "search": ""} | change).status_code == 422


def test_a_verdict_is_opened_again_said_and_changed_by_a_new_row_and_the_queue_goes_on(study, desk):
    first = desk.shown()
    key = desk.decide(first, "accept", note="sure").json()["key"]
    waiting = ids(desk.queue(count=3))
    answer = desk.queue(first=first["id"], follows=None, count=4)
    opened = answer["samples"][0]
    assert ids(answer) == [first["id"], *waiting]
    assert (opened["follows"], opened["note"]) == (key, "sure")
    assert opened["standing"] == f"{first['given']['label']} → {first['other']['label']}"
    assert desk.decide(opened, "reject").status_code == 200
    assert [row.kind for row in open_ledger(study).history()] == ["verdict", "verdict"]
    (decision,) = open_ledger(study).decisions()
    assert (decision.verdict.kind, decision.verdict.follows) == (VerdictKind.REJECT, key)
    assert ids(desk.queue(count=3)) == waiting
    # A page that is drawn again and still shows it goes on, since it was decided.
    assert ids(desk.queue(first=first["id"], follows=key, count=3)) == waiting


@pytest.fixture
def unread(tmp_path, monkeypatch):
    study = write_study(tmp_path, num_samples=24, has_run=False)
    samples = study.samples()
    images = map(study.image_location, samples["image"])
    build_cache(study.pixels_path, dict(zip(samples["sample_id"], images, strict=True)), size_px=32)
    return study


def test_a_study_without_a_run_is_read_and_exported(unread):
    desk = Desk(unread, choice=QueueChoice(order=QueueOrder.RANDOM))
    answer = desk.queue(count=10)
    assert answer["progress"] == {"decided": 0, "total": 24}
    samples = unread.samples().set_index("sample_id")
    assert ids(answer) != samples.index[:10].tolist()
    keep, other, *_ = answer["samples"]
    assert (keep["chance"], keep["probs"], keep["votes"], keep["similar"], keep["other"]["label"]) == (
        "",
        [],
        [],
        [],
        "",
    )
    assert keep["given"]["label"] == samples["given_label"][keep["id"]]
    assert desk.decide(keep, "accept").status_code == 422
    assert desk.decide(keep, "reject").status_code == 200
    chosen = next(name for name in unread.classes if name != other["given"]["label"])
    assert desk.decide(other, "relabel", chosen_label=chosen).json()["progress"] == {"decided": 2, "total": 24}
    assert desk.image(other).status_code == 200
    table, _ = export_table(unread)
    rows = table.head(24).set_index(samples.index)  # two quarantined ones follow
    assert rows.loc[keep["id"], ["verdict", "run", "label_error_probability", "reader"]].tolist() == [
        *("reject", "", "", READER)
    ]
    assert rows.loc[other["id"], ["verdict", "final_label", "is_changed"]].tolist() == ["relabel", chosen, "true"]


def test_by_class_without_a_run_one_class_follows_the_other(unread):
    answer = Desk(unread, choice=QueueChoice(order=QueueOrder.CLASS_PAIR)).queue(count=10)
    labels = [packet["given"]["label"] for packet in answer["samples"]]
    assert labels == sorted(labels)
    assert labels.count(labels[0]) == 8
