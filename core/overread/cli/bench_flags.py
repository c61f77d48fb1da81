"""Flags and arguments that the benchmarks share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from overread.errors import ConfigError

OUT = Path("data/benchmark")
Out = Annotated[Path, typer.Option(help="Folder for the results and their page.")]
_SEEDS = "How many seeds, from 0; or seeds separated by commas, such as 0,2 (one alone: 2,)."


@dataclass(frozen=True, slots=True)
class PlanFlags:
    """Of the benchmarks that go through cells."""

    seeds: Annotated[str, typer.Option(help=_SEEDS)] = "3"
    tasks: Annotated[str | None, typer.Option(help="Names of tasks; default: the benchmark's own.")] = None
    noise: Annotated[str | None, typer.Option(help="Names of noises; default: each task's own.")] = None
    methods: Annotated[str | None, typer.Option(help="Names of methods; default: all.")] = None
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto"


@dataclass(frozen=True, slots=True)
class PlaceFlags:
    """Where results go, and what is kept between runs."""

    out: Out = OUT
    cache: Annotated[
        Path | None, typer.Option(help="Folder for pixels, features and weights; default: a folder in --out.")
    ] = None

    @property
    def kept(self) -> Path:
        return self.cache or self.out / "cache"


def checked(out: Path) -> None:
    """Raises ConfigError where results can't be written."""
    from overread.pipeline.output_paths import check_output

    check_output(out)


def parse_names(text: str) -> list[str]:
    """Names that stand between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def parse_optional_names(text: str | None) -> list[str] | None:
    return parse_names(text) if text else None


def parse_numbers(option: str, text: str) -> list[int]:
    """Numbers that stand between commas. Raises ConfigError naming the option."""
    numbers = parse_names(text)
    if not numbers or not all(number.isdecimal() for number in numbers):
        raise ConfigError(f"{option} {text}: give whole numbers from 0, separated by commas")
    return [int(number) for number in numbers]


def parse_seeds(text: str) -> list[int]:
    """A number: so many seeds, from 0. With a comma: these seeds. Raises ConfigError for neither."""
    numbers = parse_numbers("--seeds", text)
    if "," in text:
        return numbers
    if not numbers[0]:
        raise ConfigError("--seeds 0: give how many, from 1; or seeds, separated by commas (0,)")
    return list(range(numbers[0]))
