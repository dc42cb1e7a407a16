"""Diseases and findings a model can be asked for, and the imaging modalities they are seen on."""

from __future__ import annotations

import re

from clinjup.agent.vocabulary.terms import Term, by_id, fold

CHEST = "chest_radiograph"
SKIN = "dermoscopy"
BONE = "bone_radiograph"
WRIST = "wrist_radiograph"
RADIOGRAPHS = (CHEST, BONE, WRIST)

MODALITIES: tuple[Term, ...] = (
    Term(
        CHEST,
        "chest X-ray",
        "Thoraxaufnahme",
        (
            "chest x ray*",
            "cxr*",
            "chest radiograph*",
            "chest film*",
            "chest image*",
            "thorax aufnahm*",
            "röntgen thorax*",
            "thorax röntgen*",
            "thorax bild*",
            "rö thorax",
            "lungen aufnahm*",
            "lungen röntgen*",
            "röntgen lunge*",
            "thorax x ray*",
            "röntgenaufnahme* des thorax",
            "röntgenbild* des thorax",
            "röntgenbild* der lunge",
            "x ray* of the chest",
            "thorax übersicht*",
            "lungen bild*",
        ),
    ),
    Term(
        SKIN,
        "dermoscopic image",
        "dermatoskopische Aufnahme",
        (
            "dermoscop*",
            "dermatoscop*",
            "dermatoskop*",
            "auflichtmikroskop*",
            "haut bild*",
            "haut aufnahm*",
            "skin photo*",
        ),
    ),
    Term(WRIST, "wrist X-ray", "Handgelenksaufnahme", ("wrist*", "*handgelenk*", "distal radius", "distaler radius")),
    Term(
        BONE,
        "bone X-ray",
        "Knochenaufnahme",
        ("bone x ray*", "skeletal x ray*", "knochen aufnahm*", "hand x ray*", "hip x ray*"),
    ),
    Term("mammography", "mammogram", "Mammographie", ("mammogra*",)),
    Term("ct", "CT scan", "CT-Aufnahme", ("ct scan*", "ct image*", "ct", "computed tomograph*", "computertomogra*")),
    Term("mri", "MRI scan", "MRT-Aufnahme", ("mri*", "mrt", "magnetic resonance*", "kernspin*")),
    Term("ultrasound", "ultrasound image", "Ultraschallbild", ("ultrasound*", "sonogra*", "ultraschall*")),
    Term("fundus", "fundus photograph", "Fundusaufnahme", ("fundus*", "retinal image*", "augenhintergrund*")),
    Term("radiograph", "X-ray", "Röntgenaufnahme", ("x ray*", "radiograph*", "röntgen*")),
)

# The seven diagnoses of HAM10000 with their codes (dx): Tschandl et al., Sci Data 2018. `harm` decides which of two is the target.
SKIN_LESION_CLASSES: tuple[Term, ...] = (
    Term(
        "akiec",
        "actinic keratosis",
        "aktinische Keratose",
        ("actinic keratos*", "aktinische* keratose*", "bowen*"),
        ("akiec", "ak"),
        modality=SKIN,
        harm=2,
    ),
    Term(
        "bcc",
        "basal cell carcinoma",
        "Basalzellkarzinom",
        ("basal cell carcinoma*", "basaliom*", "basalzellkarzinom*"),
        ("bcc",),
        modality=SKIN,
        harm=2,
    ),
    Term(
        "bkl",
        "benign keratosis",
        "benigne Keratose",
        ("benign keratos*", "seborrh* keratos*", "benigne* keratose*"),
        ("bkl",),
        modality=SKIN,
    ),
    Term("df", "dermatofibroma", "Dermatofibrom", ("dermatofibrom*",), ("df",), modality=SKIN),
    Term(
        "melanoma",
        "melanoma",
        "Melanom",
        ("melanom*", "malignant melanom*", "maligne* melanom*"),
        ("mel", "mm"),
        modality=SKIN,
        harm=3,
    ),
    Term(
        "nevus",
        "nevus",
        "Nävus",
        ("nevus", "nevi", "naev*", "mole", "moles", "muttermal*", "leberfleck*"),
        ("nv",),
        "nevi",
        SKIN,
    ),
    Term(
        "vasc",
        "vascular lesion",
        "vaskuläre Läsion",
        ("vascular skin lesion*", "vascular lesion*", "h*mangiom*", "angiom*"),
        ("vasc",),
        modality=SKIN,
    ),
)

TARGETS: tuple[Term, ...] = (
    Term(
        "pneumothorax",
        "pneumothorax",
        "Pneumothorax",
        (
            "*pneumothora*",
            "ptx",
            "pneu",
            "pneus",
            "pneumotorax",
            "pneumothorx",
            "pnuemothorax",
            "collapsed lung*",
            "lungenkollaps",
        ),
        ("pnx", "ptx*"),
        "pneumothoraces",
        CHEST,
    ),
    *SKIN_LESION_CLASSES,
    Term(
        "skin_lesion",
        "skin lesion",
        "Hautläsion",
        (
            "skin lesion*",
            "haut läsion*",
            "haut veränderung*",
            "skin tumo*",
            "haut tumor*",
            "pigmented lesion*",
            "dermoscopic lesion*",
            "pigmentläsion*",
        ),
        modality=SKIN,
    ),
    Term(
        "skin_cancer",
        "skin cancer",
        "Hautkrebs",
        ("skin cancer*", "hautkrebs*", "malignant skin lesion*", "benign_malignant"),
        ("malignant",),
        "skin cancers",
        SKIN,
        harm=3,
    ),
    Term(
        "fracture",
        "fracture",
        "Fraktur",
        (
            "*fractur*",
            "*fraktur*",
            "broken bone*",
            "broken wrist*",
            "*knochenbruch*",
            "*knochenbrüche*",
            "bruch",
            "brüche",
            "brüchen",
            "*handgelenksbruch*",
            "*handgelenksbrüche*",
        ),
        ("fx",),
        modality=BONE,
    ),
    Term(
        "pneumonia",
        "pneumonia",
        "Pneumonie",
        ("*pneumonia*", "*pneumonie*", "lungenentzündung*"),
        plural="pneumonias",
        modality=CHEST,
    ),
    Term(
        "effusion",
        "pleural effusion",
        "Pleuraerguss",
        ("pleural effusion*", "effusion*", "*erguss*", "*ergüsse*"),
        modality=CHEST,
    ),
    Term(
        "cardiomegaly",
        "cardiomegaly",
        "Kardiomegalie",
        ("cardiomegal*", "kardiomegal*", "enlarged heart*"),
        plural="cardiomegaly",
        modality=CHEST,
    ),
    Term(
        "nodule",
        "lung nodule",
        "Lungenrundherd",
        ("lung nodul*", "pulmonary nodul*", "nodul*", "rundherd*", "lungenrundherd*"),
        modality=CHEST,
    ),
    Term(
        "mass",
        "lung mass",
        "Raumforderung der Lunge",
        ("lung mass*", "raumforderung*"),
        ("mass",),
        "lung masses",
        CHEST,
    ),
    Term("atelectasis", "atelectasis", "Atelektase", ("atelecta*", "atelekta*"), plural="atelectases", modality=CHEST),
    Term("consolidation", "consolidation", "Konsolidierung", ("consolidation*", "konsolidier*"), modality=CHEST),
    Term("infiltration", "infiltration", "Infiltrat", ("infiltrat*",), modality=CHEST),
    Term(
        "edema",
        "pulmonary edema",
        "Lungenödem",
        ("pulmonary *edema", "lungenödem*", "stauung*"),
        ("edema", "ödem"),
        modality=CHEST,
    ),
    Term("emphysema", "emphysema", "Emphysem", ("emphysem*", "lungenemphysem*"), plural="emphysema", modality=CHEST),
    Term(
        "fibrosis", "fibrosis", "Fibrose", ("fibrosis", "lungenfibrose*", "fibrose"), plural="fibrosis", modality=CHEST
    ),
    Term(
        "pleural_thickening",
        "pleural thickening",
        "Pleuraverdickung",
        ("pleural thickening*", "pleuraverdickung*", "pleuraschwarte*"),
        modality=CHEST,
    ),
    Term("hernia", "hernia", "Hernie", ("hiatal hernia*", "hiatushernie*"), ("hernia",), modality=CHEST),
    Term("tuberculosis", "tuberculosis", "Tuberkulose", ("tuberculos*", "tuberkulos*"), ("tb",), "tuberculosis", CHEST),
    Term(
        "lung_cancer",
        "lung cancer",
        "Lungenkrebs",
        ("lung cancer*", "lungenkrebs*", "bronchialkarzinom*", "lungenkarzinom*"),
        plural="lung cancer",
        modality=CHEST,
    ),
    Term(
        "breast_cancer",
        "breast cancer",
        "Brustkrebs",
        ("breast cancer*", "brustkrebs*", "mammakarzinom*"),
        plural="breast cancer",
        modality="mammography",
    ),
    Term(
        "diabetic_retinopathy",
        "diabetic retinopathy",
        "diabetische Retinopathie",
        ("diabetic retinopath*", "diabetische* retinopath*"),
        plural="diabetic retinopathy",
        modality="fundus",
    ),
    Term(
        "abnormality",
        "abnormality",
        "Auffälligkeit",
        ("abnormalit*", "auffälligkeit*"),
        ("abnormal", "auffällig", "pathologisch"),
        "abnormalities",
    ),
)


def target_term(target_id: str, name: str | None = None) -> Term:
    """Return the term of a target; a finding the vocabulary does not know is matched by the clinician's own words."""
    known = by_id(TARGETS, target_id)
    if known:
        return known
    own = name or target_id.replace("_", " ")
    return Term(target_id, own, own, (own, f"{own}s"), plural=own)


def slug(words: str) -> str:
    """Canonical id for a finding outside the vocabulary: 'Gallen-Steine' -> 'gallen_steine'."""
    return re.sub(r"\W+", "_", fold(words)).strip("_")
