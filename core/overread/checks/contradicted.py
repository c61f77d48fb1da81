"""Groups whose labels contradict the rest, as the study's run in use has found them."""

from typing import Any

from overread.detection.contradicted_groups import CLUSTER
from overread.records import Finding
from overread.studies.run import default_run
from overread.studies.study import Study


def check_contradicted_groups(study: Study) -> list[Finding]:
    """A warning for each; none before a study has been trained."""
    run = default_run(study)
    return [
        Finding(
            "contradicted_group", "warning", len(group["sample_ids"]), group_text(group), tuple(group["sample_ids"])
        )
        for group in (run.contradicted_groups() if run else [])
    ]


def group_text(group: dict[str, Any]) -> str:
    """What stands out in a group's labels, in a sentence. group: of `Run.contradicted_groups`."""
    where = f"cluster {group['value']} of images that {CLUSTER}" if group["column"] == CLUSTER else _where(group)
    if group["is_swapped"]:
        contradicted = f"{group['share']:.0%} of {group['num_samples']:,} labels contradict those elsewhere"
        return f"{where}: {contradicted}; one side is the wrong way round"
    return (
        f"{where}: {group['share']:.0%} of the images that look like {group['predicted_label']} have another label, "
        f"mostly {group['given_label']} (elsewhere {group['share_elsewhere']:.0%})"
    )


def _where(group: dict[str, Any]) -> str:
    return f"{group['column']} {group['value']}"
