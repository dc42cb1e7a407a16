from __future__ import annotations

import os
import sys
import unicodedata

import numpy as np
import pytest
import scipy.fft
from PIL import Image

from clinjup.imaging.files import FileIndex, scan_folder
from clinjup.imaging.folders import class_folder_labels
from clinjup.imaging.pictures import decode_image, decode_images, is_coloured
from clinjup.split_words import split_name
from tests.imaging.folders import film, write_image


@pytest.mark.parametrize(
    "name",
    [
        "Übung 🫁_1.png",
        "Übung 🫁_1",
        "films/Übung 🫁_1.png",
        "films\\Übung 🫁_1.png",
        "./films/Übung 🫁_1.PNG",
        "C:\\Daten\\Röntgen\\übung 🫁_1.jpg",
        " Übung 🫁_1.dcm ",
        unicodedata.normalize("NFD", "Übung 🫁_1.png"),
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_in_tables_find_their_file(name, form):
    index = FileIndex(["films/other.png", unicodedata.normalize(form, "films/Übung 🫁_1.png")])
    assert index.find(name) == 1


def test_stem_with_dots_is_no_suffix():
    index = FileIndex(["1.2.840.1.png", "1.2.840.2.png"])
    assert index.find("1.2.840.2") == 1 and index.find("1.2.840.3") is None


def test_repeated_names_need_agreeing_folders():
    index = FileIndex(["train/p1/image1.png", "train/p2/image1.png", "test/p3/image1.png", "test/p3/image2.png"])
    assert index.find("MURA-v1.1/train/p2/image1.png") == 1
    assert index.find("p3/image1.png") == 2
    assert index.find("image1.png") is None and len(index.matches("image1.png")) == 3
    assert index.find("train/p9/image2.png") is None, "another patient's film of the same name must not stand in"


@pytest.mark.parametrize(
    "shape", ["train/patient{0:05d}/study{1}/view1_frontal.jpg", "DICOM/PA{0}/ST{1}/SE000001/IM000001"]
)
def test_many_files_of_one_name_are_each_found_without_a_comparison_with_all_others(shape):
    def work(count: int) -> int:
        """Calls that it takes to find each of `count` files, whose names and parent folders are all alike."""
        files = [shape.format(i // 2, i % 2 + 1) for i in range(count)]
        calls = 0

        def counting(*_: object) -> None:
            nonlocal calls
            calls += 1

        before = sys.getprofile()
        sys.setprofile(counting)
        try:
            index = FileIndex(files)
            found = [index.find(f"CheXpert-v1.0-small/{file}") for file in files]
        finally:
            sys.setprofile(before)
        assert found == list(range(count))
        return calls

    assert work(4000) < 5 * work(1000)


def test_names_are_matched_by_folders_as_far_as_both_have_them():
    files = ["x.png", *(f"{a}/{b}/x.png" for a in "abc" for b in "de"), "d/x.png", "a/d/X.JPG", "ad/x.png"]
    many = FileIndex([*files, *(f"other{i}/x.png" for i in range(50))])
    for index in (FileIndex(files), many):
        assert {files[i] for i in index.matches("a/d/x.png")} == {"x.png", "a/d/x.png", "d/x.png"}
        assert {files[i] for i in index.matches("d/x.png") if i < len(files)} == {
            *("x.png", "d/x.png", "a/d/x.png", "b/d/x.png", "c/d/x.png")
        }
        assert {files[i] for i in index.matches("z/ad/x.png")} == {"x.png", "ad/x.png"}
        assert index.matches("f/x.png") == [0] and index.find("f/x.png") == 0
        assert len(index.matches("x.png")) == len(index.files) - 1, "one of another case"


def test_exact_case_wins_over_folded_case():
    index = FileIndex(["a.png", "A.png"])
    assert index.find("A.png") == 1 and index.find("a.png") == 0


def test_scan_passes_by_hidden_files_masks_and_own_runs(tmp_path):
    for path in ("a.png", ".hidden.png", "__MACOSX/a.png", "masks/a.png", "runs/x/plots/roc.png", "sub/B.JPG"):
        write_image(tmp_path / path, film(1))
    (tmp_path / "runs/x/journal.jsonl").write_text("{}")
    (tmp_path / "readme.txt").write_text("These films, as you know, are nice.\nEnjoy.\n")
    (tmp_path / "list.txt").write_text("a;b\n1;2\n3;4\n")
    (tmp_path / "test_list.txt").write_text("a.png\n")
    (tmp_path / "t.tsv").write_text("a\tb\n1\t2\n")
    scan = scan_folder(tmp_path)
    assert scan.images == ["a.png", "sub/B.JPG"]
    assert scan.tables == ["list.txt", "t.tsv"] and scan.split_lists == ["test_list.txt"]
    assert scan.annotations == 1


def test_a_file_without_a_suffix_is_a_table_where_it_looks_like_one(tmp_path):
    write_image(tmp_path / "a.png", film(1))
    (tmp_path / "metadata").write_text("image,label\na,1\nb,0\n")
    (tmp_path / "README").write_text("These films, as you know, are nice.\nEnjoy.\n")
    scan = scan_folder(tmp_path)
    assert scan.tables == ["metadata"] and scan.other == {"": 1}
    (tmp_path / "t.csv").write_text("image,label\na,1\n")
    for number in range(60):  # one table an image: annotations
        (tmp_path / f"film{number}").write_text("x,y\n1,2\n")
    assert scan_folder(tmp_path).tables == ["t.csv"]


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="needs symbolic links")
def test_linked_folders_are_followed_once(tmp_path):
    write_image(tmp_path / "store" / "a.png", film(1))
    data = tmp_path / "data"
    data.mkdir()
    (data / "films").symlink_to(tmp_path / "store", target_is_directory=True)
    (tmp_path / "store" / "loop").symlink_to(data, target_is_directory=True)
    assert scan_folder(data).images == ["films/a.png"]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1"])
def test_every_colour_mode_decodes_to_grey(tmp_path, mode):
    path = write_image(tmp_path / "a.png", film(3), mode)
    pixels, facts = decode_image(path, 32)
    expected, _ = decode_image(write_image(tmp_path / "b.png", film(3)), 32)
    assert pixels.shape == (32, 32) and pixels.dtype == np.uint8
    assert facts.reason == "" and facts.mode == mode and (facts.width, facts.height) == (48, 48)
    assert np.corrcoef(pixels.ravel(), expected.ravel())[0, 1] > (0.6 if mode == "1" else 0.99)


@pytest.mark.parametrize(("low", "high"), [(0, 65535), (300, 4095), (30000, 31000)])
def test_sixteen_bits_are_windowed_not_clipped(tmp_path, low, high):
    deep = (low + film(5).astype(np.float64) / 255 * (high - low)).astype(np.uint16)
    pixels, facts = decode_image(write_image(tmp_path / "a.png", deep), 48)
    assert facts.bits == 16
    assert np.corrcoef(pixels.ravel(), film(5).ravel())[0, 1] > 0.995
    assert pixels.min() == 0 and pixels.max() == 255 and 0.2 < pixels.mean() / 255 < 0.8


def test_aspect_is_kept_and_padded_with_black(tmp_path):
    wide = np.full((40, 80), 200, dtype=np.uint8)
    pixels, _ = decode_image(write_image(tmp_path / "a.png", wide), 32)
    assert (pixels[8:24] == 200).all() and (pixels[:8] == 0).all() and (pixels[24:] == 0).all()


def test_transparent_parts_become_black(tmp_path):
    picture = np.dstack([np.full((8, 8, 3), 255, np.uint8), np.zeros((8, 8), np.uint8)])
    pixels, _ = decode_image(write_image(tmp_path / "a.png", picture), 8)
    assert pixels.max() == 0


def test_wrong_extension_is_tolerated(tmp_path):
    path = write_image(tmp_path / "really_jpeg.png", film(4), format="JPEG")
    pixels, facts = decode_image(path, 48)
    assert facts.reason == "" and np.abs(pixels.astype(int) - film(4)).mean() < 6


def test_unreadable_files_give_a_reason_and_no_exception(tmp_path):
    good = write_image(tmp_path / "good.png", film(1, 200, 200)).read_bytes()
    jpeg = write_image(tmp_path / "good.jpg", film(1, 200, 200)).read_bytes()
    cases = {
        "empty.png": (b"", "empty"),
        "cut.png": (good[: len(good) // 2], "cut off"),
        "cut.jpg": (jpeg[: len(jpeg) // 2], "cut off"),
        "head.png": (good[:20], ""),
        "text.png": (b"<html>404</html>", "not an image"),
        "broken.png": (good[:60] + b"\xff" * 40 + good[100:], ""),
    }
    for name, (content, words) in cases.items():
        (tmp_path / name).write_bytes(content)
        pixels, facts = decode_image(tmp_path / name, 32)
        assert pixels is None and facts.reason and words in facts.reason, name
    pixels, facts = decode_image(tmp_path / "gone.png", 32)
    assert pixels is None and facts.reason == "the file is gone"


def test_the_perceptual_hash_is_the_sign_of_the_lowest_frequencies(tmp_path):
    for picture in (*(film(seed, 64, 48) for seed in range(20)), np.full((48, 64), 7, np.uint8)):
        _, facts = decode_image(write_image(tmp_path / "film.png", picture), 64)
        low = scipy.fft.dctn(picture.astype(float), norm="forward")[:8, :8].round(2)
        bits = (low > np.median(low)).ravel()
        assert int(facts.phash, 16) == int("".join(map(str, bits.astype(int))), 2)


def test_levels_contrast_and_a_dark_middle_are_those_of_the_picture(tmp_path):
    ramp = np.repeat(np.arange(0, 200, 2, dtype=np.uint8)[None], 100, axis=0)
    ramp[:, 40:60] = 0
    coloured = np.dstack([ramp, ramp, np.zeros_like(ramp)])
    (_, grey), (_, mean) = (
        decode_image(write_image(tmp_path / f"{number}.png", picture), 100, colour=picture.ndim == 3)
        for number, picture in enumerate((ramp, coloured))
    )
    # Columns of 0, 2, .. 198, those of 80 to 118 black instead; the border is the outer 8 rows and columns of the upper half, and the top.
    assert (grey.levels, grey.contrast, grey.dark_middle > 40) == (80, 188.0, True)
    assert (mean.levels, mean.contrast) == (80, round(188 * 2 / 3, 1))
    assert mean.dark_middle == pytest.approx(grey.dark_middle * 2 / 3, abs=0.1)


def test_what_is_seen_of_pictures_does_not_depend_on_those_read_beside_them(tmp_path):
    shapes, paths = [(48, 48), (48, 20), (20, 48), (48, 48)], []
    for number, (width, height) in enumerate(shapes):
        paths.append(write_image(tmp_path / f"{number}.png", film(number, width, height)))
    (tmp_path / "2.png").write_bytes(b"no image")
    for colour in (False, True):
        together = decode_images(paths, 32, colour=colour)
        alone = [decode_image(path, 32, colour=colour) for path in paths]
        assert [facts for _, facts in together] == [facts for _, facts in alone]
        assert [facts.levels > 1 for _, facts in together] == [True, True, False, True]
        assert all(np.array_equal(one, other) for (one, _), (other, _) in zip(together, alone, strict=True))


def test_a_large_jpeg_that_is_read_at_a_fraction_of_its_size_looks_the_same(tmp_path):
    shown = Image.fromarray(film(3, 512, 512))
    shown.save(tmp_path / "film.jpg", quality=95)
    shown.save(tmp_path / "film.png")
    (fast, facts), (slow, _) = decode_image(tmp_path / "film.jpg", 96), decode_image(tmp_path / "film.png", 96)
    assert (facts.width, facts.height) == (512, 512)
    assert np.abs(fast.astype(int) - slow).mean() < 2


def test_colour_is_seen_in_pictures_not_in_modes(tmp_path):
    skin = np.dstack([film(1), film(2), film(3)])
    assert is_coloured(write_image(tmp_path / "skin.jpg", skin))
    assert not is_coloured(write_image(tmp_path / "chest.png", film(1), "RGB"))
    pixels, _ = decode_image(tmp_path / "skin.jpg", 24, colour=True)
    assert pixels.shape == (24, 24, 3)


def test_camera_orientation_is_obeyed(tmp_path):
    exif = Image.Exif()
    exif[274] = 6  # turned by 90 degrees
    path = write_image(tmp_path / "a.jpg", film(7), exif=exif, quality=95)
    pixels, _ = decode_image(path, 48)
    assert np.abs(pixels.astype(int) - np.rot90(film(7), -1)).mean() < 4


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("train_val_list", "train"),
        ("TRAIN", "train"),
        ("Training", "train"),
        ("val", "validation"),
        ("Validierung", "validation"),
        ("test_list", "test"),
        ("testset", "test"),
        ("hold-out", "test"),
        ("Trainingsset", "train"),
        ("tr", "train"),
        ("eval", "test"),
        ("contest", ""),
        ("normal", ""),
    ],
)
def test_split_words(word, name):
    assert split_name(word) == name


def test_class_folders_ignore_containers_splits_and_patients():
    labels, counts = class_folder_labels(
        [
            "images_001/train/Normal/patient_1/a.png",
            "images_001/train/Pneumothorax/patient_2/a.png",
            "images_001/test/Normal/patient_3/a.png",
        ]
    )
    assert labels == ["Normal", "Pneumothorax", "Normal"] and counts == {"Normal": 2, "Pneumothorax": 1}
    assert class_folder_labels(["images/a.png", "images/b.png"]) == (["", ""], {})


@pytest.mark.parametrize(("studies", "films", "classes"), [(12, 1, 0), (5, 3, 0), (4, 5, 4), (3, 1, 3)])
def test_folders_of_a_study_each_are_no_classes(studies, films, classes):
    images = [f"D/A{study}/{film}.png" for study in range(studies) for film in range(films)]
    assert len(class_folder_labels(images)[1]) == classes


@pytest.mark.parametrize(
    "names",
    [
        ["2023-05-01", "2023_05_02", "20230503", "4"],
        ["1.2.840.1", "1.2.840.22", "1.2.840.3.1", "1.2"],
        ["0A3F91C2", "AA3F0D11", "b7e20913", "00000001"],
        ["S0", "S1", "s_2", "S 10"],
    ],
)
def test_names_that_only_count_up_are_studies_where_they_hold_few_films(names):
    assert class_folder_labels([f"{name}/{i}.png" for name in names for i in range(3)])[1] == {}


@pytest.mark.parametrize(
    "names",
    [
        ["pneumothorax", "effusion", "normal", "mass"],
        ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"],
        ["nevus_1", "melanoma_1", "keratosis_1", "2"],
    ],
)
def test_classes_with_few_films_each_stay_classes(names):
    assert class_folder_labels([f"{name}/{i}.png" for name in names for i in range(3)])[1] == dict.fromkeys(names, 3)
