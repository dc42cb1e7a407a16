"""One DICOM file after the other: what a viewer would show, whatever detector, depth and compression."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from clinjup.imaging.files import scan_folder
from clinjup.imaging.pictures import decode_image, is_coloured, read_header
from tests.imaging.folders import film, write_dicom, write_image


def alike(pixels: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(pixels.ravel(), other.ravel())[0, 1])


def twelve_bits(seed: int = 5) -> np.ndarray:
    return film(seed).astype(np.uint16) * 16


@pytest.mark.parametrize("compression", ["none", "jpeg", "jpeg2000", "rle"])
def test_every_compression_shows_the_same_picture(tmp_path, compression):
    pixels, facts = decode_image(write_dicom(tmp_path / "a.dcm", film(3), compression), 48)
    assert facts.reason == "" and facts.mode == "MONOCHROME2" and (facts.width, facts.height) == (48, 48)
    assert alike(pixels, film(3)) > 0.99


def recompressed(path, syntax):
    """The file at `path` in another transfer syntax, written by GDCM, as scanners write it."""
    import gdcm

    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(path))
    assert writer.Write()
    return path


@pytest.mark.parametrize("syntax", ["JPEGLosslessProcess14_1", "JPEGLSLossless"])
def test_compressions_of_scanners_keep_twelve_bits(tmp_path, syntax):
    import gdcm
    import pydicom

    path = recompressed(
        write_dicom(tmp_path / "a.dcm", twelve_bits(), BitsStored=12), getattr(gdcm.TransferSyntax, syntax)
    )
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID.is_compressed
    pixels, facts = decode_image(path, 48)
    assert facts.reason == "" and facts.bits == 12
    assert alike(pixels, film(5)) > 0.99 and pixels.min() == 0 and pixels.max() == 255


def test_a_compression_that_nothing_here_reads_is_named(tmp_path):
    import gdcm

    path = write_dicom(tmp_path / "a.dcm", twelve_bits(), BitsStored=12)
    pixels, facts = decode_image(recompressed(path, gdcm.TransferSyntax.JPEGExtendedProcess2_4), 48)
    assert pixels is None and "JPEG Extended" in facts.reason and "cannot be read" in facts.reason


def test_monochrome1_is_inverted(tmp_path):
    inverted = write_dicom(tmp_path / "a.dcm", 255 - film(3), PhotometricInterpretation="MONOCHROME1")
    pixels, facts = decode_image(inverted, 48)
    assert alike(pixels, film(3)) > 0.99 and facts.mode == "MONOCHROME1"


@pytest.mark.parametrize(("low", "high", "bits"), [(0, 4095, 12), (200, 16000, 14), (30000, 31000, 16)])
def test_more_than_eight_bits_are_windowed_to_their_own_range(tmp_path, low, high, bits):
    deep = (low + film(5).astype(float) / 255 * (high - low)).astype(np.uint16)
    pixels, facts = decode_image(write_dicom(tmp_path / "a.dcm", deep, BitsStored=bits), 48)
    assert facts.bits == bits and alike(pixels, film(5)) > 0.995
    assert pixels.min() == 0 and pixels.max() == 255 and 0.2 < pixels.mean() / 255 < 0.8


def test_the_window_of_the_file_is_used_after_its_rescale(tmp_path):
    ramp = np.tile(np.arange(0, 4096, 64, dtype=np.uint16), (64, 1))
    tags = {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": 1000, "WindowWidth": 2001, "BitsStored": 12}
    pixels, _ = decode_image(write_dicom(tmp_path / "a.dcm", ramp, **tags), 64)
    shown = ramp[0] * 2.0 - 1000
    expected = np.clip((shown - (1000 - 1000.5)) / 2000, 0, 1) * 255
    assert np.abs(pixels[0] - expected).max() <= 1.5


@pytest.mark.parametrize("tags", [{"WindowCenter": 90000, "WindowWidth": 10}, {"WindowCenter": 100, "WindowWidth": 0}])
def test_a_window_that_shows_nothing_is_passed_over(tmp_path, tags):
    pixels, _ = decode_image(write_dicom(tmp_path / "a.dcm", twelve_bits(), BitsStored=12, **tags), 48)
    assert alike(pixels, film(5)) > 0.995


def full_of_sense(pixels: np.ndarray, seed: int = 5) -> bool:
    """Whether `pixels` shows the film of `seed` in nearly all its grey levels."""
    return alike(pixels, film(seed)) > 0.99 and 80 < pixels.mean() < 175 and len(np.unique(pixels)) > 150


def test_a_window_that_hides_the_picture_is_passed_over_and_told(tmp_path):
    body_window = {"WindowCenter": 40, "WindowWidth": 400, "BitsStored": 12}  # that of a CT, stamped on a film
    pixels, facts = decode_image(write_dicom(tmp_path / "white.dcm", twelve_bits(), **body_window), 48)
    assert full_of_sense(pixels) and facts.window == "passed over"
    raw_window = {"WindowCenter": 2048, "WindowWidth": 4095}  # of the raw film, on its export with 8 bits
    pixels, facts = decode_image(write_dicom(tmp_path / "dark.dcm", film(5), **raw_window), 48)
    assert full_of_sense(pixels) and facts.window == "passed over"
    steep = {"WindowCenter": 90000, "WindowWidth": 10, "VOILUTFunction": "SIGMOID", "BitsStored": 12}
    pixels, facts = decode_image(write_dicom(tmp_path / "steep.dcm", twelve_bits(), **steep), 48)
    assert full_of_sense(pixels) and facts.window == "passed over"


@pytest.mark.parametrize(
    "tags", [{}, {"WindowCenter": 2048, "WindowWidth": 4096}, {"WindowCenter": 900, "WindowWidth": 900}]
)
def test_a_window_that_shows_the_picture_is_kept(tmp_path, tags):
    _, facts = decode_image(write_dicom(tmp_path / "a.dcm", twelve_bits(), BitsStored=12, **tags), 48)
    assert facts.window == ""


def test_a_window_of_a_small_part_on_a_black_plate_is_kept(tmp_path):
    plate = np.zeros((200, 200), np.uint16)
    plate[80:120, 80:120] = np.asarray(Image.fromarray(film(5)).resize((40, 40))).astype(np.uint16) * 16
    window = {"WindowCenter": 2048, "WindowWidth": 4096, "BitsStored": 12}
    assert decode_image(write_dicom(tmp_path / "a.dcm", plate, **window), 48)[1].window == ""


def with_table(path, bits: int, times: int, entries: int = 4096):
    """The file at `path` with a VOI table that declares `bits` and holds 0 ... `entries` - 1, each `times` itself."""
    import pydicom

    item = pydicom.Dataset()
    item.LUTDescriptor, item.LUTData = [entries, 0, bits], [value * times for value in range(entries)]
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    dataset = pydicom.dcmread(path)
    dataset.VOILUTSequence = pydicom.Sequence([item])
    dataset.save_as(path)
    return path


@pytest.mark.parametrize(("bits", "times"), [(12, 1), (16, 16), (16, 1)])
def test_a_table_of_grey_values_counts_by_its_own_maximum(tmp_path, bits, times):
    path = with_table(write_dicom(tmp_path / "a.dcm", twelve_bits(), BitsStored=12), bits, times)
    pixels, facts = decode_image(path, 48)
    assert np.abs(pixels.astype(int) - film(5)).max() <= 1 and facts.window == ""


def test_a_sigmoid_and_a_table_that_saturate_are_passed_over_and_told(tmp_path):
    mostly_bright = 1000 + film(5).astype(np.uint16) * 12
    mostly_bright[:10, :10] = film(5)[:10, :10]  # some grey levels are left: 4 % of the film
    body_window = {"WindowCenter": 40, "WindowWidth": 400, "VOILUTFunction": "SIGMOID", "BitsStored": 12}
    sigmoid = write_dicom(tmp_path / "sigmoid.dcm", mostly_bright, **body_window)
    table = with_table(write_dicom(tmp_path / "table.dcm", mostly_bright, BitsStored=12), 8, 1, entries=256)
    for path in (sigmoid, table):
        pixels, facts = decode_image(path, 48)
        assert facts.window == "passed over" and alike(pixels, mostly_bright) > 0.99


def test_of_several_windows_the_first_is_taken(tmp_path):
    first, both = {"WindowCenter": 1000, "WindowWidth": 800}, {"WindowCenter": [1000, 9], "WindowWidth": [800, 9]}
    one, _ = decode_image(write_dicom(tmp_path / "a.dcm", twelve_bits(), BitsStored=12, **first), 48)
    several, _ = decode_image(write_dicom(tmp_path / "b.dcm", twelve_bits(), BitsStored=12, **both), 48)
    assert np.array_equal(one, several) and one.max() == 255


def test_padding_of_the_detector_is_black_and_sets_no_window(tmp_path):
    deep = twelve_bits()
    deep[:, :16] = 65535
    pixels, _ = decode_image(write_dicom(tmp_path / "a.dcm", deep, PixelPaddingValue=65535), 48)
    assert (pixels[:, :16] == 0).all() and alike(pixels[:, 16:], film(5)[:, 16:]) > 0.99
    assert pixels.max() == 255


def test_colour_is_decoded(tmp_path):
    skin = np.dstack([film(1), film(2), film(3)])
    path = write_dicom(tmp_path / "a.dcm", skin)
    pixels, facts = decode_image(path, 48, colour=True)
    assert np.array_equal(pixels, skin) and facts.mode == "RGB" and is_coloured(path)
    assert is_coloured(write_dicom(tmp_path / "b.dcm", film(1))) is False


def test_files_without_suffix_are_found_by_their_first_bytes(tmp_path):
    for name in ("IM000001", "1.2.840.113619.2.5", "x/I0001.IMA", "y.DCM"):
        write_dicom(tmp_path / name, film(1))
    for name in ("README", "DICOMDIR", "LICENSE.1", "masks/IM1"):
        write_dicom(tmp_path / name, film(1)) if name in ("DICOMDIR", "masks/IM1") else (tmp_path / name).write_text(
            "x"
        )
    scan = scan_folder(tmp_path)
    assert sorted(scan.images) == ["1.2.840.113619.2.5", "IM000001", "x/I0001.IMA", "y.DCM"]
    assert scan.dicom == [0, 1, 2, 3] and scan.annotations == 1


def test_header_alone_gives_mode_and_size(tmp_path):
    path = write_dicom(tmp_path / "a", np.zeros((20, 30), np.uint8), PhotometricInterpretation="MONOCHROME1")
    assert read_header(path) == ("MONOCHROME1", 30, 20)
    assert read_header(write_image(tmp_path / "png.dcm", film(1), format="PNG")) == ("L", 48, 48)


def test_a_file_without_preamble_is_read(tmp_path):
    whole = write_dicom(tmp_path / "a.dcm", film(3)).read_bytes()
    import pydicom

    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    del dataset.file_meta
    dataset.preamble = None
    dataset.save_as(tmp_path / "b.dcm", implicit_vr=True, little_endian=True, enforce_file_format=False)
    assert (tmp_path / "b.dcm").read_bytes()[128:132] != whole[128:132]
    pixels, _ = decode_image(tmp_path / "b.dcm", 48)
    assert alike(pixels, film(3)) > 0.99


def test_what_cannot_be_shown_gives_a_reason(tmp_path):
    good = write_dicom(tmp_path / "good.dcm", film(1), "jpeg").read_bytes()
    plain = write_dicom(tmp_path / "plain.dcm", film(1)).read_bytes()
    write_dicom(tmp_path / "series.dcm", np.zeros((48, 48), np.uint8), NumberOfFrames=1)
    import pydicom

    frames = pydicom.dcmread(tmp_path / "series.dcm")
    frames.NumberOfFrames = 3
    frames.PixelData = bytes(3 * 48 * 48)
    frames.save_as(tmp_path / "series.dcm")
    report = pydicom.dcmread(tmp_path / "plain.dcm")
    del report.PixelData
    report.save_as(tmp_path / "report.dcm")
    (tmp_path / "cut.dcm").write_bytes(plain[:-900])
    (tmp_path / "head.dcm").write_bytes(good[:180])
    (tmp_path / "text.dcm").write_bytes(b"<html>404</html>")
    (tmp_path / "noise.dcm").write_bytes(good[:-300] + bytes(np.random.default_rng(0).integers(0, 255, 300, np.uint8)))
    reasons = {
        "series.dcm": "series of pictures",
        "report.dcm": "no picture",
        "cut.dcm": "cut off",
        "head.dcm": "",
        "text.dcm": "",
    }
    for name, words in reasons.items():
        pixels, facts = decode_image(tmp_path / name, 32)
        assert pixels is None and facts.reason and words in facts.reason, name
    decode_image(tmp_path / "noise.dcm", 32)  # damaged pixels may or may not decode; they raise nothing


def test_compressed_files_can_be_decoded_by_many_threads(tmp_path):
    paths = [
        write_dicom(tmp_path / f"{i}.dcm", twelve_bits(i), ("jpeg2000", "rle")[i % 2], BitsStored=12) for i in range(24)
    ]
    with ThreadPoolExecutor(8) as pool:
        decoded = list(pool.map(lambda path: decode_image(path, 48)[0], paths * 4))
    assert all(alike(pixels, film(i % 24)) > 0.99 for i, pixels in enumerate(decoded))


def test_text_burned_into_the_picture_and_the_device_are_facts(tmp_path):
    marked = write_dicom(
        tmp_path / "a.dcm", film(1), BurnedInAnnotation="YES", Manufacturer="A", ManufacturerModelName="B"
    )
    plain = write_dicom(
        tmp_path / "b.dcm", film(1), BurnedInAnnotation="NO", PatientName="Muster^Max", PatientID="4711"
    )
    silent = write_dicom(tmp_path / "c.dcm", film(1))
    assert decode_image(marked, 32)[1].burned_in == "yes" and decode_image(marked, 32)[1].source == "A B"
    assert decode_image(silent, 32)[1].burned_in == "unstated"
    facts = decode_image(plain, 32)[1]
    assert facts.burned_in == "" and "4711" not in repr(facts) and "Muster" not in repr(facts)
