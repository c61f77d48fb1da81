"""A small study with a finished run, written in the real format without training anything."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from overread.detection_settings import DetectionSettings
from overread.files import write_atomically
from overread.proposals.evidence import evidence
from overread.studies.sample_groups import sample_groups
from overread.studies.study import Study, create_key, keyed_hashes, save_study

CLASSES = ("adenoma", "normal", "serrated")
ODD_CLASSES = (
    *(":material/home:", "http://example.com", "www.example.com", "**bold**", "$x$", ":red[a]", "<b>x</b>", "a@b.c"),
    *(
        "<a href='http://x.y'>z</a>",
        "https://x.y/z?q=1#a",
        ":smile:",
        "->",
        "1. one",
        "&lt;",
        "[a](b)",
        "%{y} `c` ~~d~~",
    ),
)
"""What Markdown, Streamlit's additions to it and Plotly would each make something else of."""
RUN = "20260102T030405-quick-0"
NUM_BAD_ROWS = 2


def write_study(
    folder: Path, *, name: str = "Colon tiles", num_samples: int = 48, seed: int = 0, has_run: bool = True
) -> Study:
    """A study of grey squares with three classes in `folder`/study and its images in `folder`/images."""
    rng = np.random.default_rng(seed)
    path = folder / "study"
    images = folder / "images"
    path.mkdir(parents=True)
    images.mkdir()
    create_key(path)
    names = [f"secret-patient-{index}.png" for index in range(num_samples)]
    for image in names:
        Image.fromarray(rng.integers(0, 255, (24, 32), dtype=np.uint8)).save(images / image)
    given = np.arange(num_samples) % len(CLASSES)
    patients = [f"patient {index // 2}" for index in range(num_samples)]
    splits = np.where(rng.random(num_samples) < 0.2, "test", "train")
    samples = pd.DataFrame(
        {
            "sample_id": keyed_hashes(path, names),
            "image": names,
            "given_label": [CLASSES[index] for index in given],
            "patient": keyed_hashes(path, patients),
            "slide": "",
            "split": splits,
            "reader_A": [CLASSES[index] for index in given],
        }
    )
    _write_table(path / "samples.csv", samples)
    source = pd.DataFrame({"image": names, "label": samples["given_label"], "ward": "3"})
    bad = pd.DataFrame({"image": ["secret-broken.png", "secret-empty.png"], "label": CLASSES[0], "ward": "9"})
    _write_table(path / "source.csv", pd.concat([source, bad]))
    rows = [str(num_samples + 2 + index) for index in range(NUM_BAD_ROWS)]
    reasons = ["the image is truncated", "the file is empty"]
    _write_table(path / "quarantine.csv", pd.DataFrame({"row": rows, "image": bad["image"], "reason": reasons}))
    study = Study(
        path=path,
        name=name,
        classes=CLASSES,
        source_root=str(images),
        source_format="csv",
        image_column="image",
        label_column="label",
        created="2026-01-02T03:04:05+00:00",
        rater_names=("reader_A",),
        image_size_px=32,
    )
    save_study(study)
    if has_run:
        write_run(study, samples, given, rng)
    return study


def write_run(study: Study, samples: pd.DataFrame, given: np.ndarray, rng: np.random.Generator) -> None:
    """A finished run with a proposal for every sixth sample."""
    num_samples, num_classes = len(samples), len(study.classes)
    path = study.runs_path / RUN
    path.mkdir(parents=True)
    is_proposed = np.arange(num_samples) % 6 == 0
    predicted = np.where(is_proposed, (given + 1) % num_classes, given)
    probs = np.full((num_samples, num_classes), 0.05)
    probs[np.arange(num_samples), predicted] = 1 - 0.05 * (num_classes - 1)
    errors = np.where(is_proposed, rng.uniform(0.7, 1, num_samples), rng.uniform(0, 0.3, num_samples))
    scores = pd.DataFrame(
        {
            "sample_id": samples["sample_id"],
            "given_label": samples["given_label"],
            "proposed_label": [study.classes[index] for index in predicted],
            "label_error_probability": errors.round(4),
            "is_proposed": np.where(is_proposed, "true", "false"),
            "score_rounds": errors.round(4),
            "score_cross_validated": errors.round(4),
            **{f"p_{name}": probs[:, index] for index, name in enumerate(study.classes)},
            "kind": np.where(is_proposed, "relabel", ""),
        }
    )
    stages = [f"round {number} epoch {epoch}" for number in (1, 2, 3) for epoch in (2, 5, 7)]
    np.savez(
        path / "trace.npz",
        stage_probs=np.repeat(probs[None], len(stages) + 1, axis=0).astype(np.float16),
        stage_names=np.array(["warmup", *stages]),
        pseudo_labels=np.repeat(predicted[None], 3, axis=0).astype(np.int16),
        is_consensus=np.repeat(is_proposed[None], 3, axis=0),
    )
    num_axes = max(8, num_classes)
    embeddings = (rng.normal(size=(num_samples, num_axes)) + 3 * np.eye(num_axes)[given]).astype(np.float16)
    np.save(path / "embeddings.npy", embeddings)
    np.savez(
        path / "evidence.npz",
        **evidence(embeddings, sample_groups(samples), np.full(num_samples, -1), DetectionSettings()),
    )
    config = {"preset": "quick", "seed": 0, "device": "cpu", "num_samples": num_samples}
    write_atomically(path / "config.json", json.dumps(config))
    write_atomically(path / "progress.jsonl", "".join(json.dumps(event) + "\n" for event in progress(num_samples)))
    _write_table(path / "scores.csv", scores)


def progress(num_samples: int) -> list[dict]:
    """The events of a quick run from its start to its end."""
    phases = [("pretrain", 6), ("warmup", 5), ("round 1", 4), ("round 2", 7), ("round 3", 7)]
    total = sum(num_epochs for _, num_epochs in phases)
    described = [{"name": name, "num_epochs": num_epochs} for name, num_epochs in phases]
    start = {"event": "start", "run": RUN, "preset": "quick", "phases": described}
    events = [{**start, "num_epochs": total, "num_samples": num_samples, "elapsed_s": 0.1}]
    num_done = 0
    for name, num_epochs in phases:
        for epoch in range(1, num_epochs + 1):
            num_done += 1
            events.append(
                {
                    "event": "epoch",
                    "phase": name,
                    "epoch": epoch,
                    "num_done": num_done,
                    "num_epochs": total,
                    "loss": round((4.5 if name == "pretrain" else 1.2) * 0.9**epoch, 3),
                    "remaining_s": 1.5 * (total - num_done),
                    "elapsed_s": 1.5 * num_done,
                }
            )
        if name.startswith("round"):
            number = int(name.split()[1])
            reliable = {"num_reliable": num_samples * number // 4, "num_changed": num_samples // 6}
            events.append({"event": "round", "round": number, **reliable, "elapsed_s": 1.5 * num_done})
    return [*events, {"event": "finish", "num_proposed": num_samples // 6, "elapsed_s": 1.5 * total}]


def _write_table(path: Path, table: pd.DataFrame) -> None:
    table.to_csv(path, index=False)
