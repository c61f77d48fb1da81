"""Who acts, and what their role allows: checked wherever the ledger is read or written for a person."""

from dataclasses import dataclass
from enum import StrEnum

from overread.errors import NotAllowedError


class Role(StrEnum):
    """What an account is for. Given by the owner, never by what a provider says of a person."""

    READER = "reader"
    """Reads, and sees their own rows only."""
    ADJUDICATOR = "adjudicator"
    """Reads, and sees what others decided."""
    OWNER = "owner"
    """Also imports, trains, exports, and decides who reads what."""


class Identity(StrEnum):
    """How a reader was identified."""

    SELF_DECLARED = "self-declared"
    """A name was typed, and not verified. The ledger's rows then say nothing."""
    PASSWORD = "password"  # nosec B105 # the word in the export
    PROVIDER = "provider"
    """By an OpenID Connect provider."""


class Action(StrEnum):
    """What a role may allow."""

    READ = "read"
    SEE_OTHERS = "see what other readers decided"
    MANAGE = "manage studies"


_ALLOWED = {
    Role.READER: {Action.READ},
    Role.ADJUDICATOR: {Action.READ, Action.SEE_OTHERS},
    Role.OWNER: set(Action),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in person, as their account is at this moment: asked for anew at each request."""

    name: str
    role: Role
    identity: Identity
    studies: frozenset[str] = frozenset()
    """The `Study.ledger_study` of those that they were given; an owner has all."""

    def may(self, action: Action) -> bool:
        return action in _ALLOWED[self.role]

    def require(self, action: Action) -> None:
        """Raises NotAllowedError where the role does not allow the action."""
        if not self.may(action):
            raise NotAllowedError(f"Your account may not {action}. Ask the study's owner.")

    def may_open(self, study: str) -> bool:
        """Whether a study is theirs. study: its `ledger_study`."""
        return self.role is Role.OWNER or study in self.studies

    def require_study(self, study: str) -> None:
        """Raises NotAllowedError where a study is not theirs."""
        if not self.may_open(study):
            raise NotAllowedError("This study is not one of yours. Ask its owner.")

    def require_visible(self, reader: str | None) -> None:
        """Raises NotAllowedError where that reader's rows (None: everyone's) are not theirs to see."""
        if reader != self.name:
            self.require(Action.SEE_OTHERS)

    def require_own(self, reader: str) -> None:
        """Raises NotAllowedError for a row under another name, whatever the role."""
        if reader != self.name:
            raise NotAllowedError("You are signed in under another name; nothing was saved. Reload the page.")


def require(actor: Actor | None, action: Action) -> None:
    """Raises NotAllowedError where the actor's role does not allow the action. actor: None: the study's owner, on this
    machine, who may do all."""
    if actor is not None:
        actor.require(action)
