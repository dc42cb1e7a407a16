"""A short complete run on hospital formats, through the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from clinjup.contracts import Results
from clinjup.imaging.synthetic import write_cohort
from tests.conftest import REQUEST
from tests.imaging.folders import film, write_dicom
from tests.runs.door import clinjup

PATIENTS = 40
# What only the DICOM headers hold: beginnings of PatientID, name, UIDs.
HEADERS_ONLY = ("SYN-3", "Synthetic^Patient", "1.2.826.0.1")


@pytest.mark.parametrize("layout", ["dicom", "siim", "candid"])
def test_a_short_run_completes_on_this_layout(tmp_path: Path, layout: str) -> None:
    data = write_cohort("pneumothorax", tmp_path / "data", layout=layout, patients=PATIENTS, seed=3, workers=1)
    run = tmp_path / "run"
    said = clinjup("run", REQUEST, "--data", data, "--out", run, "--json", "--budget-minutes", "0.3")
    assert said.code == 0, said.err
    found = Results.model_validate_json(said.out)
    assert found.status == "completed" and found.data.layout == layout and found.data.synthetic
    assert (
        found.data.images == sum(found.data.classes.values()) == 85
        and not found.data.excluded
        and found.data.patients == PATIENTS
    )
    assert found.models[0].confounders["chest_drain"].false_alarm_increase.value is not None
    assert "no_patient_ids" not in {warning.code for warning in found.data.warnings}
    outlined = {"cam_pointing_finding", "cam_energy_finding"} <= set(found.models[0].test)
    assert outlined == (layout != "dicom")  # these two outline the pneumothorax
    if layout == "dicom":
        write_dicom(tmp_path / "new" / "mr.dcm", film(1), Modality="MR")
        write_dicom(tmp_path / "new" / "ll.dcm", film(2), ViewPosition="LL")
        write_dicom(tmp_path / "new" / "pa.dcm", film(3), ViewPosition="PA")
        said = clinjup("predict", run, "--data", tmp_path / "new", "--out", tmp_path / "new.csv", "--json")
        assert said.json["images"] == 1 and {item["path"] for item in said.json["unreadable"]} == {"mr.dcm", "ll.dcm"}
        assert "burned_in_annotation" in {warning.code for warning in found.data.warnings}
        written = [path for path in run.rglob("*") if path.is_file()]
        assert not [path for path in written for secret in HEADERS_ONLY if secret.encode() in path.read_bytes()]
