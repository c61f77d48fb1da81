"""The command that runs the benchmarks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from overread.cli.arguments import Json
from overread.cli.flags import with_flags
from overread.cli.terminal import print_result, progress_bar
from overread.errors import ConfigError


@dataclass(frozen=True, slots=True)
class DetectionFlags:
    """Of `bench detection`."""

    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas.")] = "0,1,2"
    tasks: Annotated[
        str, typer.Option(help="Names of tasks; all except demo_tiles need the images in OVERREAD_DATA.")
    ] = "chest_xray,lung_histology,cifar10n,demo_tiles"
    noise: Annotated[
        str | None,
        typer.Option(help="idn10 to idn40, boundary10, boundary20, human, regimes; default: each task's own."),
    ] = None
    methods: Annotated[
        str | None, typer.Option(help="Names of methods; default: all except paper, which trains a network.")
    ] = None
    features: Annotated[str, typer.Option(help="simclr, pretrained or both.")] = "both"
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto"
    again: Annotated[str, typer.Option(help="Methods to measure again because their code has changed.")] = ""


@dataclass(frozen=True, slots=True)
class SaveFlags:
    """Of `bench save`."""

    processes: Annotated[str, typer.Option(help="For save: numbers of processes, separated by commas.")] = "1,4,20"
    seconds: Annotated[float, typer.Option(help="For save: seconds to measure each number of processes.")] = 10.0
    database: Annotated[str | None, typer.Option(help="For save: a database URL; default: SQLite in --out.")] = None


@dataclass(frozen=True, slots=True)
class ConsensusFlags:
    """Of `bench consensus`."""

    images: Annotated[int, typer.Option(help="For consensus and encoders: images of each task.")] = 600
    image_size: Annotated[int, typer.Option(help="For consensus: side length of the networks' input, in pixels.")] = 48


@dataclass(frozen=True, slots=True)
class AuditFlags:
    """Of `bench audit`."""

    studies: Annotated[int, typer.Option(help="For audit: simulated studies of each cell.", min=1)] = 1000
    seed: Annotated[int, typer.Option(help="For audit: random seed.", min=0)] = 0


@with_flags
def bench(
    name: Annotated[
        str,
        typer.Argument(
            help="detection: label-error detection beside other methods; audit: whether an audit's statements hold, in "
            "simulated studies; consensus: the paper's loop, stage by stage; encoders: those trained on ImageNet; "
            "probabilities: label errors by released probabilities of networks; time: a run beside other workflows; "
            "save: how long saving a verdict takes with many readers at once."
        ),
    ],
    detection: DetectionFlags,
    consensus: ConsensusFlags,
    save: SaveFlags,
    audit: AuditFlags,
    out: Annotated[Path, typer.Option(help="Folder for results.jsonl and tables.md.")] = Path("data/benchmark"),
    cache: Annotated[
        Path | None, typer.Option(help="Folder for pixels and features; default: a folder in --out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a benchmark; existing results are kept."""
    from overread.pipeline.output_paths import check_output

    check_output(out)
    if name == "save":
        from overread.benchmark.saving import measure_saving, saving_lines, saving_results

        numbers = _numbers("--processes", save.processes)
        times = measure_saving(out, num_processes=numbers, seconds=save.seconds, database=save.database)
        print_result(as_json, {"results": saving_results(times)}, saving_lines(times))
        return
    if name == "audit":
        from overread.benchmark.audit_tables import run_audit

        with progress_bar(as_json) as show:
            rows, page = run_audit(out, num_studies=audit.studies, seed=audit.seed, listener=show)
        print_result(as_json, {"results": rows}, page.splitlines())
        return
    if name == "probabilities":
        from overread.benchmark.released_probs import run_probabilities

        found, page = run_probabilities(out)
        print_result(as_json, {"results": found, "tables": str(out / "probabilities.md")}, page.splitlines())
        return
    if name == "time":
        from overread.benchmark.run_time import run_times

        with progress_bar(as_json) as show:
            found, page = run_times(out, listener=lambda message: show(0, message))
        print_result(as_json, {"results": found, "tables": str(out / "time.md")}, page.splitlines())
        return
    noises = _parts(detection.noise) if detection.noise else None
    if name == "consensus":
        from overread.benchmark.consensus_benchmark import ConsensusPlan, run_consensus
        from overread.benchmark.consensus_cells import METHODS

        seeds, tasks = _numbers("--seeds", detection.seeds), _parts(detection.tasks)
        watched = ConsensusPlan(
            tasks,
            noises,
            seeds,
            num_images=consensus.images,
            image_size_px=consensus.image_size,
            methods=_parts(detection.methods) if detection.methods else METHODS,
            device=detection.device,
        )
        with progress_bar(as_json) as show:
            found, page = run_consensus(
                watched, out, cache=cache or out / "cache", listener=lambda message: show(0, message)
            )
        print_result(as_json, {"results": found, "tables": str(out / "consensus.md")}, page.splitlines())
        return
    if name == "encoders":
        from overread.benchmark.encoder_benchmark import ENCODERS, EncoderPlan, run_encoders

        compared = EncoderPlan(
            _parts(detection.tasks),
            noises,
            _numbers("--seeds", detection.seeds),
            _parts(detection.methods) if detection.methods else tuple(ENCODERS),
            consensus.images,
        )
        with progress_bar(as_json) as show:
            found, page = run_encoders(
                compared, out, cache=cache or out / "cache", listener=lambda message: show(0, message)
            )
        print_result(as_json, {"results": found, "tables": str(out / "encoders.md")}, page.splitlines())
        return
    if name != "detection":
        known = "detection, audit, consensus, encoders, probabilities, time, save"
        raise ConfigError(f"bench {name}: unknown benchmark; choose from {known}")
    from overread.benchmark.detection_benchmark import run_detection
    from overread.benchmark.runner import DEFAULT_METHODS, BenchmarkPlan

    plan = BenchmarkPlan(
        tasks=_parts(detection.tasks),
        seeds=_numbers("--seeds", detection.seeds),
        noises=noises,
        methods=_parts(detection.methods) if detection.methods else DEFAULT_METHODS,
        features=("simclr", "pretrained") if detection.features == "both" else (detection.features,),
        device=detection.device,
        again=_parts(detection.again),
    )
    with progress_bar(as_json) as show:
        results, page = run_detection(plan, out, cache=cache or out / "cache", listener=show)
    print_result(as_json, {"results": results, "tables": str(out / "tables.md")}, page.splitlines())


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _numbers(option: str, text: str) -> list[int]:
    numbers = _parts(text)
    if not numbers or not all(number.isdecimal() for number in numbers):
        raise ConfigError(f"{option} {text}: give whole numbers from 0, separated by commas")
    return [int(number) for number in numbers]
