"""Where the app is served: to this machine only, or behind a proxy with TLS to people who sign in."""

import json
import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from overread.errors import ConfigError

LOOPBACK = "127.0.0.1"
NAMES = (LOOPBACK, "localhost")
"""The host names under which a browser on this machine may request the app."""
SERVED_VARIABLE = "OVERREAD_SERVED"
"""The place, as JSON, where the app is served to people who sign in; empty where it is this machine's own."""
DEFAULT_PORT = 8501
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT])B", re.IGNORECASE)
_UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_PROVIDER_KEYS = ("server_metadata_url", "client_id", "client_secret")


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID Connect provider."""

    server_metadata_url: str
    """Of its discovery document: https://.../.well-known/openid-configuration."""
    client_id: str
    client_secret: str
    name: str = "OpenID Connect"
    """What the button to sign in calls it."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a TOML file with these fields. Raises ConfigError."""
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"--provider {path}: cannot be read as TOML ({type(error).__name__})") from error
        known = (*_PROVIDER_KEYS, "name")
        wrong = [key for key in found if key not in known] + [key for key in _PROVIDER_KEYS if key not in found]
        if wrong or not all(isinstance(value, str) and value for value in found.values()):
            raise ConfigError(f"--provider {path}: must hold the texts {', '.join(_PROVIDER_KEYS)}, and may hold name")
        return cls(**found)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server listens, and under which names browsers reach it."""

    address: str = LOOPBACK
    port: int = DEFAULT_PORT
    names: tuple[str, ...] = ()
    """Host names of the proxy, with a port where it is not 443."""
    is_served: bool = False
    """To people who sign in; else to this machine's own browser."""
    max_upload_bytes: int = 0
    """Of a dataset that an owner may send through the browser; 0: nobody may send any."""

    @classmethod
    def served(cls, text: str, names: Sequence[str], *, port: int, uploads: str | None = None) -> Self:
        """text: HOST or HOST:PORT, with an IPv6 address in brackets before a port. names: of `--allow-host`.
        uploads: of `--uploads`. Raises ConfigError."""
        has_port = text.count(":") == 1 or (text.startswith("[") and not text.endswith("]"))
        host, _, number = text.rpartition(":") if has_port else (text, "", "")
        host = host.strip("[]")
        if not host:
            raise ConfigError(f"--serve {text}: give an address of this machine, such as 127.0.0.1:8501 or [::1]:8501")
        if number and not (number.isdecimal() and 1 <= int(number) <= 65535):
            raise ConfigError(f"--serve {text}: a port must be a number from 1 to 65535")
        wrong = next((name for name in names if not name or set(name) & set("/ ,;*@?#'\"\\")), None)
        if wrong is not None:
            raise ConfigError(f"--allow-host {wrong}: give a host name alone, such as reading.example.org")
        if host not in NAMES and not names:
            raise ConfigError(
                f"--serve {text}: also name the host under which browsers reach it: --allow-host reading.example.org"
            )
        names = tuple(name.lower().removesuffix(":443") for name in names)
        most_bytes = 0 if uploads is None else size_bytes(uploads)
        address = LOOPBACK if host == "localhost" else host
        return cls(address, int(number or port), names, is_served=True, max_upload_bytes=most_bytes)

    @classmethod
    def current(cls) -> Self | None:
        """Of this server, where people sign in; None where it is this machine's own."""
        text = os.environ.get(SERVED_VARIABLE)
        if not text:
            return None
        fields = json.loads(text)
        return cls(**fields | {"names": tuple(fields["names"])})

    def announce(self) -> None:
        """Tell the pages, which run in this process."""
        os.environ[SERVED_VARIABLE] = json.dumps(asdict(self)) if self.is_served else ""

    @property
    def shown_address(self) -> str:
        """The address as it stands before a port."""
        return f"[{self.address}]" if ":" in self.address else self.address

    @property
    def own_hosts(self) -> set[str]:
        """The Host headers of browsers on this machine."""
        return {f"{name}:{self.port}" for name in NAMES} | (set(NAMES) if self.port == 80 else set())

    @property
    def hosts(self) -> set[str]:
        """The Host headers that are answered."""
        return self.own_hosts | set(self.names) | {f"{name}:443" for name in self.names if ":" not in name}

    @property
    def own_origins(self) -> set[str]:
        """The Origin headers of browsers on this machine."""
        return {f"http://{host}" for host in self.own_hosts}

    @property
    def origins(self) -> set[str]:
        """The Origin headers that are answered: over TLS, but for this machine's own browser."""
        return self.own_origins | {f"https://{name}" for name in self.names}

    @property
    def sockets(self) -> list[str]:
        """The addresses of websockets that a page may open."""
        return [*(f"ws://{name}:{self.port}" for name in NAMES), *(f"wss://{name}" for name in self.names)]

    @property
    def url(self) -> str:
        """The first address at which a browser reaches it."""
        return f"https://{self.names[0]}" if self.names else f"http://localhost:{self.port}"


def size_bytes(text: str) -> int:
    """The number of bytes that `--uploads` names, such as 2GB. Raises ConfigError."""
    found = _SIZE.fullmatch(text.strip())
    if found is None or float(found[1]) == 0:
        raise ConfigError(f"--uploads {text}: give the size of the largest archive, such as 500MB or 2GB")
    return int(float(found[1]) * _UNITS[found[2].upper()])
