"""The command that measures beside other methods."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.arguments import Json
from core.cli.terminal import print_result, progress_bar
from core.errors import ConfigError


def bench(
    name: Annotated[
        str,
        typer.Argument(
            help="detection: how well wrong labels are found, beside other methods; save: how long a verdict takes to "
            "be saved while several processes save."
        ),
    ],
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
    processes: Annotated[str, typer.Option(help="Of save: numbers of processes, separated by commas.")] = "1,4,20",
    database: Annotated[
        str | None,
        typer.Option(
            help="Of save: URL of a database made for it, for rows stay there; a SQLite file in --out if not given."
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of save: how long each number of processes saves.")] = 10.0,
    as_json: Json = False,
) -> None:
    """Measure how well wrong labels are found, beside other methods (what is measured already is kept), or how fast
    verdicts are saved."""
    if name == "save":
        _bench_save(out, _whole_numbers("--processes", processes), seconds, database, as_json)
        return

    from core.benchmark.detection import run_detection
    from core.pipeline.outputs import check_output

    if name != "detection":
        raise ConfigError(f"bench {name}: is not known; there are: detection, save")
    check_output(out)
    with progress_bar(as_json) as show:
        results, page = run_detection(
            out,
            cache=cache or out / "cache",
            seeds=_whole_numbers("--seeds", seeds),
            tasks=_parts(tasks),
            noises=_parts(noise) if noise else None,
            methods=_parts(methods) if methods else None,
            features=("simclr", "pretrained") if features == "both" else (features,),
            device=device,
            again=_parts(again),
            listener=show,
        )
    print_result(as_json, {"results": results, "tables": str(out / "tables.md")}, page.splitlines())


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _bench_save(out: Path, processes: list[int], seconds: float, database: str | None, as_json: bool) -> None:
    from dataclasses import asdict

    from core.benchmark.saving import measure_saving
    from core.pipeline.outputs import check_output

    check_output(out)
    with progress_bar(as_json) as show:
        results, page = measure_saving(out, processes=processes, seconds=seconds, database=database, listener=show)
    print_result(as_json, {"results": [asdict(found) for found in results]}, page.splitlines())


def _whole_numbers(option: str, text: str) -> list[int]:
    parts = _parts(text)
    if not parts or not all(part.isdecimal() for part in parts):
        raise ConfigError(f"{option} {text}: give whole numbers from 0, separated by commas")
    return [int(part) for part in parts]
