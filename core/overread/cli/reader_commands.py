"""Commands for readers' accounts: who may sign in to a served app, as what, and to which studies."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overread.cli.arguments import Json
from overread.cli.terminal import print_result

if TYPE_CHECKING:
    from overread.review.accounts import Account
    from overread.review.roles import Role

reader_app = typer.Typer(help="Accounts for `overread app --serve`: make, list, disable.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The reader's name, as it stands in the ledger.")]
Studies = Annotated[list[Path], typer.Argument(metavar="STUDY...", help="Folders of studies.")]
RoleName = Annotated[str, typer.Option("--role", help="reader, adjudicator or owner.")]


@reader_app.command()
def add(
    name: Name,
    role: RoleName = "reader",
    issuer: Annotated[str, typer.Option(help="URL of an OpenID Connect provider; then no password is asked for.")] = "",
    subject: Annotated[str, typer.Option(help="By which the provider identifies the person (`sub`).")] = "",
    as_json: Json = False,
) -> None:
    """Make an account. Its password is asked for, or read from standard input."""
    from overread.review.accounts import Accounts

    opened = Accounts.open()
    chosen = _role(role)
    opened.add(name, chosen, password="" if subject else _password(), issuer=issuer, subject=subject)
    lines = [f"{name}: may sign in as {chosen}; the accounts are in {opened.place}"]
    if chosen != "owner":
        lines.append(f"give them a study with: overread reader grant {shlex.quote(name)} STUDY")
    print_result(as_json, {"name": name, "role": chosen}, lines)


@reader_app.command("list")
def list_(as_json: Json = False) -> None:
    """List the accounts."""
    from overread.review.accounts import Accounts

    opened = Accounts.open()
    found = opened.all()
    lines = [_line(each) for each in found]
    values = [
        {"name": each.name, "role": each.role, "disabled_at": each.disabled_at, "studies": list(each.studies)}
        for each in found
    ]
    none = f"no accounts in {opened.place}; make one with: overread reader add NAME"
    print_result(as_json, {"readers": values}, lines or [none])


@reader_app.command()
def disable(name: Name, as_json: Json = False) -> None:
    """Refuse an account from now on and end its sessions. Its verdicts stay."""
    from overread.review.accounts import Accounts

    Accounts.open().disable(name)
    print_result(as_json, {"name": name}, [f"{name}: can no longer sign in, and is signed out"])


@reader_app.command()
def enable(name: Name, as_json: Json = False) -> None:
    """Let a disabled account sign in again."""
    from overread.review.accounts import Accounts

    Accounts.open().enable(name)
    print_result(as_json, {"name": name}, [f"{name}: may sign in again"])


@reader_app.command()
def password(name: Name, as_json: Json = False) -> None:
    """Set a new password, and end the account's sessions. It is asked for, or read from standard input."""
    from overread.review.accounts import Accounts

    Accounts.open().set_password(name, _password())
    print_result(as_json, {"name": name}, [f"{name}: has a new password, and is signed out"])


@reader_app.command()
def role(name: Name, role: Annotated[str, typer.Argument(metavar="ROLE")], as_json: Json = False) -> None:
    """Change an account's role: reader, adjudicator or owner."""
    from overread.review.accounts import Accounts

    chosen = _role(role)
    Accounts.open().set_role(name, chosen)
    print_result(as_json, {"name": name, "role": chosen}, [f"{name}: is {chosen} now, and must sign in again"])


@reader_app.command()
def grant(name: Name, studies: Studies, as_json: Json = False) -> None:
    """Let an account read these studies. An owner reads all."""
    from overread.review.accounts import Accounts

    Accounts.open().grant(name, _ledger_studies(studies))
    print_result(as_json, {"name": name, "num_studies": len(studies)}, [f"{name}: may read {_listed(studies)}"])


@reader_app.command()
def revoke(name: Name, studies: Studies, as_json: Json = False) -> None:
    """Take these studies from an account."""
    from overread.review.accounts import Accounts

    Accounts.open().revoke(name, _ledger_studies(studies))
    print_result(as_json, {"name": name, "num_studies": len(studies)}, [f"{name}: no longer reads {_listed(studies)}"])


def _line(account: "Account") -> str:
    num = len(account.studies)
    studies = "all studies" if account.role == "owner" else "1 study" if num == 1 else f"{num} studies"
    disabled = f", disabled {account.disabled_at}" if account.disabled_at else ""
    return f"{account.name}: {account.role}, {studies}{disabled}"


def _role(name: str) -> "Role":
    from overread.errors import ConfigError
    from overread.review.roles import Role

    if name not in list(Role):
        raise ConfigError(f"--role {name}: unknown value; choose from {', '.join(Role)}")
    return Role(name)


def _password() -> str:
    """Typed twice on a terminal; else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _ledger_studies(paths: list[Path]) -> list[str]:
    from overread.studies.study import open_study

    return [open_study(path).ledger_study for path in paths]


def _listed(paths: list[Path]) -> str:
    return ", ".join(map(str, paths))
