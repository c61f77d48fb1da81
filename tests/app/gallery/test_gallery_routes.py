"""What the routes of the gallery answer: ranges with their images, verdicts in bulk once, what is refused and why."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from overread.images.cache.pixel_cache import open_cache
from overread.pipeline.study_ledger import open_ledger
from overread.review.queue import review_order
from overread.review.queue_choice import QueueChoice
from overread.review.selections import save_selection
from overread.studies.run import open_run
from overread.studies.study import set_protocol, update_study_file
from tests.app.reading.desk import READER, Desk

ALL = QueueChoice(min_probability=0.0)


@pytest.fixture
def desk(study):
    return Desk(study)


def tiles(desk, **body):
    """The head of an answer, and its images as arrays."""
    response = desk.post("gallery/tiles", **{"start": 0, "count": 60} | body)
    assert response.status_code == 200, response.text
    line, _, rest = response.content.partition(b"\n")
    head, images = json.loads(line), []
    for size in head["sizes"]:
        images.append(np.asarray(Image.open(io.BytesIO(rest[:size]))) if size else None)
        rest = rest[size:]
    assert rest == b""
    return head, images


def decide(desk, shown, kind, /, *, bulk="b", label="", **follows):
    follows = {tile["id"]: tile["follows"] for tile in shown} | follows
    return desk.post("gallery/verdict", bulk=bulk, kind=kind, chosen_label=label, follows=follows)


def rows(study):
    return [row for row in open_ledger(study).history() if row.kind != "reader"]


def test_a_range_has_the_tiles_at_those_places_and_the_images_of_the_pixel_cache(study, desk):
    order = review_order(open_run(study).scores())
    scores = open_run(study).scores().set_index("sample_id")
    head, images = tiles(desk, start=2, count=3, images=True)
    assert [tile["id"] for tile in head["tiles"]] == order[2:5]
    assert (head["total"], head["last"]) == (8, None)
    for tile, image in zip(head["tiles"], images, strict=True):
        row = scores.loc[tile["id"]]
        assert (tile["given"], tile["likely"]) == (row.given_label, row.proposed_label)
        assert (tile["follows"], tile["verdict"]) == ("", None)
        pixels = open_cache(study.pixels_path).image(tile["id"])[..., 0]
        assert np.abs(image.astype(int) - pixels).mean() < 3  # JPEG
    assert tiles(desk, start=8)[0]["tiles"] == []
    assert tiles(desk, ids=order[:2])[1] == []


def test_without_a_pixel_cache_tiles_have_no_image(study, desk):
    (study.pixels_path / "index.json").unlink()
    head, images = tiles(desk, count=2, images=True)
    assert (len(head["tiles"]), images) == (2, [None, None])


def test_requests_need_a_ticket_and_are_checked(study, desk):
    for wrong in ({"count": 1001}, {"start": -1}, {"start": True}, {"ids": ["no such sample"]}, {"ids": "x"}):
        assert desk.post("gallery/tiles", **{"start": 0, "count": 1} | wrong).status_code == 422
    (tile,) = tiles(desk, count=1)[0]["tiles"]
    assert decide(desk, [], "accept").status_code == 422
    assert decide(desk, [tile], "exclude").status_code == 422
    assert decide(desk, [tile], "relabel", label="no such class").status_code == 422
    assert decide(desk, [tile], "accept", **{f"{number}": "" for number in range(200)}).status_code == 422
    bodies = {
        "tiles": {"start": 0, "count": 1},
        "verdict": {"bulk": "b", "kind": "reject", "follows": {tile["id"]: ""}},
        "undo": {"name": "x"},
    }
    own = desk.ticket
    for path, body in bodies.items():
        for ticket in (own[:-4] + "AAA=", ""):
            desk.ticket = ticket
            assert desk.post(f"gallery/{path}", **body).status_code == 401
    desk.ticket = Desk(set_protocol(study.path, "blind")).ticket
    for path, body in bodies.items():
        assert desk.post(f"gallery/{path}", **body).status_code == 422
    assert rows(study) == []


def test_one_verdict_on_several_samples_is_a_row_for_each_and_sent_again_no_second_one(study, desk):
    shown = tiles(desk)[0]["tiles"][:5]
    for _ in range(2):
        answer = decide(desk, shown, "accept").json()
        assert [tile["id"] for tile in answer["saved"]] == [tile["id"] for tile in shown]
        assert answer["refused"] == []
        assert [tile["verdict"]["label"] for tile in answer["saved"]] == [tile["likely"] for tile in shown]
    found = rows(study)
    assert [(row.sample_id, row.verdict, row.chosen_label) for row in found] == [
        (tile["id"], "accept", tile["likely"]) for tile in shown
    ]
    assert {(row.protocol, row.elapsed_ms, row.reader) for row in found} == {("bulk", 0, READER)}
    pair = f"{shown[0]['given']} → {shown[0]['likely']}"
    assert answer["last"]["text"] == f"5 images: {pair}"
    assert desk.queue(count=10)["progress"] == {"decided": 5, "total": 8}


@pytest.mark.parametrize(("label", "verdict"), [("adenoma", "reject"), ("normal", "accept"), ("serrated", "relabel")])
def test_a_chosen_class_is_the_verdict_that_it_comes_to(study, desk, label, verdict):
    shown = tiles(desk, count=1)[0]["tiles"]
    assert (shown[0]["given"], shown[0]["likely"]) == ("adenoma", "normal")
    decide(desk, shown, "relabel", label=label)
    assert [(row.verdict, row.chosen_label) for row in rows(study)] == [(verdict, label)]


def test_what_was_decided_in_another_window_is_refused_and_the_others_are_saved(study, desk):
    shown = tiles(desk)[0]["tiles"][:3]
    desk.decide(desk.queue(count=1, first=shown[1]["id"])["samples"][0], "reject")
    answer = decide(desk, shown, "accept").json()
    assert [tile["id"] for tile in answer["saved"]] == [shown[0]["id"], shown[2]["id"]]
    (refused,) = answer["refused"]
    assert (refused["id"], refused["reason"]) == (shown[1]["id"], "You have decided it in another window.")
    again = decide(desk, [refused], "accept", bulk="c").json()  # with what stands now, it is taken
    assert [tile["id"] for tile in again["saved"]] == [shown[1]["id"]]


def test_a_bulk_is_undone_in_one_step_and_the_one_before_it_after_that(study, desk):
    shown = tiles(desk)[0]["tiles"]
    decide(desk, shown[:3], "accept", bulk="first")
    last = decide(desk, shown[3:5], "reject", bulk="second").json()["last"]
    answer = desk.post("gallery/undo", name=last["name"]).json()
    assert {tile["id"] for tile in answer["undone"]} == {tile["id"] for tile in shown[3:5]}
    assert all(tile["verdict"] is None for tile in answer["undone"])
    assert answer["last"]["text"].startswith("3 images")
    assert desk.post("gallery/undo", name=answer["last"]["name"]).json()["last"] is None
    assert desk.post("gallery/undo", name=last["name"]).json()["undone"] == []
    assert open_ledger(study).decisions() == []
    assert len(rows(study)) == 10


@pytest.mark.parametrize("critical", ["adenoma", "normal"])
def test_a_critical_class_is_changed_neither_from_nor_to_in_bulk(study, desk, critical):
    shown = tiles(desk)[0]["tiles"][:2]  # adenoma, perhaps normal
    update_study_file(study.path, critical_classes=(critical,))
    answer = decide(desk, shown, "accept").json()
    assert (answer["saved"], len(answer["refused"])) == ([], 2)
    assert answer["refused"][0]["reason"] == f"{critical}: critical, decided one image at a time."
    assert len(decide(desk, shown, "reject", bulk="keep").json()["saved"]) == 2  # is no change


def test_a_single_verdict_that_stands_is_not_taken_back_in_bulk_where_its_class_is_critical(study, desk):
    update_study_file(study.path, critical_classes=("normal",))
    shown = tiles(desk, count=1)[0]["tiles"]
    desk.decide(desk.queue(count=1, first=shown[0]["id"])["samples"][0], "accept")
    shown = tiles(desk, count=1)[0]["tiles"]
    assert shown[0]["verdict"] == {"label": "normal", "text": "normal", "isBulk": False}
    assert len(decide(desk, shown, "reject").json()["refused"]) == 1


def test_a_bulk_that_was_recorded_is_so_when_it_is_sent_again_after_the_class_became_critical(study, desk):
    shown = tiles(desk, count=2)[0]["tiles"]
    decide(desk, shown, "accept")
    update_study_file(study.path, critical_classes=("normal",))
    assert len(decide(desk, shown, "accept").json()["saved"]) == 2


def test_a_queue_of_one_group_or_selection_has_its_samples_alone(study):
    samples = study.samples()
    splits = dict(zip(samples["sample_id"], samples["split"], strict=True))
    found = tiles(Desk(study, choice=replace(ALL, group=("split", "test"))), count=100)[0]["tiles"]
    assert {tile["id"] for tile in found} == {name for name, split in splits.items() if split == "test"}
    wanted = samples["sample_id"].tolist()[5:9]
    name = save_selection(study.path, wanted)
    found = tiles(Desk(study, choice=replace(ALL, selection=name)))[0]
    assert ({tile["id"] for tile in found["tiles"]}, found["total"]) == (set(wanted), 4)
    lost = Desk(study, choice=replace(ALL, selection="0" * 32))
    assert lost.post("gallery/tiles", count=1).status_code == 422
