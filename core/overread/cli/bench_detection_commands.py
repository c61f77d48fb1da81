"""The commands `overread bench detection`, `consensus` and `encoders`: ways to find wrong labels."""

from dataclasses import dataclass
from typing import Annotated

import typer

from overread.cli.arguments import Json
from overread.cli.bench_flags import (
    PlaceFlags,
    PlanFlags,
    checked,
    parse_names,
    parse_optional_names,
    parse_seeds,
)
from overread.cli.flags import with_flags
from overread.cli.terminal import print_result, progress_bar

_TASKS = ("chest_xray", "lung_histology", "cifar10n", "demo_tiles")
Images = Annotated[int, typer.Option(help="Images of each task.")]


@dataclass(frozen=True, slots=True)
class DetectionFlags:
    """Of `bench detection` alone."""

    features: Annotated[str, typer.Option(help="simclr, pretrained or both.")] = "both"
    again: Annotated[str, typer.Option(help="Methods to measure again because their code has changed.")] = ""


@with_flags
def detection(plan: PlanFlags, flags: DetectionFlags, places: PlaceFlags, as_json: Json = False) -> None:
    """Label-error detection beside other methods; by default all but paper, which trains a network."""
    from overread.benchmark.detection_benchmark import run_detection
    from overread.benchmark.runner import DEFAULT_METHODS, BenchmarkPlan

    checked(places.out)
    wanted = BenchmarkPlan(
        tasks=_tasks(plan),
        seeds=parse_seeds(plan.seeds),
        noises=parse_optional_names(plan.noise),
        methods=parse_optional_names(plan.methods) or DEFAULT_METHODS,
        features=("simclr", "pretrained") if flags.features == "both" else (flags.features,),
        device=plan.device,
        again=parse_names(flags.again),
    )
    with progress_bar(as_json) as show:
        results, page = run_detection(wanted, places.out, cache=places.kept, listener=show)
    print_result(as_json, {"results": results, "tables": str(places.out / "tables.md")}, page.splitlines())


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
    return parse_optional_names(plan.tasks) or list(_TASKS)
