"""Commands that train on a study and report on its runs."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from overread.cli.arguments import Json, Overwrite, RunName, Seed, StudyPath, require_folder
from overread.cli.flags import with_flags
from overread.cli.terminal import print_result, progress_bar, tell_state

if TYPE_CHECKING:
    from overread.pipeline.training_time import TimeEstimate
    from overread.studies.run import Run


class TrainCommand(TyperCommand):
    """`train`, whose help ends with every setting."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from overread.setting_list import settings_text

        super().format_help(ctx, formatter)
        formatter.write("\n" + settings_text())


@dataclass(frozen=True, slots=True)
class TrainFlags:
    """What is asked of a training; a field for each of TrainRequest."""

    preset: Annotated[str, typer.Option(help="overread, quick, or paper (the paper's method and nothing else).")] = (
        "overread"
    )
    seed: Seed = 0
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto"
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Change one of the settings; repeatable."),
    ] = None
    embeddings: Annotated[
        Path | None,
        typer.Option(help="Use your own features: .npy in the order of samples.csv, or .npz with ids."),
    ] = None
    encoder: Annotated[
        Path | None,
        typer.Option(
            help="Use an encoder from a folder or file, or name one to learn how to get it; never downloaded."
        ),
    ] = None
    backbone: Annotated[
        str | None,
        typer.Option(help="What timm or torchvision call the encoder, if --encoder is a file of its weights alone."),
    ] = None
    first: Annotated[
        bool, typer.Option("--first", help="Stop at the first proposals; --resume then trains the networks.")
    ] = False
    resume: Annotated[bool, typer.Option(help="Resume the newest run, if it did not finish.")] = False
    after_review: Annotated[
        bool,
        typer.Option("--after-review", help="Train with the readers' decisions; start from --run and compare with it."),
    ] = False
    base_run: RunName = None


@with_flags
def train(study: StudyPath, flags: TrainFlags, as_json: Json = False) -> None:
    """Train a model on a study and score every label."""
    from overread.pipeline.promises import run_promises
    from overread.pipeline.train_request import TrainRequest
    from overread.pipeline.train_study import train_study
    from overread.pipeline.training_progress import training_progress
    from overread.progress_words import first_words
    from overread.studies.study import open_study

    asked = {field.name: getattr(flags, field.name) for field in fields(flags)}
    request = TrainRequest(**asked | {"assignments": tuple(flags.assignments or ())})
    opened = open_study(study)
    tell_state(opened)
    notes: list[str] = []
    events: list[dict[str, Any]] = []
    with progress_bar(as_json) as show:

        def listen(event: dict[str, Any]) -> None:
            events.append(event)
            progress = training_progress(events)
            is_first = event["event"] == "first"
            show(progress.fraction, first_words(event["num_proposed"]) if is_first else progress.words)
            if event["event"] == "note":
                notes.append(event["message"])

        trained = train_study(opened, request, listener=listen)
    num_proposed = int(trained.scores()["is_proposed"].sum())
    line = f"{trained.path}: {num_proposed} of {trained.config()['num_samples']} labels are proposed for review"
    comparison = trained.comparison()
    refinement = trained.refinement()
    promises = run_promises(opened, trained)
    values = {"run": trained.name, "num_proposed": num_proposed, "notes": notes, "refinement": refinement}
    values["promises"] = promises
    if comparison:
        values |= {"comparison": comparison, "is_offered": trained.is_set_aside}
    told = _told_comparison(comparison, trained) if comparison else []
    print_result(as_json, values, [*(f"note: {note}" for note in notes), line, *promises, *told])


def _told_comparison(comparison: dict[str, Any], run: "Run") -> list[str]:
    """How a run after review compares with the one before it."""
    num, num_wrong = comparison["num_samples"], comparison["num_wrong"]
    locked = f"{num} held-out decided samples, {num_wrong} of them with a wrong label"
    if comparison["outcome"] == "too_few":
        lines = [f"too few to tell whether it is better than the previous run: {locked}"]
    else:
        lines = [f"compared with the previous run, on {locked}:"]
        for name, words in (("average_precision", "average precision"), ("brier", "Brier score (lower is better)")):
            figure = comparison[name]
            lines.append(
                f"  {words:30}{figure['before']:.3f} -> {figure['after']:.3f}   "
                f"difference [{figure['low']:+.3f}, {figure['high']:+.3f}]"
            )
        verdicts = {"better": "it is better", "alike": "no difference beyond chance", "worse": "it is worse"}
        lines.append(verdicts[comparison["outcome"]])
    if run.is_set_aside:
        lines.append(f"the previous run stays in use; choose this one on the Train page, or pass --run {run.name}")
    return lines


def estimate(
    study: StudyPath,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: Json = False,
) -> None:
    """Measure how long a training of each preset would take on this computer; takes a few seconds."""
    from dataclasses import asdict

    from overread.config import PRESETS
    from overread.pipeline.speed_trial import measure_speed
    from overread.pipeline.training_time import estimate_preset
    from overread.studies.study import open_study

    opened = open_study(study)
    speed = measure_speed(opened, device=device)
    cores = f"{speed.num_threads} processor core{'' if speed.num_threads == 1 else 's'}"
    lines = [f"on {speed.gpu or cores}, for {speed.num_images:,} images:"]
    for preset in PRESETS:
        found = estimate_preset(opened, speed, preset)
        lines += [f"  {preset:10}{_told_time(found)}"] if found else []
    print_result(as_json, asdict(speed), lines)


def _told_time(estimate: "TimeEstimate") -> str:
    whole = f"{'at most' if estimate.trial_s else 'about'} {estimate.total_s / 60:.1f} min"
    if estimate.first_s is None:
        return whole
    return f"first proposals after about {estimate.first_s / 60:.1f} min; all of it {whole}"


def saliency(
    study: StudyPath,
    samples: Annotated[list[str], typer.Argument(metavar="SAMPLE...", help="Sample ids.", show_default=False)],
    run: RunName = None,
    as_json: Json = False,
) -> None:
    """Compute heat maps: where a run's network looks, for the given label and the proposed one."""
    from overread.pipeline.heat_map_run import compute_heat_maps
    from overread.proposals.heat_maps import saliency_path
    from overread.studies.run import open_run
    from overread.studies.study import open_study

    opened = open_study(study)
    found = open_run(opened, run)
    compute_heat_maps(opened, found, samples)
    # Not the paths: the app keeps this in a log.
    print_result(as_json, {"num_samples": len(samples)}, [str(saliency_path(found, sample)) for sample in samples])


def evaluate(
    study: StudyPath,
    truth: Annotated[Path, typer.Option(help="CSV with the columns true_label and either sample_id or image.")],
    run: RunName = None,
    as_json: Json = False,
) -> None:
    """Measure a run's proposals against true labels, which training never sees."""
    from overread.pipeline.evaluation import evaluate_run
    from overread.studies.study import open_study

    result = evaluate_run(open_study(study), truth, run)
    lines = [
        f"run {result['run']}: {result['num_errors']} of {result['num_samples']} labels are wrong, "
        f"{result['num_proposed']} are proposed",
        *(
            f"  {name.replace('_', ' '):24}{result[name]:.4f}"
            for name in ("average_precision", "auroc", "precision", "recall", "f1", "proposed_label_accuracy")
        ),
        *(f"  {each}" for each in result["promised"]),
        *(f"  recall at {budget} read{'':8}{value:.4f}" for budget, value in result["recall_at_budget"].items()),
    ]
    if result["test_accuracy"] is not None:
        lines.append(f"  {'accuracy on split test':24}{result['test_accuracy']:.4f}")
    lines += [
        f"  {name:24}average precision {value['average_precision']:.4f}   AUROC {value['auroc']:.4f}"
        for name, value in (result["scorers"] | result["stages"]).items()
    ]
    print_result(as_json, result, lines)


def proposals(
    study: StudyPath,
    out: Annotated[Path, typer.Option(help="CSV to write: the proposed rows of scores.csv, most likely errors first.")],
    run: RunName = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write a run's proposals as a CSV without spreadsheet formulas."""
    from overread.pipeline.output_paths import check_output
    from overread.pipeline.promises import run_promises
    from overread.review.cleaned_csv import write_csv
    from overread.studies.run import open_run
    from overread.studies.study import open_study

    require_folder(out)
    opened = open_study(study)
    check_output(out, opened, overwrite=overwrite)
    found = open_run(opened, run)
    table, promises = found.proposals(), run_promises(opened, found)
    text = table.astype(object).where(table.notna(), "").astype(str)
    write_csv(text, out, own_columns=tuple(table.columns))
    values = {"num_proposed": len(table), "promises": promises}
    print_result(as_json, values, [f"{out}: {len(table)} proposals", *promises])
