"""Encoders for medical images that can be named: where they are, on which terms, and what their vector is.

They are never downloaded: who uses one accepts its terms and fetches it. The page core/docs/encoders.md shows this
table.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownEncoder:
    """An encoder and how to get it."""

    name: str
    """As --encoder takes it, for the instructions."""
    title: str
    images: str
    """What it was trained on."""
    address: str
    """The page that offers it."""
    files: tuple[str, ...]
    """What to download from there."""
    given: str
    """What --encoder then takes: their folder, or a file."""
    licence: str
    access: str
    feature: str
    """The vector of an image that its authors recommend, and that is taken."""
    num_features: int
    source: str
    """Where licence, access and feature are stated."""
    conversion: str = ""
    """What to do with the files first, as a sentence that ends in a comma."""

    @property
    def instructions(self) -> str:
        """What to do to use it, in one line."""
        files = self.files[0] if len(self.files) == 1 else f"{', '.join(self.files[:-1])} and {self.files[-1]}"
        return (
            f"{self.title} is not downloaded for you; get {files} from {self.address} (licence: {self.licence}; "
            f"access: {self.access}), then {self.conversion}give {self.given} to --encoder"
        )


_FOLDER = "their folder"
_FILE = "the file"
_HUGGINGFACE = ("config.json", "model.safetensors", "preprocessor_config.json")
_TIMM = ("config.json", "pytorch_model.bin")
_XRV = "https://github.com/mlmed/torchxrayvision/releases/tag/v1"
_REGISTERED = "after registering at Hugging Face with an institutional address and accepting the terms"
_NON_COMMERCIAL = "CC-BY-NC-ND 4.0, academic research; covers data made from its outputs"

KNOWN_ENCODERS = (
    KnownEncoder(
        name="xrv-densenet121",
        title="torchxrayvision DenseNet-121",
        images="chest X-rays",
        address=_XRV,
        files=("nih-pc-chex-mimic_ch-google-openi-kaggle-densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best.pt",),
        given=_FILE,
        licence="Apache-2.0",
        access="open",
        feature="mean over the last feature map (`features2`)",
        num_features=1024,
        source="https://github.com/mlmed/torchxrayvision",
    ),
    KnownEncoder(
        name="xrv-resnet50",
        title="torchxrayvision ResNet-50",
        images="chest X-rays",
        address=_XRV,
        files=("pc-nih-rsna-siim-vin-resnet50-test512-e400-state.pt",),
        given=_FILE,
        licence="Apache-2.0",
        access="open",
        feature="mean over the last feature map (`features`)",
        num_features=2048,
        source="https://github.com/mlmed/torchxrayvision",
    ),
    KnownEncoder(
        name="rad-dino",
        title="RAD-DINO",
        images="chest X-rays",
        address="https://huggingface.co/microsoft/rad-dino",
        files=_HUGGINGFACE,
        given=_FOLDER,
        licence="MIT; for research, not for clinical practice",
        access="open",
        feature="class token",
        num_features=768,
        source="https://huggingface.co/microsoft/rad-dino",
    ),
    KnownEncoder(
        name="biomedclip",
        title="BiomedCLIP, image tower",
        images="figures of biomedical articles",
        address="https://huggingface.co/microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
        files=("open_clip_config.json", "open_clip_pytorch_model.bin"),
        given=_FOLDER,
        licence="MIT; for research",
        access="open",
        feature="`encode_image`, not normalised",
        num_features=512,
        source="https://huggingface.co/microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
    ),
    KnownEncoder(
        name="phikon",
        title="Phikon",
        images="histology",
        address="https://huggingface.co/owkin/phikon",
        files=_HUGGINGFACE,
        given=_FOLDER,
        licence="Owkin's own, for non-profit entities",
        access="open",
        feature="class token",
        num_features=768,
        source="https://github.com/owkin/HistoSSLscaling",
    ),
    KnownEncoder(
        name="phikon-v2",
        title="Phikon-v2",
        images="histology",
        address="https://huggingface.co/owkin/phikon-v2",
        files=_HUGGINGFACE,
        given=_FOLDER,
        licence="Owkin's own, non-commercial",
        access="open",
        feature="class token",
        num_features=1024,
        source="https://huggingface.co/owkin/phikon-v2",
    ),
    KnownEncoder(
        name="uni",
        title="UNI",
        images="histology",
        address="https://huggingface.co/MahmoodLab/UNI",
        files=_TIMM,
        given=_FOLDER,
        licence=_NON_COMMERCIAL,
        access=_REGISTERED,
        feature="class token",
        num_features=1024,
        source="https://github.com/mahmoodlab/UNI",
    ),
    KnownEncoder(
        name="conch",
        title="CONCH, image tower",
        images="histology",
        address="https://huggingface.co/MahmoodLab/CONCH",
        files=("pytorch_model.bin",),
        given=_FILE,
        licence=_NON_COMMERCIAL,
        access=_REGISTERED,
        feature="`encode_image(proj_contrast=False, normalize=False)`",
        num_features=512,
        source="https://github.com/mahmoodlab/CONCH",
    ),
    KnownEncoder(
        name="virchow2",
        title="Virchow2",
        images="histology",
        address="https://huggingface.co/paige-ai/Virchow2",
        files=_TIMM,
        given=_FOLDER,
        licence="CC-BY-NC-ND 4.0, academic research",
        access=_REGISTERED,
        feature="class token, then the mean of the patch tokens",
        num_features=2560,
        source="https://huggingface.co/paige-ai/Virchow2",
    ),
    KnownEncoder(
        name="remedis",
        title="REMEDIS, a BiT ResNet",
        images="chest X-rays, or histology",
        address="https://physionet.org/content/medical-ai-research-foundation/1.0.0/",
        files=("a SavedModel such as cxr-50x1-remedis-m",),
        given="model.onnx",
        licence="PhysioNet's, for credentialed users",
        access="a credentialed PhysioNet account and a signed agreement",
        feature="the network's pooled output",
        num_features=2048,
        source="https://github.com/google-research/medical-ai-research-foundations",
        conversion=(
            "convert it with `python -m tf2onnx.convert --saved-model FOLDER --output model.onnx`, "
            'write `{"size": 448, "do_normalize": false}` (histology: 224) to preprocessor_config.json beside '
            "model.onnx, and "
        ),
    ),
)


def known_encoder(name: str) -> KnownEncoder | None:
    """By its name, in any case; None if there is none."""
    return next((each for each in KNOWN_ENCODERS if each.name == name.lower()), None)
