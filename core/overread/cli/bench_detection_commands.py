"""The commands `overread bench detection`, `consensus` and `encoders`: ways to find wrong labels."""

from dataclasses import dataclass
from typing import Annotated

import typer

from overread.cli.arguments import Json
from overread.cli.bench_flags import (
    PlaceFlags,
    PlanFlags,
    checked,
    parse_optional_names,
    parse_seeds,
)
from overread.cli.flags import with_flags
from overread.cli.terminal import print_result, progress_bar
from overread.errors import ConfigError

Images = Annotated[int, typer.Option(help="Images of each task.")]


@dataclass(frozen=True, slots=True)
class DetectionFlags:
    """Of `bench detection` alone."""

    budget: Annotated[
        str, typer.Option(help="The tasks: smoke (a minute), cpu, or gpu (more images; never run yet).")
    ] = "cpu"
    features: Annotated[
        str | None, typer.Option(help="simclr, pretrained or both; default: both (smoke: pretrained).")
    ] = None


@with_flags
def detection(plan: PlanFlags, flags: DetectionFlags, places: PlaceFlags, as_json: Json = False) -> None:
    """Label-error detection beside other methods; by default all but paper, which trains a network."""
    from overread.benchmark.budgets import DETECTION_TASKS
    from overread.benchmark.detection_benchmark import run_detection
    from overread.benchmark.runner import DEFAULT_METHODS, BenchmarkPlan

    checked(places.out)
    if flags.budget not in DETECTION_TASKS:
        known = ", ".join(DETECTION_TASKS)
        raise ConfigError(f"--budget {flags.budget}: unknown value; choose from {known}")
    kinds = flags.features or ("pretrained" if flags.budget == "smoke" else "both")
    wanted = BenchmarkPlan(
        tasks=parse_optional_names(plan.tasks) or DETECTION_TASKS[flags.budget],
        seeds=parse_seeds(plan.seeds),
        noises=parse_optional_names(plan.noise),
        methods=parse_optional_names(plan.methods) or DEFAULT_METHODS,
        features=("simclr", "pretrained") if kinds == "both" else (kinds,),
        device=plan.device,
    )
    with progress_bar(as_json) as show:
        results, page = run_detection(wanted, places.out, cache=places.kept, listener=show)
    print_result(as_json, {"results": results, "tables": str(places.out / "detection.md")}, page.splitlines())


@with_flags
def consensus(
    plan: PlanFlags,
    places: PlaceFlags,
    images: Images = 600,
    image_size: Annotated[int, typer.Option(help="Side length of the networks' input, in pixels.")] = 48,
    as_json: Json = False,
) -> None:
    """The paper's loop, stage by stage."""
    from overread.benchmark.consensus_benchmark import ConsensusPlan, run_consensus
    from overread.benchmark.consensus_cells import METHODS

    checked(places.out)
    wanted = ConsensusPlan(
        _tasks(plan),
        parse_optional_names(plan.noise),
        parse_seeds(plan.seeds),
        num_images=images,
        image_size_px=image_size,
        methods=parse_optional_names(plan.methods) or METHODS,
        device=plan.device,
    )
    with progress_bar(as_json) as show:
        found, page = run_consensus(wanted, places.out, cache=places.kept, listener=lambda message: show(0, message))
    print_result(as_json, {"results": found, "tables": str(places.out / "consensus.md")}, page.splitlines())


@with_flags
def encoders(plan: PlanFlags, places: PlaceFlags, images: Images = 600, as_json: Json = False) -> None:
    """Encoders trained on ImageNet; --methods names them. On the CPU."""
    from overread.benchmark.encoder_benchmark import ENCODERS, EncoderPlan, run_encoders

    checked(places.out)
    wanted = EncoderPlan(
        _tasks(plan),
        parse_optional_names(plan.noise),
        parse_seeds(plan.seeds),
        parse_optional_names(plan.methods) or tuple(ENCODERS),
        images,
    )
    with progress_bar(as_json) as show:
        found, page = run_encoders(wanted, places.out, cache=places.kept, listener=lambda message: show(0, message))
    print_result(as_json, {"results": found, "tables": str(places.out / "encoders.md")}, page.splitlines())


def _tasks(plan: PlanFlags) -> list[str]:
    from overread.benchmark.budgets import DETECTION_TASKS

    return parse_optional_names(plan.tasks) or list(DETECTION_TASKS["cpu"])
