"""What a study's owner sets at any time: how it is read, and which of two runs is in use."""

from overread.review.roles import Action, Actor, require
from overread.studies.run import Run
from overread.studies.study import Study, open_study, set_protocol, update_study_file


def configure(
    study: Study,
    *,
    protocol: str | None = None,
    asks_grades: bool | None = None,
    critical_classes: tuple[str, ...] | None = None,
    actor: Actor | None = None,
) -> Study:
    """Change how a study is read, as it is on the disk now; None: as it is. Raises NotAllowedError, ConfigError for a
    protocol that there is not, OSError and StudyError."""
    require(actor, Action.MANAGE)
    if protocol is not None:
        set_protocol(study.path, protocol)
    given = {"asks_grades": asks_grades, "critical_classes": critical_classes}
    changes = {name: value for name, value in given.items() if value is not None}
    return update_study_file(study.path, **changes) if changes else open_study(study.path)


def choose_run(run: Run, *, is_used: bool, actor: Actor | None = None) -> None:
    """Say whether a run after review may be used by default. Raises NotAllowedError."""
    require(actor, Action.MANAGE)
    run.choose(is_used=is_used)
