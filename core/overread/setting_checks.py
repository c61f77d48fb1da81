"""Checks of settings: errors name the setting, the value found and what it must be."""

from collections.abc import Iterable

from overread.errors import ConfigError


def check_settings(section: str, settings: object, rules: Iterable[tuple[str, bool, str]]) -> None:
    """Raises ConfigError for the first rule that doesn't hold. Each rule: a field of `settings`, whether its value is
    allowed, and what is."""
    for name, is_allowed, wanted in rules:
        if not is_allowed:
            raise ConfigError(f"{section}.{name}: found {getattr(settings, name)!r}, must be {wanted}")
