"""The commands. Each parses, calls and prints; what it needs is imported inside it, so that --help is quick."""

import errno
import json
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import OverreadError

if TYPE_CHECKING:
    from core.datasets.runs import Run

app = typer.Typer(
    help="Overread: find and mend wrong labels in medical image datasets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

StudyPath = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of the study.", show_default=False)]
RunName = Annotated[str | None, typer.Option("--run", help="Name of a finished run; the newest one if not given.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", min=0)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else.")]


_INTERRUPTED = 130
"""What typer makes of a KeyboardInterrupt."""


def main() -> None:
    """Run a command. Exit status: 0; 2, the user's mistake, with one line that says what to mend; 1, ours."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except OverreadError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print("error: the disk is full; free some room and run the command again", file=sys.stderr)
        sys.exit(2)
    except SystemExit as end:
        if end.code != _INTERRUPTED:
            raise
        print("stopped", file=sys.stderr)
        sys.exit(1)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder to make the two demo studies in.")],
    num_images: Annotated[int, typer.Option(help="Images of each study.", min=40)] = 600,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Draw, import and train the demo studies; what is there already is kept."""
    from core.demo import make_demo

    with _bar(as_json) as show:
        studies = make_demo(out, num_images=num_images, seed=seed, listener=lambda e: show(e["fraction"], e["message"]))
    lines = [f"{study.name}: {study.path}" for study in studies]
    _print(as_json, {"studies": [str(study.path) for study in studies]}, [*lines, "review them: python -m app"])


@app.command("import")
def import_(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder per class; one with a labels file, or the file, or its URL; CIFAR's batches; MedMNIST's "
            ".npz file, or medmnist:NAME to fetch it."
        ),
    ],
    study: Annotated[Path, typer.Option(help="Folder of the study to make.")],
    source_format: Annotated[
        str | None,
        typer.Option("--format", help="How to read it, if not as found: csv, folder, fiftyone, label-studio ..."),
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Labels file, paths relative to SOURCE; or CIFAR-N's.")] = None,
    image_column: Annotated[str | None, typer.Option(help="Column of the image's path.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Column of the label; of CIFAR-100, coarse_labels.")] = None,
    patient_column: Annotated[str | None, typer.Option(help="Column of the patient; stored as a keyed hash.")] = None,
    slide_column: Annotated[str | None, typer.Option(help="Column of the slide; stored as a keyed hash.")] = None,
    split_column: Annotated[str | None, typer.Option(help="Column of the split: train, val or test.")] = None,
    rater_column: Annotated[
        list[str] | None, typer.Option(help="Column of one rater's label; may be repeated.")
    ] = None,
    given_label: Annotated[
        str | None, typer.Option(help="The label to audit: of Chaoyang label_A ..., of CIFAR-N aggre_label ...")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Of DICOM files: the tag by which the labels file names them, or name.")
    ] = None,
    label_tag: Annotated[
        str | None,
        typer.Option(help="Of DICOM files without a labels file: the tag that holds the labels, or its (gggg,eeee)."),
    ] = None,
    frames: Annotated[
        str, typer.Option(help="Of DICOM files with several frames: middle, or all of them, each a sample.")
    ] = "middle",
    classes: Annotated[str | None, typer.Option(help="The labels allowed, in order: A,B,C; or 0=A,1=B.")] = None,
    name: Annotated[str | None, typer.Option(help="The study's name on pages; the folder's if not given.")] = None,
    image_size: Annotated[int, typer.Option(help="Side of the cached images in px.", min=32, max=1024)] = 224,
    update: Annotated[bool, typer.Option(help="Read the source of an existing study again.")] = False,
    as_json: Json = False,
) -> None:
    """Make a study of labelled images: check every row, decode every image once."""
    from core.datasets.classes import listed
    from core.datasets.manifest import import_source
    from core.datasets.medmnist_release import local_source
    from core.datasets.source import read_source

    with _bar(as_json) as show:
        source = local_source(
            source, lambda done, total: show(done / total, f"fetched {done / 1e6:.0f} of {total / 1e6:.0f} MB")
        )
    found = read_source(
        source,
        format=source_format,
        labels=labels,
        image_column=image_column,
        label_column=label_column,
        patient_column=patient_column,
        slide_column=slide_column,
        split_column=split_column,
        rater_columns=rater_column or (),
        given_label=given_label,
        key=key,
        label_tag=label_tag,
        frames=frames,
        classes=[part.strip() for part in classes.split(",")] if classes else None,
    )
    with _bar(as_json) as show:
        summary = import_source(
            found,
            study,
            name=name,
            image_size_px=image_size,
            update=update,
            on_progress=lambda done, total: show(done / max(total, 1), f"decoded {done} of {total} images"),
        )
    quarantined = f"; {summary.num_quarantined} rows in {study / 'quarantine.csv'}" if summary.num_quarantined else ""
    line = f"{study}: {summary.num_samples} samples of {listed(summary.classes)}{quarantined}"
    _print(as_json, asdict(summary), [*(f"note: {message}" for message in summary.messages), line])


@app.command()
def check(study: StudyPath, as_json: Json = False) -> None:
    """Say what is wrong with the data itself: duplicates, leaks, labels that can be read off, raters who differ."""
    from core.checks.report import check_study
    from core.datasets.study import open_study

    opened = open_study(study)
    with _bar(as_json) as show:
        findings = check_study(opened, on_progress=lambda fraction: show(fraction, "looking at every image"))
    lines = [f"{finding.severity:8}{finding.message}" for finding in findings] or ["nothing found"]
    _print(as_json, {"findings": [asdict(finding) for finding in findings]}, lines)


@app.command()
def agreement(
    study: StudyPath,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples for the 95 % intervals.", min=0)] = 1000,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Measure how far raters and readers agree beyond chance; intervals resample whole patients or slides."""
    from core.checks.agreement import Estimate, study_agreement
    from core.checks.readers import reader_labels
    from core.datasets.groups import sample_groups
    from core.datasets.study import open_study
    from core.review.ledger import Ledger

    opened = open_study(study)
    samples = opened.samples()
    ledger = Ledger.open(opened.ledger_url, opened.ledger_study)
    of_readers, num_blind = reader_labels(samples, ledger.decisions(), ledger.readings())
    panels = {"raters and readers": [*opened.rater_names, *of_readers]}
    if of_readers.shape[1] and len(opened.rater_names) > 1:
        panels["raters"] = list(opened.rater_names)
    if opened.rater_names and of_readers.shape[1] > 1:
        panels["readers"] = list(of_readers)
    found = {
        panel: study_agreement(
            samples.join(of_readers), names, opened.classes, sample_groups(samples), num_resamples=resamples, seed=seed
        )
        for panel, names in panels.items()
    }
    everyone = found.pop("raters and readers")

    def described(name: str, value: Estimate) -> str:
        if math.isnan(value.value):
            return f"{name:{width}}   not defined  {value.num_samples} samples"
        return f"{name:{width}}{value.value:6.3f}  [{value.low:.3f}, {value.high:.3f}]  {value.num_samples} samples"

    named = [(f"Cohen's kappa, {pair.first} and {pair.second}", pair.kappa) for pair in everyone.pairs]
    for panel, of_panel in {"": everyone, **found}.items():
        among = f", {panel} alone" if panel else ""
        named += [(f"Fleiss' kappa{among}", of_panel.fleiss_kappa)]
        named += [(f"Krippendorff's alpha{among}", of_panel.krippendorff_alpha)]
    width = max(len(name) for name, _ in named) + 2
    lines = [described(name, value) for name, value in named]
    lines.append(f"they differ on {everyone.num_disputed} of {everyone.krippendorff_alpha.num_samples} samples:")
    lines += [f"  {name}: {share:.1%}" for name, share in everyone.share_disputed.items()]
    lines.append(f"intervals: 95 %, {resamples} resamples of {everyone.num_groups} patients, slides or lone samples")
    if num_labels := int((of_readers != "").to_numpy().sum()):
        lines.append(
            f"readers: {num_blind} of their {num_labels} labels were read blind; the others follow from verdicts, made "
            "with the given label and the model's in sight"
        )
    values = asdict(everyone) | {"num_blind": num_blind, "num_reader_labels": num_labels}
    _print(as_json, values | {"panels": {panel: asdict(of_panel) for panel, of_panel in found.items()}}, lines)


@app.command()
def corrupt(
    study: StudyPath,
    noise: Annotated[str, typer.Option(help="symmetric, pair, idn or boundary.")],
    rate: Annotated[float, typer.Option(help="Mean share of labels to change, in (0, 1).")],
    out: Annotated[Path, typer.Option(help="Folder of the new study.")],
    truth: Annotated[Path, typer.Option(help="CSV to write the true labels to.")],
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """For experiments: make a new study with wrong labels, and put the true ones into a file of their own."""
    from core.datasets.corrupt import corrupt_study
    from core.datasets.study import open_study, read_text_table

    new = corrupt_study(open_study(study), noise=noise, rate=rate, seed=seed, out=out, truth=truth)
    labels = read_text_table(truth)["true_label"].to_numpy()
    num_changed = int((labels != new.samples()["given_label"].to_numpy()).sum())
    line = f"{out}: {num_changed} of {len(labels)} labels changed; the true ones are in {truth}"
    _print(as_json, {"num_samples": len(labels), "num_changed": num_changed}, [line])


@app.command()
def train(
    study: StudyPath,
    preset: Annotated[
        str, typer.Option(help="overread, quick, or paper (the paper's method, nothing beside it).")
    ] = "overread",
    seed: Seed = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Change a setting; may be repeated."),
    ] = None,
    embeddings: Annotated[
        Path | None,
        typer.Option(help="Your own features to judge by: .npy in the order of samples.csv, or .npz with ids."),
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="An encoder of torchvision or timm to judge by; needs --weights.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="The backbone's weights, .safetensors or .pth; nothing is downloaded.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on with the newest run, which did not finish.")] = False,
    after_review: Annotated[
        bool, typer.Option("--after-review", help="Keep to what readers decided; begin from --run and compare with it.")
    ] = False,
    run: RunName = None,
    as_json: Json = False,
) -> None:
    """Train the model on a study and score every label."""
    from core.datasets.study import open_study
    from core.errors import ConfigError
    from core.pipeline.train import train_study

    if run and not after_review:
        raise ConfigError(f"--run {run}: goes with --after-review alone, which begins from a run")
    if resume and after_review:
        raise ConfigError("--after-review: a run that is resumed knows it already; leave it out")

    opened = open_study(study)
    notes: list[str] = []
    with _bar(as_json) as show:

        def listen(event: dict[str, Any]) -> None:
            match event["event"]:
                case "epoch":
                    show(event["num_done"] / event["num_epochs"], f"{event['phase']}, loss {event['loss']:.3f}")
                case "pictures":
                    show(0.0, f"looking for images that show the same, {event['fraction']:.0%}")
                case "features":
                    show(0.0, f"features, {event['fraction']:.0%}")
                case "note":
                    notes.append(event["message"])

        trained = train_study(
            opened,
            preset=preset,
            seed=seed,
            device=device,
            assignments=assignments or (),
            embeddings=embeddings,
            backbone=backbone,
            weights=weights,
            resume=resume,
            after_review=after_review,
            run_name=run,
            listener=listen,
        )
    num_proposed = int(trained.scores()["is_proposed"].sum())
    line = f"{trained.path}: {num_proposed} of {trained.config()['num_samples']} labels are proposed for review"
    comparison = trained.comparison()
    values = {"run": trained.name, "num_proposed": num_proposed, "notes": notes}
    if comparison:
        values |= {"comparison": comparison, "is_offered": trained.is_offered}
    told = _told_comparison(comparison, trained) if comparison else []
    _print(as_json, values, [*(f"note: {note}" for note in notes), line, *told])


@app.command()
def saliency(
    study: StudyPath,
    samples: Annotated[list[str], typer.Argument(metavar="SAMPLE...", help="Ids of samples.", show_default=False)],
    run: RunName = None,
    as_json: Json = False,
) -> None:
    """Compute where a run's network looks in an image, for the given label and the proposed one."""
    from core.datasets.runs import open_run
    from core.datasets.study import open_study
    from core.proposals.saliency import compute_saliency, saliency_path

    opened = open_study(study)
    found = open_run(opened, run)
    compute_saliency(opened, found, samples)
    # Not the paths: the app keeps this in a log.
    _print(as_json, {"num_samples": len(samples)}, [str(saliency_path(found, sample)) for sample in samples])


@app.command()
def evaluate(
    study: StudyPath,
    truth: Annotated[Path, typer.Option(help="CSV with true_label beside sample_id or image.")],
    run: RunName = None,
    as_json: Json = False,
) -> None:
    """Measure a run's proposals against true labels; training never sees them."""
    from core.datasets.study import open_study
    from core.pipeline.evaluation import evaluate_run

    result = evaluate_run(open_study(study), truth, run)
    lines = [
        f"run {result['run']}: {result['num_errors']} of {result['num_samples']} labels are wrong, "
        f"{result['num_proposed']} are proposed",
        *(
            f"  {name.replace('_', ' '):24}{result[name]:.4f}"
            for name in ("average_precision", "auroc", "precision", "recall", "f1", "proposed_label_accuracy")
        ),
        *(f"  recall at {budget} read{'':8}{value:.4f}" for budget, value in result["recall_at_budget"].items()),
    ]
    if result["test_accuracy"] is not None:
        lines.append(f"  {'accuracy on split test':24}{result['test_accuracy']:.4f}")
    lines += [
        f"  {name:24}average precision {value['average_precision']:.4f}   AUROC {value['auroc']:.4f}"
        for name, value in (result["scorers"] | result["stages"]).items()
    ]
    _print(as_json, result, lines)


@app.command()
def proposals(
    study: StudyPath,
    out: Annotated[Path, typer.Option(help="CSV to write: the proposed rows of scores.csv, the surest first.")],
    run: RunName = None,
    as_json: Json = False,
) -> None:
    """Write the proposals of a run."""
    from core.datasets.runs import open_run
    from core.datasets.study import open_study
    from core.files import write_atomically

    _require_folder(out)
    table = open_run(open_study(study), run).proposals()
    write_atomically(out, table.to_csv(index=False, lineterminator="\n"))
    _print(as_json, {"num_proposed": len(table)}, [f"{out}: {len(table)} proposals"])


@app.command()
def export(
    study: StudyPath,
    out: Annotated[Path, typer.Option(help="The file to write; of imagefolder and fiftyone, the folder.")],
    run: RunName = None,
    export_format: Annotated[
        str,
        typer.Option(
            "--format", help="csv (the cleaned one), croissant, imagefolder, fiftyone, label-studio, cleanlab."
        ),
    ] = "csv",
    spreadsheet_safe: Annotated[
        bool, typer.Option(help="Make the source's own cells harmless for spreadsheets too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the cleaned CSV: the source's columns, the final label, and who decided it. Or labels for other tools."""
    from core.datasets.study import open_study
    from core.pipeline.export import export_study

    _require_folder(out, is_file=export_format not in ("imagefolder", "fiftyone"))
    opened = open_study(study)
    table, own = export_study(opened, out, run, format=export_format, spreadsheet_safe=spreadsheet_safe)
    changed, verdict = own[1], own[2]
    counts = {
        "num_rows": len(table),
        "num_changed": int((table[changed] == "true").sum()),
        "num_decided": int((~table[verdict].isin(["", "quarantined"])).sum()),
    }
    line = f"{out}: {counts['num_rows']} rows, {counts['num_decided']} decided, {counts['num_changed']} labels changed"
    names = ", ".join(f"{place}={name}" for place, name in enumerate(opened.classes))
    lines = [line, f"its labels are numbers: {names}"] if export_format == "cleanlab" else [line]
    _print(as_json, counts, lines)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="detection: how well wrong labels are found, beside other methods.")],
    out: Annotated[Path, typer.Option(help="Folder of results.jsonl and tables.md.")] = Path("data/benchmark"),
    cache: Annotated[Path | None, typer.Option(help="Folder of pixels and features; in --out if not given.")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas.")] = "0,1,2",
    tasks: Annotated[
        str, typer.Option(help="Tasks, by name; all but demo_tiles need the images that OVERREAD_DATA names.")
    ] = "chest_xray,lung_histology,cifar10n,demo_tiles",
    noise: Annotated[
        str | None, typer.Option(help="idn10 to idn40, boundary10, boundary20, human; what a task has if not given.")
    ] = None,
    methods: Annotated[
        str | None, typer.Option(help="Methods, by name; all but paper, a network's, if not given.")
    ] = None,
    features: Annotated[str, typer.Option(help="simclr, pretrained or both.")] = "both",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    again: Annotated[str, typer.Option(help="Methods to measure anew, for their code has changed.")] = "",
    as_json: Json = False,
) -> None:
    """Measure how well wrong labels are found, beside other methods; what is measured already is kept."""
    from core.benchmark.detection import run_detection
    from core.errors import ConfigError

    if name != "detection":
        raise ConfigError(f"bench {name}: is not known; there is: detection")
    with _bar(as_json) as show:
        results, page = run_detection(
            out,
            cache=cache or out / "cache",
            seeds=_seeds(seeds),
            tasks=_parts(tasks),
            noises=_parts(noise) if noise else None,
            methods=_parts(methods) if methods else None,
            features=("simclr", "pretrained") if features == "both" else (features,),
            device=device,
            again=_parts(again),
            listener=show,
        )
    _print(as_json, {"results": results, "tables": str(out / "tables.md")}, [page])


def _told_comparison(comparison: dict[str, Any], run: "Run") -> list[str]:
    """How a run after review compares with the one before it."""
    num, num_wrong = comparison["num_samples"], comparison["num_wrong"]
    locked = f"{num} decided samples held back, {num_wrong} of them labelled wrong"
    if comparison["outcome"] == "too_few":
        lines = [f"too few to tell whether it is better than the run before: {locked}"]
    else:
        lines = [f"beside the run before, on {locked}:"]
        for name, words in (("average_precision", "average precision"), ("brier", "Brier score (lower is better)")):
            figure = comparison[name]
            lines.append(
                f"  {words:30}{figure['before']:.3f} -> {figure['after']:.3f}   "
                f"difference [{figure['low']:+.3f}, {figure['high']:+.3f}]"
            )
        verdicts = {"better": "it is better", "alike": "no difference beyond chance", "worse": "it is worse"}
        lines.append(verdicts[comparison["outcome"]])
    if run.is_offered:
        lines.append(f"the run before stays in use; choose this one on the Train page, or name it: --run {run.name}")
    return lines


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _seeds(text: str) -> list[int]:
    from core.errors import ConfigError

    seeds = _parts(text)
    if not seeds or not all(seed.isdecimal() for seed in seeds):
        raise ConfigError(f"--seeds {text}: give whole numbers from 0, separated by commas")
    return [int(seed) for seed in seeds]


def _require_folder(out: Path, *, is_file: bool = True) -> None:
    from core.errors import ConfigError

    if not out.resolve().parent.is_dir():
        raise ConfigError(f"--out {out}: the folder {out.resolve().parent} does not exist; make it, or name another")
    if is_file and out.is_dir():
        raise ConfigError(f"--out {out}: this is a folder; give the name of a file")


def _print(as_json: bool, values: dict[str, Any], lines: list[str]) -> None:
    print(json.dumps(_without_nan(values), ensure_ascii=False, default=str) if as_json else "\n".join(lines))


def _without_nan(value: Any) -> Any:
    """What is not defined becomes null: JSON has no NaN."""
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


@contextmanager
def _bar(as_json: bool) -> Iterator[Callable[[float, str], None]]:
    """A progress bar on a terminal. With --json lines of {"fraction", "message"} on standard error, for a program."""
    if as_json:
        yield _tell_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("starting", total=1.0)
        yield lambda fraction, message: progress.update(task, completed=fraction, description=message)


def _tell_lines(interval_s: float = 0.5) -> Callable[[float, str], None]:
    told_s = -interval_s

    def tell(fraction: float, message: str) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= interval_s:
            told_s = time.monotonic()
            print(json.dumps({"fraction": round(fraction, 4), "message": message}), file=sys.stderr, flush=True)

    return tell
