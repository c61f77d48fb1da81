"""Commands that create demo and corrupted studies, and check a study's data."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from overread.cli.arguments import GRADES_HELP, PROTOCOL_HELP, Ephemeral, Json, Seed, StudyPath
from overread.cli.terminal import print_result, progress_bar, tell_state


def demo(
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the two demo studies.", show_default="demo in OVERREAD_HOME, else in ./data"),
    ] = None,
    num_images: Annotated[int, typer.Option(help="Number of images in each study.", min=40)] = 600,
    seed: Seed = 0,
    ephemeral: Ephemeral = False,
    as_json: Json = False,
) -> None:
    """Create, import and train the demo studies; finished parts are kept."""
    from overread.demo.demo_studies import make_demo
    from overread.home import home_folder
    from overread.pipeline.output_paths import check_output

    out = out or home_folder() / "demo"
    check_output(out)
    with progress_bar(as_json) as show:
        studies = make_demo(out, num_images=num_images, seed=seed, listener=lambda e: show(e["fraction"], e["message"]))
    lines = [f"{study.name}: {study.path}" for study in studies]
    print_result(
        as_json,
        {"studies": [str(study.path) for study in studies]},
        [*lines, f"review them: overread app {' '.join(str(study.path) for study in studies)}"],
    )


def check(study: StudyPath, as_json: Json = False) -> None:
    """Check the data itself for problems: duplicates, leakage, shortcuts to the label, raters who disagree."""
    from overread.checks.report import check_study
    from overread.studies.study import open_study

    opened = open_study(study)
    tell_state(opened)
    with progress_bar(as_json) as show:
        findings = check_study(opened, on_progress=lambda fraction: show(fraction, "checking every image"))
    lines = [f"{finding.severity:8}{finding.message}" for finding in findings] or ["no problems found"]
    print_result(as_json, {"findings": [asdict(finding) for finding in findings]}, lines)


def configure(
    study: StudyPath,
    protocol: Annotated[str | None, typer.Option(help=PROTOCOL_HELP, show_default="unchanged")] = None,
    grades: Annotated[bool | None, typer.Option(help=GRADES_HELP, show_default="unchanged")] = None,
    as_json: Json = False,
) -> None:
    """Show or change how a study is read. Pages that are open ask to be reloaded."""
    from overread.pipeline.configuring import configure as change
    from overread.studies.study import open_study

    opened = change(open_study(study), protocol=protocol, asks_grades=grades)
    print_result(
        as_json,
        {"protocol": opened.protocol, "grades": opened.asks_grades},
        [f"{study}: protocol {opened.protocol}, wrong labels are {'' if opened.asks_grades else 'not '}graded"],
    )


def corrupt(
    study: StudyPath,
    noise: Annotated[str, typer.Option(help="symmetric, pair, idn or boundary.")],
    rate: Annotated[float, typer.Option(help="Mean share of labels to change, in (0, 1).")],
    out: Annotated[Path, typer.Option(help="Folder for the new study.")],
    truth: Annotated[Path, typer.Option(help="CSV to write the true labels to.")],
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """For experiments: create a new study with wrong labels, and save the true ones in a separate file."""
    from overread.benchmark.corrupt import corrupt_study
    from overread.pipeline.output_paths import check_output
    from overread.studies.study import open_study, read_text_table

    opened = open_study(study)
    for place, option in ((out, "--out"), (truth, "--truth")):
        check_output(place, opened, option=option)
    new = corrupt_study(opened, noise=noise, rate=rate, seed=seed, out=out, truth=truth)
    labels = read_text_table(truth)["true_label"].to_numpy()
    num_changed = int((labels != new.samples()["given_label"].to_numpy()).sum())
    line = f"{out}: {num_changed} of {len(labels)} labels changed; the true ones are in {truth}"
    print_result(as_json, {"num_samples": len(labels), "num_changed": num_changed}, [line])
