"""Groups whose labels stand out, in an audit: strata of its draw, and what one decision on each leaves wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from overread.audit.design import group_alpha
from overread.audit.outcomes import bulk_changes, label_outcomes
from overread.audit.statement import BulkChanges
from overread.checks.contradicted import group_title
from overread.pipeline.audit_store import Audit
from overread.pipeline.group_decision import GroupDecision, group_name, group_progress, load_groups
from overread.records import Decision
from overread.studies.study import Study


def with_groups(table: pd.DataFrame, groups: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The table with the columns group and group_text of `draw_order`; groups: of `Run.contradicted_groups`. A label in
    several groups counts for the first of them, whose labels are contradicted most."""
    of_label: dict[str, tuple[str, str]] = {}
    for group in groups:
        name, words = group_name(group["sample_ids"]), group_title(group)
        for sample_id in group["sample_ids"]:
            of_label.setdefault(sample_id, (name, words))
    found = [of_label.get(sample_id, ("", "")) for sample_id in table["sample_id"].tolist()]
    return table.assign(group=[name for name, _ in found], group_text=[text for _, text in found])


def changed_unread(study: Study, audit: Audit, order: pd.DataFrame, decisions: Sequence[Decision]) -> frozenset[str]:
    """The unread labels that one decision on their group changed: readers need not see them before all others.

    order: of `load_order`; decisions: the standing ones of all readers."""
    groups = load_groups(study)
    if not any(stratum.group in groups and groups[stratum.group].applied for stratum in audit.strata):
        return frozenset()
    given = dict(zip(order["sample_id"], order["given_label"], strict=True))
    evidence = bulk_evidence(audit, decisions, given, groups)
    is_in = [audit.strata[place].group in evidence.most_not_right for place in order["stratum"].tolist()]
    read = label_outcomes(decisions, given)
    return (evidence.sample_ids & set(order["sample_id"][is_in])) - set(read)


def bulk_evidence(
    audit: Audit, decisions: Sequence[Decision], given: Mapping[str, str], groups: Mapping[str, GroupDecision]
) -> BulkChanges:
    """What decisions on whole groups changed, and what the groups' samples prove of that."""
    alpha = group_alpha(audit.strata, audit.question)
    current = [each for each in decisions if given.get(each.verdict.sample_id) == each.verdict.given_label]
    return BulkChanges(
        frozenset(bulk_changes(decisions, given)),
        {
            stratum.group: group_progress(groups[stratum.group], current, alpha=alpha).most_not_right
            for stratum in audit.strata
            if stratum.group in groups and groups[stratum.group].applied
        },
    )
