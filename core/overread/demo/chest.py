"""The demo's chest radiographs: each one's patient, content, label and DICOM file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from overread.demo.opacity import KINDS
from overread.demo.simulated_readers import draw_ambiguity, misread
from overread.demo.thorax import FULL_SCALE, draw_chest, make_patient

CLASSES = ("NORMAL", "PNEUMONIA")
LABEL_ERROR_RATE = 0.135

_COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_SHAPES_PX = ((512, 440), (512, 512), (496, 416))
"""Height and width of the films."""


@dataclass(frozen=True)
class Radiograph:
    """One radiograph before it is drawn."""

    image: str
    """Path as in labels.csv."""
    patient: int
    severity: float
    """In [0, 1]: below one half it is NORMAL, above PNEUMONIA."""
    kind: str
    """How the opacity spreads."""
    ambiguity: float
    """0 for a textbook case, 1 on the border between the classes."""
    true_label: str
    given_label: str
    is_monochrome1: bool

    @property
    def patient_id(self) -> str:
        return f"PH{self.patient:05d}"


def plan_chest(num_images: int, seed: int) -> list[Radiograph]:
    """All radiographs of a set, in no telling order. A patient has one or two."""
    rng = np.random.default_rng([seed, 0])
    truth = rng.integers(0, 2, num_images)
    ambiguity = draw_ambiguity(num_images, rng)
    severity = 0.5 + (truth - 0.5) * (1 - ambiguity)
    given = misread(truth, 1 - truth, ambiguity, LABEL_ERROR_RATE, rng)
    is_monochrome1 = rng.permutation(num_images) < num_images // 2
    num_patients = num_images - num_images // 5
    patients = rng.permutation(np.arange(num_images) % num_patients)
    numbers = rng.choice(np.arange(1, 99_999), num_patients, replace=False)
    return [
        Radiograph(
            image=f"images/{index + 1:05d}.dcm",
            patient=int(numbers[patients[index]]),
            severity=float(severity[index]),
            kind=str(rng.choice(KINDS)),
            ambiguity=float(ambiguity[index]),
            true_label=CLASSES[truth[index]],
            given_label=CLASSES[given[index]],
            is_monochrome1=bool(is_monochrome1[index]),
        )
        for index in range(num_images)
    ]


def chest_pixels(radiograph: Radiograph, index: int, seed: int) -> np.ndarray:
    """(height, width) uint16 of 12 bits, dense is bright: the radiograph at an index of the plan."""
    rng = np.random.default_rng([seed, 2, index])
    height, width = _SHAPES_PX[rng.integers(len(_SHAPES_PX))]
    return draw_chest(make_patient(radiograph.patient), radiograph.severity, radiograph.kind, height, width, rng)


def write_dicom(path: Path, radiograph: Radiograph, index: int, seed: int) -> None:
    """Draw the radiograph at an index of the plan and write it: CR, uncompressed, 12 bits stored in 16."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    pixels = chest_pixels(radiograph, index, seed)
    low, high = np.percentile(pixels[::4, ::4], (1.0, 99.7))
    if radiograph.is_monochrome1:  # 0 is white (PS3.3 C.7.6.3.1.2)
        pixels = FULL_SCALE - pixels
        low, high = FULL_SCALE - high, FULL_SCALE - low
    rng = np.random.default_rng([seed, 3, index])
    patient_rng = np.random.default_rng(radiograph.patient)

    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = UID(_EXPLICIT_LITTLE_ENDIAN)
    file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = UID(_COMPUTED_RADIOGRAPHY)
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID = UID(_uid(rng))
    file.StudyInstanceUID, file.SeriesInstanceUID = _uid(rng), _uid(rng)
    file.StudyID, file.SeriesNumber, file.InstanceNumber = str(index + 1), 1, 1
    file.AccessionNumber = f"{rng.integers(10**7):07d}"
    file.StudyDate = file.ContentDate = f"20{rng.integers(15, 24)}{rng.integers(1, 13):02d}{rng.integers(1, 29):02d}"
    file.StudyTime = file.ContentTime = f"{rng.integers(7, 20):02d}{rng.integers(60):02d}{rng.integers(60):02d}"
    file.PatientName, file.PatientID = f"Phantom^{radiograph.patient_id}", radiograph.patient_id
    file.PatientSex = "F" if make_patient(radiograph.patient).has_breasts else "M"
    file.PatientBirthDate = f"{patient_rng.integers(1935, 1998)}0101"
    file.ReferringPhysicianName = ""
    file.Manufacturer, file.ManufacturerModelName = "Overread", "Phantom"
    file.ImageComments = "Phantom drawn by a program. Not a patient, not for diagnosis."
    file.Modality, file.BodyPartExamined, file.ViewPosition = "CR", "CHEST", "PA"
    file.PatientOrientation = ["L", "F"]
    file.ImageType = ["ORIGINAL", "PRIMARY"]
    file.ImagerPixelSpacing = [0.8, 0.8]
    file.BurnedInAnnotation, file.LossyImageCompression = "NO", "00"

    file.Rows, file.Columns = pixels.shape
    file.SamplesPerPixel, file.PixelRepresentation = 1, 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 12, 11
    file.PhotometricInterpretation = "MONOCHROME1" if radiograph.is_monochrome1 else "MONOCHROME2"
    file.PixelIntensityRelationship = "LOG"
    file.PixelIntensityRelationshipSign = 1 if radiograph.is_monochrome1 else -1
    file.WindowCenter, file.WindowWidth = str(round((low + high) / 2)), str(round(high - low))
    file.PixelData = pixels.astype("<u2").tobytes()
    file.save_as(path, enforce_file_format=True, little_endian=True, implicit_vr=False)


def chest_truth(num_images: int = 600, seed: int = 0) -> pd.DataFrame:
    """What the radiographs really show. Columns image (as in labels.csv) and true_label."""
    plan = plan_chest(num_images, seed)
    return pd.DataFrame({"image": [item.image for item in plan], "true_label": [item.true_label for item in plan]})


def _uid(rng: np.random.Generator) -> str:
    """A UID made of a random 128-bit number (PS3.5 B.2)."""
    return f"2.25.{int.from_bytes(rng.bytes(16), 'big')}"
