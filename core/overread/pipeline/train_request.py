"""The options of a training."""

from dataclasses import dataclass
from pathlib import Path

from overread.config import DEFAULT_PRESET
from overread.errors import ConfigError


@dataclass(frozen=True)
class TrainRequest:
    """What is asked of a training. Raises ConfigError, naming the flag, for what does not go together."""

    preset: str = DEFAULT_PRESET
    seed: int = 0
    device: str = "auto"
    """auto, cpu or cuda."""
    assignments: tuple[str, ...] = ()
    """Settings to change, each SECTION.FIELD=VALUE."""
    embeddings: Path | None = None
    """Features to judge by instead of the encoder's; see `open_features`."""
    encoder: Path | None = None
    """The file or folder of an encoder to take the features from; see `open_encoder`."""
    backbone: str | None = None
    """The name that torchvision or timm has for the encoder, where `encoder` is a file of nothing but weights."""
    first: bool = False
    """End as soon as there are proposals to review; the networks, which refine them, are left to a resumed run."""
    resume: bool = False
    """Continue the newest run that did not finish, with its own settings, features and seed."""
    after_review: bool = False
    """Start from a finished run and keep the labels that readers decided; the new run is compared with that one."""
    base_run: str | None = None
    """The name of the run that a training after review starts from; None: the one that is in use."""

    def __post_init__(self) -> None:
        if self.base_run and not self.after_review:
            raise ConfigError(f"--run {self.base_run}: can only be used with --after-review, which starts from a run")
        if not self.after_review:
            return
        if self.resume:
            raise ConfigError("--after-review: a resumed run already has it; leave it out")
        if self.preset != DEFAULT_PRESET:
            raise ConfigError(
                f"--preset {self.preset}: cannot be used with --after-review, which judges labels as the overread "
                "preset does"
            )
        for name in ("embeddings", "encoder", "backbone"):
            if getattr(self, name):
                raise ConfigError(
                    f"--{name}: cannot be used with --after-review, which keeps the features of the previous run"
                )
