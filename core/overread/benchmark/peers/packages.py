"""The packages that only the compared methods need; they are in the test requirements."""

from importlib.util import find_spec

from overread.errors import ConfigError


def require(package: str) -> None:
    """Raises ConfigError, saying what to install, where a package is absent."""
    if find_spec(package) is None:
        raise ConfigError(f"--methods: one of them needs the package {package}; pip install -r requirements.txt")
