"""Findings that can be moved by hand: what they say at each place is what the figures are, and without a kernel they are pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from clinjup.evaluation import TestSet, gradcam_browser, open_test_set, threshold_slider
from clinjup.evaluation.interactive import GradcamBrowser, ThresholdSlider
from clinjup.notebook.outputs import without_active_content
from tests.evaluation.phantoms import DRAIN

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def test(models, validations, phantoms, selection, tmp_path_factory: pytest.TempPathFactory) -> TestSet:
    with pytest.MonkeyPatch.context() as patch, capture_output():
        patch.chdir(tmp_path_factory.mktemp("run"))
        return open_test_set(models, validations, *phantoms, selection=selection)


def displayed(show) -> dict:
    InteractiveShell.instance()
    with capture_output() as captured:
        show()
    (bundle,) = [output.data for output in captured.outputs if WIDGET in output.data]
    return without_active_content(bundle)


def parts_of(widget, kind):
    found = [widget] if type(widget).__name__ == kind else []
    return found + [part for child in getattr(widget, "children", ()) for part in parts_of(child, kind)]


def test_the_slider_moves_the_confusion_table_and_goes_back_to_the_frozen_threshold(test):
    slider = ThresholdSlider(test, "baseline")
    (moved,), (table,), (back,) = (parts_of(slider.widget, kind) for kind in ("FloatSlider", "HTML", "Button"))
    frozen = table.value
    assert f"threshold of {test.threshold('baseline'):.2f}</b> (as fixed on validation)" in frozen
    p, ill = test.probabilities["baseline"], test.part.labels == 1
    for threshold in (0.0, 0.33, 1.0):
        moved.value = threshold
        called = p >= threshold
        for words, members in (
            ("(found)", called & ill),
            ("(missed)", ~called & ill),
            ("(false alarm)", called & ~ill),
        ):
            row = table.value.split(words)[1].split("</tr>")[0]
            assert row.endswith(f"<td>{members.sum()}</td>"), (threshold, words)
        assert "chosen on the test images" in table.value
    back.click()
    assert table.value == frozen


def test_sensitivity_and_specificity_carry_their_intervals_and_counts_on_both_parts(test):
    table = ThresholdSlider(test, "balanced").table(0.5)
    assert f"validation, n = {len(test.validations['balanced'].part.labels)}" in table
    assert f"test, n = {len(test.part.labels)}" in table
    assert table.split("sensitivity")[1].split("</tr>")[0].count(" to ") == 2


def test_without_a_kernel_the_slider_is_the_table_at_the_frozen_threshold(test):
    bundle = displayed(lambda: threshold_slider(test))
    assert "as fixed on validation" in bundle["text/html"] and "need the notebook's kernel" in bundle["text/html"]
    assert "need the notebook's kernel" in bundle["text/plain"]


def test_the_browser_shows_every_test_film_once_the_surest_first(test, images):
    browser = GradcamBrowser(test, images, "baseline", DRAIN)
    films = np.concatenate(list(browser.strata.values()))
    assert sorted(films) == list(range(len(test.part.labels)))
    assert len(browser.strata) == 4 and all("drain" in words for words in browser.strata)
    p, threshold = test.probabilities["baseline"], test.threshold("baseline")
    for members in browser.strata.values():
        sure = np.where(p[members] >= threshold, p[members], 1 - p[members])
        assert (np.diff(sure) <= 0).all()


def test_leafing_shows_another_film_and_says_whether_the_call_was_right(test, images):
    browser = GradcamBrowser(test, images, "baseline", DRAIN)
    (stratum, order), (place,) = parts_of(browser.widget, "Dropdown"), parts_of(browser.widget, "IntSlider")
    words, _ = parts_of(browser.widget, "HTML")
    (picture,) = parts_of(browser.widget, "Image")
    first = picture.value
    place.value = 2
    assert picture.value != first
    order.value = "least sure first"
    assert place.value == 1
    stratum.value = list(browser.strata)[-1]
    films = browser.strata[stratum.value]
    assert place.max == len(films) and words.value == f"<p>{browser.words(int(films[-1]))}</p>"
    shown = Image.open(io.BytesIO(picture.value))
    assert shown.width == 2 * shown.height


def test_without_a_kernel_the_browser_is_a_picture(test, images):
    bundle = displayed(lambda: gradcam_browser(test, images, confounder=DRAIN))
    assert Image.open(io.BytesIO(bundle["image/png"])).height > 200
    assert test.selected in bundle["text/plain"]
