"""torchxrayvision's networks for chest X-rays: one input channel, pixels from -1024 to 1024.

Sources: Cohen et al. 2022, "TorchXRayVision"; torchxrayvision.models and torchxrayvision.utils.normalize.
"""

from pathlib import Path

from torch import Tensor, nn

from overread.models.user_encoders.loaded import LoadedEncoder, make_loaded
from overread.models.user_encoders.preprocessor import Preprocessor
from overread.models.weights_file import load_weights

_DENSENET, _RESNETS = "features.conv0.weight", ("conv1.weight", "model.conv1.weight")
_STEM = (64, 1, 7, 7)
# (2 x - 1) 1024 for x in [0, 1].
_MEAN, _STD = (0.5,), (1 / 2048,)


def is_torchxrayvision(state: dict[str, Tensor]) -> bool:
    """Whether a file's tensors are those of a DenseNet or ResNet with one input channel."""
    return any(name in state and tuple(state[name].shape) == _STEM for name in (_DENSENET, *_RESNETS))


def load_torchxrayvision(path: Path, state: dict[str, Tensor]) -> LoadedEncoder:
    """DenseNet-121 at 224 px, or ResNet-50 at 512 px; the vector of an image is the mean over its last feature map, as
    features2 of the one and features of the other give it. Raises ConfigError if the weights are of another depth."""
    from torchvision import models

    is_densenet = _DENSENET in state
    module = models.densenet121(weights=None) if is_densenet else models.resnet50(weights=None)
    stem = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    if is_densenet:
        module.features.conv0, module.classifier = stem, nn.Identity()
    else:
        module.conv1, module.fc = stem, nn.Identity()
    name = f"torchxrayvision {'DenseNet-121' if is_densenet else 'ResNet-50'}"
    load_weights(module, state, path=path, name=name)
    size_px = 224 if is_densenet else 512
    return make_loaded(
        module,
        Preprocessor(size_px, size_px, _MEAN, _STD, "bilinear"),
        name=name,
        feature="mean over the last feature map",
        files=(path,),
    )
