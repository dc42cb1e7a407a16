"""Leafing through the test films with their Grad-CAM: by stratum, and by how sure the model is."""

from __future__ import annotations

import io
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clinjup.evaluation.gradcam import caution, strata_of
from clinjup.evaluation.interactive.shown import HINT, show
from clinjup.evaluation.saliency import grad_cam
from clinjup.phrases import threshold_words

if TYPE_CHECKING:
    from clinjup.evaluation.test_set import TestSet
    from clinjup.imaging.cache import ImageCache

_HEIGHT = 288  # of a film on screen, in pixels


class GradcamBrowser:
    """The test films of one model, a stratum at a time, the surest call first; each beside its Grad-CAM."""

    def __init__(self, test: TestSet, images: ImageCache, model: str, confounder: str | None) -> None:
        self._test, self._images, self.model = test, images, model
        self._caution = caution(confounder)
        self._p, self._threshold = test.probabilities[model], test.threshold(model)
        self.strata = {
            stratum.words.replace("\n", " "): self._by_confidence(stratum.films)
            for stratum in strata_of(test, confounder)
        }
        """Words of each stratum -> positions of its films in the test part, the surest call first."""

    def _by_confidence(self, films: NDArray[np.int64]) -> NDArray[np.int64]:
        p = self._p[films]
        sure = np.where(p >= self._threshold, p, 1 - p)
        return films[np.argsort(-sure, kind="stable")]

    def words(self, film: int) -> str:
        """What the model said of this film, and whether that was right."""
        p, ill = self._p[film], bool(self._test.part.labels[film] == 1)
        called = p >= self._threshold
        verdict = "correct" if called == ill else "missed" if ill else "false alarm"
        return f"probability {p:.2f}, threshold {threshold_words(self._threshold)}: {verdict}"

    def picture(self, film: int) -> bytes:
        """PNG of the film beside itself under its Grad-CAM."""
        from matplotlib import colormaps
        from PIL import Image

        pixels = self._images.pixels_of(self._test.part.table.index[[film]])
        heat = grad_cam(self._test.models[self.model], pixels)[0][..., None]
        grey = pixels[0] if pixels.ndim == 4 else np.repeat(pixels[0][..., None], 3, axis=-1)
        share = np.minimum(heat, 0.6)
        warm = grey * (1 - share) + 255 * colormaps["inferno"](heat[..., 0])[..., :3] * share
        both = Image.fromarray(np.hstack([grey, warm.astype(np.uint8)]))
        width = round(both.width * _HEIGHT / both.height)
        file = io.BytesIO()
        both.resize((width, _HEIGHT), Image.Resampling.BICUBIC).save(file, "png")
        return file.getvalue()

    @cached_property
    def widget(self) -> Any:
        """Stratum, order and place; below them the film."""
        import ipywidgets

        first = next(iter(self.strata))
        stratum = ipywidgets.Dropdown(options=list(self.strata), value=first, description="Images")
        order = ipywidgets.Dropdown(options=["surest first", "least sure first"], description="Order")
        place = ipywidgets.IntSlider(value=1, min=1, max=len(self.strata[first]), description="Image")
        words = ipywidgets.HTML()
        picture = ipywidgets.Image(format="png")

        def turn(_: Any = None) -> None:
            films = self.strata[stratum.value]
            film = int(films[place.value - 1] if order.value == "surest first" else films[-place.value])
            picture.value, words.value = self.picture(film), f"<p>{self.words(film)}</p>"

        def begin(_: Any) -> None:
            place.max = len(self.strata[stratum.value])
            if place.value == 1:
                turn()
            else:
                place.value = 1

        stratum.observe(begin, "value")
        order.observe(begin, "value")
        place.observe(turn, "value")
        turn()
        below = ipywidgets.HTML(f"<p>{self._caution}</p>")
        return ipywidgets.VBox([stratum, order, place, words, picture, below])

    def show(self) -> None:
        """Show it; without a kernel the surest film of the first stratum."""
        first = next(iter(self.strata.values()))[0]
        show(self.widget, {"image/png": self.picture(int(first))}, f"Grad-CAM of {self.model}, image by image. {HINT}")


def gradcam_browser(
    test: TestSet, images: ImageCache, *, model: str | None = None, confounder: str | None = None
) -> None:
    """Show the browser of one model (default: the selected), by label and, where it is annotated, by `confounder`."""
    GradcamBrowser(test, images, model or test.selected, confounder).show()
