"""Groups whose labels contradict the rest, as the study's run in use has found them."""

from collections.abc import Mapping
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


def group_text(group: Mapping[str, Any]) -> str:
    """What stands out in a group's labels, in a sentence. group: of `Run.contradicted_groups`."""
    if group["is_swapped"]:
        return (
            f"{group_title(group)}: {group['share']:.0%} of their labels contradict those elsewhere; one side is the "
            "wrong way round"
        )
    return (
        f"{_where(group)}: {group['share']:.0%} of the images that look like {group['predicted_label']} have another "
        f"label, mostly {group['given_label']} (elsewhere {group['share_elsewhere']:.0%})"
    )


def group_title(group: Mapping[str, Any]) -> str:
    """A group in a few words; no two groups of a run have the same."""
    if group["is_swapped"]:
        first, second = sorted((group["given_label"], group["predicted_label"]))
        return f"at {_where(group)}, {first} and {second} look swapped"
    return f"at {_where(group)}, looks like {group['predicted_label']}"


def _where(group: Mapping[str, Any]) -> str:
    if group["column"] == CLUSTER:
        return f"cluster {group['value']} of images that {CLUSTER}"
    return f"{group['column']} {group['value']}"
