"""The commands `overread bench table1`, `table2`, `ablation` and `speed`."""

from collections.abc import Callable
from typing import Annotated

import typer

from overread.cli.arguments import Json
from overread.cli.bench_flags import PlaceFlags, PlanFlags, checked, parse_optional_names, parse_seeds
from overread.cli.flags import with_flags
from overread.cli.terminal import print_result, progress_bar

_HELP = {
    "table1": "Accuracy on CIFAR of every training method, beside the paper's first table.",
    "table2": "Accuracy on medical images of every training method, beside the paper's second table.",
    "ablation": "The paper's loop without each of its parts: accuracy, and wrong labels found.",
    "speed": "Images a second and memory of every training method.",
}


def _command(table: str, help_text: str) -> Callable[..., None]:
    @with_flags
    def run(
        plan: PlanFlags,
        places: PlaceFlags,
        budget: Annotated[
            str, typer.Option(help="smoke (two minutes), cpu (hours), gpu or gpu_resnet34 (full size; never run yet).")
        ] = "cpu",
        as_json: Json = False,
    ) -> None:
        from overread.benchmark.accuracy_runner import AccuracyPlan, run_accuracy

        checked(places.out)
        wanted = AccuracyPlan(
            table,
            budget,
            seeds=parse_seeds(plan.seeds),
            tasks=parse_optional_names(plan.tasks),
            noises=parse_optional_names(plan.noise),
            methods=parse_optional_names(plan.methods),
            device=plan.device,
        )
        with progress_bar(as_json) as show:
            found, page = run_accuracy(wanted, places.out, cache=places.kept, listener=show)
        print_result(as_json, {"results": found, "tables": str(places.out / "accuracy.md")}, page.splitlines())

    run.__name__, run.__doc__ = table, help_text
    return run


TABLE_COMMANDS = tuple(_command(table, help_text) for table, help_text in _HELP.items())
