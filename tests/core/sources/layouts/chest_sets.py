"""Datasets of chest X-rays."""

from pathlib import Path

from tests.core.sources.layouts.made_dataset import (
    PublicDataset,
    Truth,
    write_dicom,
    write_lines,
    write_picture,
    write_table,
)

NIH_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
CHEXPERT_FINDINGS = (
    "No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,Consolidation,Pneumonia,"
    "Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices"
)
MIMIC_FINDINGS = (
    "Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,Lung Opacity,"
    "No Finding,Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices"
)
MIMIC_METADATA = (
    "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,StudyTime,"
    "ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,PatientOrientationCodeSequence_CodeMeaning"
)
PADCHEST_HEADER = (
    ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,ViewPosition_DICOM,Projection,"
    "MethodProjection,Pediatric,Modality_DICOM,Manufacturer_DICOM,PhotometricInterpretation_DICOM,"
    "PixelRepresentation_DICOM,PixelAspectRatio_DICOM,SpatialResolution_DICOM,BitsStored_DICOM,WindowCenter_DICOM,"
    "WindowWidth_DICOM,Rows_DICOM,Columns_DICOM,XRayTubeCurrent_DICOM,Exposure_DICOM,ExposureInuAs_DICOM,"
    "ExposureTime,RelativeXRayExposure_DICOM,ReportID,Report,MethodLabel,Labels,Localizations,"
    "LabelsLocalizationsBySentence,labelCUIS,LocalizationsCUIS"
)
VINDR_FINDINGS = (
    "Aortic enlargement,Atelectasis,Calcification,Cardiomegaly,Clavicle fracture,Consolidation,Edema,Emphysema,"
    "Enlarged PA,ILD,Infiltration,Lung Opacity,Lung cavity,Lung cyst,Mediastinal shift,Nodule/Mass,Pleural effusion,"
    "Pleural thickening,Pneumothorax,Pulmonary fibrosis,Rib fracture,Other lesion,COPD,Lung tumor,Pneumonia,"
    "Tuberculosis,Other diseases,No finding"
)


def _presence(is_present: bool) -> str:
    return "present" if is_present else "absent"


def _flags(findings: str, positive: dict[str, str], rest: str) -> list[str]:
    """A cell for each finding."""
    return [positive.get(finding, rest) for finding in findings.split(",")]


def _nih(root: Path) -> list[Truth]:
    truths, rows = [], []
    findings = ("No Finding", "Effusion|Pneumonia", "Pneumonia", "Atelectasis|Effusion", "No Finding")
    for number in range(20):
        patient, found = number // 2 + 1, findings[number % 5]
        name = f"{patient:08d}_{number % 2:03d}.png"
        image = f"images_{number // 10 + 1:03d}/images/{name}"
        write_picture(root / image)
        rows.append((name, found, number % 2, patient, 58, "M", "PA", 2682, 2749, 0.143, 0.143, ""))
        split = "train" if number < 14 else "test"
        truths.append(Truth(image, _presence("Pneumonia" in found), f"{patient}", split=split))
    write_table(root / "Data_Entry_2017.csv", NIH_HEADER, rows)
    boxes = [(row[0], "Pneumonia", 225.08, 547.01, 86.77, 79.18, "", "", "") for row in rows if "Pneumonia" in row[1]]
    write_table(root / "BBox_List_2017.csv", "Image Index,Finding Label,Bbox [x,y,w,h],,,", boxes)
    write_lines(root / "train_val_list.txt", [row[0] for row in rows[:14]])
    write_lines(root / "test_list.txt", [row[0] for row in rows[14:]])
    return truths


def _chexpert(root: Path) -> list[Truth]:
    truths = []
    for folder, split, numbers in (("train", "train", range(16)), ("valid", "val", range(16, 20))):
        rows = []
        for number in numbers:
            patient = f"patient{number // 2 + 1:05d}"
            image = f"{folder}/{patient}/study1/view{number % 2 + 1}_frontal.jpg"
            write_picture(root / image)
            cell = ("1.0", "0.0", "", "-1.0")[number % 4] if split == "train" else ("1.0", "0.0")[number % 2]
            flags = _flags(CHEXPERT_FINDINGS, {"Pneumonia": cell, "Support Devices": "1.0"}, rest="")
            rows.append((f"CheXpert-v1.0-small/{image}", "Female", 68, "Frontal", "AP", *flags))
            label = {"1.0": "present", "0.0": "absent", "": "absent", "-1.0": "uncertain"}[cell]
            truths.append(Truth(image, label, patient, split=split))
        header = f"Path,Sex,Age,Frontal/Lateral,AP/PA,{CHEXPERT_FINDINGS}"
        write_table(root / f"{folder}.csv", header, rows)
    return truths


def _mimic(root: Path) -> list[Truth]:
    truths, labels, metadata, splits = [], [], [], []
    for number in range(12):
        subject, study = 10000032 + number // 4, 50414267 + number // 2
        dicom = f"{number:08x}-66cdc8a7-{number:08x}-5e0c1c1b-fea0d6b4"
        image = f"files/p10/p{subject}/s{study}/{dicom}.jpg"
        write_picture(root / image)
        split = ("train", "validate", "test")[number // 4]
        cell = ("1.0", "0.0", "", "-1.0", "1.0", "0.0")[number // 2]
        if number % 2 == 0:
            flags = _flags(MIMIC_FINDINGS, {"Pneumonia": cell, "Pneumothorax": "1.0"}, rest="")
            labels.append((subject, study, *flags))
        metadata.append(
            (dicom, subject, study, "CHEST (PA AND LAT)", "PA", 3056, 2544, 21800506, 213014.531, *("",) * 3)
        )
        splits.append((dicom, study, subject, split))
        label = {"1.0": "present", "0.0": "absent"}.get(cell, "")
        truths.append(Truth(image, label, f"{subject}", split={"validate": "val"}.get(split, split)))
    header = f"subject_id,study_id,{MIMIC_FINDINGS}"
    write_table(root / "mimic-cxr-2.0.0-chexpert.csv", header, labels)
    write_table(root / "mimic-cxr-2.0.0-negbio.csv", header, labels)
    write_table(root / "mimic-cxr-2.0.0-metadata.csv", MIMIC_METADATA, metadata)
    write_table(root / "mimic-cxr-2.0.0-split.csv", "dicom_id,study_id,subject_id,split", splits)
    return truths


def _padchest(root: Path) -> list[Truth]:
    truths, rows = [], []
    findings = ("['normal']", "['pneumonia', ' pleural effusion']", "['pleural effusion']", "['pneumonia']")
    for number in range(12):
        name = f"2168402066695099372{number}_00-{number:03d}.png"
        folder, patient, found = str(number % 2), f"8430{number // 2}", findings[number % 4]
        write_picture(root / folder / name)
        cells = dict.fromkeys(PADCHEST_HEADER.split(","), "") | {
            "": number, "ImageID": name, "ImageDir": folder, "PatientID": patient, "Projection": "PA",
            "StudyID": f"2016{number}", "Report": "sin hallazgos patologic", "Labels": found, "Pediatric": "No",
        }  # fmt: skip
        rows.append(list(cells.values()))
        truths.append(Truth(f"{folder}/{name}", _presence("pneumonia" in found), patient))
    write_table(root / "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv", PADCHEST_HEADER, rows)
    return truths


def _vindr(root: Path) -> list[Truth]:
    """The release of PhysioNet: three readers an image in train, a consensus in test."""
    truths = []
    for split, num_readers in (("train", 3), ("test", 1)):
        labels, boxes = [], []
        for number in range(6):
            name = f"{split[1:]}{number:032x}"[-32:]
            write_dicom(root / split / f"{name}.dicom", f"1.2.{len(truths) + 1}")
            votes = [number % 2 == 0 and reader < 2 for reader in range(num_readers)]
            for reader, vote in enumerate(votes):
                found = {"Pleural effusion": "1", "Cardiomegaly": "1"} if vote else {"No finding": "1"}
                who = [f"R{reader + 8}"] if split == "train" else []
                labels.append((name, *who, *_flags(VINDR_FINDINGS, found, rest="0")))
                box = (691, 1375, 1653, 1831) if vote else ("",) * 4
                boxes.append((name, *who, "Pleural effusion" if vote else "No finding", *box))
            raters = tuple(map(_presence, votes)) if split == "train" else ()
            truths.append(Truth(f"{split}/{name}.dicom", _presence(votes[0]), split=split, raters=raters))
        who = "rad_id," if split == "train" else ""
        write_table(root / f"annotations/image_labels_{split}.csv", f"image_id,{who}{VINDR_FINDINGS}", labels)
        header = f"image_id,{who}class_name,x_min,y_min,x_max,y_max"
        write_table(root / f"annotations/annotations_{split}.csv", header, boxes)
    return truths


def _vinbigdata(root: Path) -> list[Truth]:
    """The same images in Kaggle's competition: a row for each box."""
    truths, rows = [], []
    for number in range(8):
        name = f"{number:032x}"
        write_dicom(root / f"train/{name}.dicom", f"1.2.{number + 1}")
        votes = [number % 2 == 0 and reader < 2 for reader in range(3)]
        for reader, vote in enumerate(votes):
            if vote:
                rows.append((name, "Pleural effusion", 10, f"R{reader + 8}", 691.0, 1375.0, 1653.0, 1831.0))
                rows.append((name, "Cardiomegaly", 3, f"R{reader + 8}", 691.0, 1375.0, 1653.0, 1831.0))
            else:
                rows.append((name, "No finding", 14, f"R{reader + 8}", "", "", "", ""))
        truths.append(Truth(f"train/{name}.dicom", _presence(votes[0]), raters=tuple(map(_presence, votes))))
    write_table(root / "train.csv", "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max", rows)
    test = f"{99:032x}"
    write_dicom(root / f"test/{test}.dicom", "1.2.99")
    write_table(root / "sample_submission.csv", "image_id,PredictionString", [(test, "14 1 0 0 1 1")])
    return truths


def _rsna(root: Path) -> list[Truth]:
    truths, boxes, classes = [], [], []
    for number in range(12):
        name = f"{number:08x}-cae4-4fa3-8512-b2f6cd8f4b13"
        write_dicom(root / f"stage_2_train_images/{name}.dcm", f"1.2.{number + 1}", name)
        target = number % 3 == 0
        for _ in range(1 + target):
            boxes.append((name, *((264.0, 152.0, 213.0, 379.0) if target else ("",) * 4), int(target)))
            kind = "Lung Opacity" if target else ("Normal", "No Lung Opacity / Not Normal")[number % 2]
            classes.append((name, kind))
        truths.append(Truth(f"stage_2_train_images/{name}.dcm", str(int(target)), name))
    write_table(root / "stage_2_train_labels.csv", "patientId,x,y,width,height,Target", boxes)
    write_table(root / "stage_2_detailed_class_info.csv", "patientId,class", classes)
    write_table(root / "stage_2_sample_submission.csv", "patientId,PredictionString", [("0000a175", "0.5 0 0 100 100")])
    write_dicom(root / "stage_2_test_images/0000a175.dcm", "1.2.99")
    return truths


def _rsna_haemorrhage(root: Path) -> list[Truth]:
    truths, rows = [], []
    subtypes = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")
    for number in range(8):
        name = f"ID_{number:09x}"
        write_dicom(root / f"stage_2_train/{name}.dcm", f"1.2.{number + 1}", f"ID_{number // 2:08x}")
        found = ("subdural", "any") if number % 4 == 0 else ("epidural", "any") if number % 4 == 1 else ()
        rows += [(f"{name}_{subtype}", int(subtype in found)) for subtype in subtypes]
        truths.append(Truth(f"stage_2_train/{name}.dcm", _presence("subdural" in found), f"{number // 2}"))
    write_table(root / "stage_2_train.csv", "ID,Label", rows)
    write_table(
        root / "stage_2_sample_submission.csv", "ID,Label", [(f"ID_0000000ff_{kind}", 0.5) for kind in subtypes]
    )
    write_dicom(root / "stage_2_test/ID_0000000ff.dcm", "1.2.99")
    return truths


def _siim(root: Path) -> list[Truth]:
    truths, rows = [], []
    for number in range(8):
        uid = f"1.2.276.0.7230010.3.1.4.8323329.{number + 1}"
        image = f"dicom-images-train/1.2.276.2.{number}/1.2.276.3.{number}/{uid}.dcm"
        write_dicom(root / image, uid, f"patient{number // 2}")
        is_marked = number % 2 == 0
        rows.append((uid, " 175349 7 1013 12" if is_marked else " -1"))
        label = "pneumothorax" if is_marked else "no pneumothorax"
        truths.append(Truth(image, label, f"patient{number // 2}"))
    write_table(root / "train-rle.csv", "ImageId, EncodedPixels", rows)
    return truths


def _kermany(root: Path) -> list[Truth]:
    truths = []
    for folder, split, count in (("train", "train", 6), ("val", "val", 2), ("test", "test", 2)):
        for number in range(count):
            patient, normal = f"person{number // 2 + 1}", f"IM-{number // 2 + 115:04d}"
            sick = f"{folder}/PNEUMONIA/{patient}_{('bacteria', 'virus')[number % 2]}_{number}.jpeg"
            well = f"{folder}/NORMAL/{normal}-{number % 2 + 1:04d}.jpeg"
            truths += [Truth(sick, "PNEUMONIA", patient, split=split), Truth(well, "NORMAL", normal, split=split)]
            write_picture(root / sick)
            write_picture(root / well)
    return truths


def _covidx(root: Path) -> list[Truth]:
    """COVIDx CXR-4: lists without a header, patient, file, class and origin apart by blanks."""
    truths = []
    for split, count in (("train", 10), ("val", 4), ("test", 4)):
        lines = []
        for number in range(count):
            name, patient = f"{split}-{number:04d}-SARS-10.1148rg.242035193-g04.png", f"{split}{number // 2}"
            write_picture(root / split / name)
            label = ("positive", "negative")[number // 2 % 2]
            lines.append(f"{patient} {name} {label} bimcv")
            truths.append(Truth(f"{split}/{name}", label, patient, split=split))
        write_lines(root / f"{split}.txt", lines)
    return truths


CHEST = (
    PublicDataset("NIH ChestX-ray14", _nih, {"finding": "Pneumonia"}, question="--finding"),
    PublicDataset(
        "CheXpert",
        _chexpert,
        {"finding": "Pneumonia", "doubts": ("own-class", "blank=negative")},
        question="--finding",
    ),
    PublicDataset("MIMIC-CXR-JPG", _mimic, {"finding": "Pneumonia"}, question="--finding"),
    PublicDataset("PadChest", _padchest, {"finding": "pneumonia"}, question="--finding"),
    PublicDataset("VinDr-CXR", _vindr, {"finding": "Pleural effusion"}, question="--finding"),
    PublicDataset("VinBigData", _vinbigdata, {"finding": "Pleural effusion"}, question="--finding"),
    PublicDataset("RSNA pneumonia", _rsna, {"labels": "stage_2_train_labels.csv"}, question="--labels"),
    PublicDataset("RSNA haemorrhage", _rsna_haemorrhage, {"finding": "subdural"}, question="--finding"),
    PublicDataset("SIIM pneumothorax", _siim),
    PublicDataset("Kermany chest X-rays", _kermany),
    PublicDataset("COVIDx", _covidx),
)
