"""Every technical term of the report in plain words; the report links a term to its entry and lists those it used.

What stands in braces is filled in with the words of the run (subject.words_of).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup, escape

TERMS: dict[str, tuple[str, str]] = {
    "accuracy": (
        "Accuracy",
        "Share of all images that are decided correctly. It looks good on rare diseases even when the disease is "
        "missed; balanced accuracy averages over the classes instead.",
    ),
    "auprc": (
        "AUPRC",
        "Area under the precision-recall curve: how clean the list of alarms is while more and more of the "
        "diseased are found. It depends on how common the disease is; guessing gives the share of the diseased.",
    ),
    "auroc": (
        "AUROC",
        "Area under the ROC curve: the chance that the model scores a random image with the disease higher than a "
        "random one without. 1.0 is perfect, 0.5 a coin toss, below 0.5 worse than a coin toss.",
    ),
    "auroc_with": (
        "AUROC with and without the confounder",
        "AUROC among the images that show the confounder, and among those that do not. Within one such group the confounder "
        "tells nothing, so a model that reads it does no better than a coin toss there.",
    ),
    "baseline": (
        "Baseline",
        "The first model, trained without any measure against confounders; the others are compared with it.",
    ),
    "average_precision": (
        "AP50 and AP50-95",
        "Average precision of marks: how many boxes are marked, and how few marks are wrong, over all thresholds; 1.0 is perfect. In AP50 a "
        "mark counts as right when it overlaps the box by at least half; AP50-95 averages over stricter and stricter overlaps.",
    ),
    "froc": (
        "FROC",
        "Share of the true boxes that are marked, against the number of false marks per image, as more and more marks are shown.",
    ),
    "mark": (
        "Mark",
        "A box that the model draws around a suspicious area. It says where to look; an image without a mark is not ruled out.",
    ),
    "latency": (
        "Time an image",
        "How long the model takes for one image on one processor core of the computer that the run was made on, without reading the file.",
    ),
    "balancing": (
        "Balancing",
        "Training shows every combination of diagnosis and confounder equally often, so that the confounder no "
        "longer tells anything about the diagnosis.",
    ),
    "clustered": (
        "Intervals clustered by {group}",
        "All images of a {group} count together, not as so many independent ones; where the patients are unknown, each image counts as a "
        "{group} of its own. Shares of images (sensitivity, specificity, false "
        "alarms) carry Wilson's interval at the number of independent images that they are worth, because a bootstrap of a share of 0 or "
        "100 % has no width. All other figures carry that of a bootstrap: they are computed again on 2,000 random redraws of the {group}s.",
    ),
    "brier": (
        "Brier score",
        "Mean squared distance between the predicted probability and what was true (0 or 1). Lower is better; "
        "always saying 50 % gives 0.25.",
    ),
    "calibration": (
        "Calibration",
        "Whether a predicted probability means what it says: of images rated 30 %, about 30 of 100 should have "
        "the disease. A slope of 1 and an intercept of 0 are ideal; a slope below 1 means too extreme "
        "probabilities.",
    ),
    "cam_energy": (
        "Grad-CAM attention on the inserted object",
        "Share of the Grad-CAM map that falls on the inserted object. Shown for orientation only: it can be low "
        "although the model relies on the object.",
    ),
    "cam_pointing": (
        "Grad-CAM highest on the object",
        "Share of the images with the object (the finding, a confounder) on which the highest point of the Grad-CAM lies on it. Shown for "
        "orientation only.",
    ),
    "cam_energy_outlined": (
        "Grad-CAM attention on the outlined object",
        "Share of the Grad-CAM map that falls on the object where the data outline it, on the images that show it. Shown for orientation only.",
    ),
    "confusion": (
        "Confusion matrix",
        "A table of how often each true class is named as each class. Its diagonal is what is named rightly.",
    ),
    "confidence_interval": (
        "95 % confidence interval",
        "Range that would cover the true figure in about 95 of 100 repetitions with other patients from the same "
        "source. A wide interval means: too few patients to be sure.",
    ),
    "confounder": (
        "Confounder",
        "Something visible in the image that goes along with the diagnosis without being it, such as "
        "{example}. A model that reads it instead of the disease looks good on paper and fails where it matters.",
    ),
    "cross_strata_auroc": (
        "Cross-strata AUROC",
        "AUROC between images with the disease but no confounder and images with the confounder but no disease: the hardest comparison "
        "for a model that reads the confounder. It can fall below 0.5.",
    ),
    "delta_probability": (
        "Mean change of the probability",
        "By how much the predicted probability moves on average when the object is inserted.",
    ),
    "ece": (
        "Expected calibration error",
        "Mean distance between predicted probability and observed share, over bins of the probability. Lower is "
        "better.",
    ),
    "epoch": (
        "Epoch",
        "One pass of the training through all training images.",
    ),
    "excisions_per_case": (
        "Referred for each one found",
        "How many images are called positive, so that somebody is referred, for each one that has the finding: 1 divided by the positive "
        "predictive value. It depends on how common the finding is.",
    ),
    "experiment": (
        "Experiment",
        "One change to the training, with a stated expectation, judged on the validation part only.",
    ),
    "false_alarm": (
        "False alarm",
        "The model calls the disease in an image that does not have it. The false-alarm rate is 1 minus the "
        "specificity.",
    ),
    "flip_rate": (
        "Decisions turned into an alarm",
        "Share of images without disease and without alarm that become an alarm when the object is inserted.",
    ),
    "gradcam": (
        "Grad-CAM",
        "A coloured map of the regions that moved the model's decision. It is coarse and weak evidence: it can "
        "look right when the model is wrong, and the other way round.",
    ),
    "hash": (
        "Hash (SHA-256)",
        "A fingerprint of a file or text: change one character and the fingerprint is another one.",
    ),
    "insertion": (
        "Insertion test",
        "The object is drawn into disease-free images, as far as known those that do not have it, at the fixed threshold. The disease is "
        "still absent, so every additional alarm is caused by the object.",
    ),
    "journal": (
        "Journal",
        "The run's log, in which every entry carries the hash of the one before, so that a later change shows.",
    ),
    "miss_rate_bound": (
        "Upper bound of the miss rate",
        "How many of 100 cases may be missed on other patients, with 95 % confidence. None missed in n cases does not mean none ever: by the "
        "rule of three up to about 3 in n may be.",
    ),
    "npv": (
        "Negative predictive value",
        "Of those whom the model clears, the share that is truly free of the disease. Depends on how common the "
        "disease is.",
    ),
    "odds_ratio": (
        "Odds ratio",
        "How strongly confounder and diagnosis go together in the data: 1 means not at all; 10 means that the "
        "odds of the confounder are ten times higher in the diseased.",
    ),
    "placebo": (
        "Placebo insertion",
        "Something else that changes the image about as much and has nothing to do with the disease or the confounder, such as "
        "{placebo}. It shows how much of the effect comes from any change of the "
        "image, and not from the object.",
    ),
    "ppv": (
        "Positive predictive value",
        "Of the alarms, the share that is truly diseased. Depends on how common the disease is.",
    ),
    "prevalence": (
        "Prevalence",
        "How common the disease is among those examined.",
    ),
    "removal": (
        "Removal",
        "The object is taken out of {noun}s that were rightly called positive, and what lay under it is filled in from its surroundings. "
        "The disease is still there, so a finding that is gone then was a finding of the object. The same is done elsewhere on the {noun}, "
        "to show what filling alone does.",
    ),
    "reference_standard": (
        "Reference standard",
        "What counts as the truth in these data: who decided that an image shows the disease, and how.",
    ),
    "seed": (
        "Seed",
        "The starting number of the random generator. The same seed on the same machine gives the same run.",
    ),
    "sensitivity": (
        "Sensitivity",
        "Of 100 images with the disease, how many the model finds.",
    ),
    "specificity": (
        "Specificity",
        "Of 100 images without the disease, how many the model correctly clears.",
    ),
    "split": (
        "Training, validation and test part",
        "The model learns from the training part. Models, threshold and settings are chosen on the validation "
        "part. The test part is opened once, at the end, and gives the figures that count. All images of a "
        "{group} are in the same part.",
    ),
    "stratum": (
        "Subgroup (stratum)",
        "A part of the images with a property in common, for example those with {example}.",
    ),
    "synthetic": (
        "Synthetic data",
        "Images made by a computer program, not taken from patients. They show that the method works; they say "
        "nothing about real patients.",
    ),
    "temperature": (
        "Temperature scaling",
        "One number, fitted on the validation part, that makes all probabilities more or less extreme without changing their order, so that "
        "they mean more nearly what they say; after a training that was balanced, with a second number that moves all of them.",
    ),
    "threshold": (
        "Threshold (operating point)",
        "The probability from which on the model raises an alarm. It was fixed on the validation part before the "
        "test part was opened.",
    ),
    "worst_group_auroc": (
        "Worst-group AUROC",
        "The lower of two: AUROC among the images with the confounder and among those without it. A model that relies on "
        "the confounder fails in one of the two.",
    ),
}


def explanation(key: str, words: Mapping[str, str]) -> str:
    """The entry of a term in the words of a run."""
    return TERMS[key][1].format(**words)


@dataclass
class Glossary:
    """Turns terms into links and remembers them, in one rendering of the report. `words`: subject.words_of its run."""

    words: Mapping[str, str]
    used: set[str] = field(default_factory=set)

    def link(self, key: str, text: str | None = None) -> Markup:
        """`text` (or the term's title) as a link to its entry; plain text where the glossary has no such term."""
        if key not in TERMS:
            return escape(text or key)
        self.used.add(key)
        return Markup('<a class="term" href="#term-{}">{}</a>').format(key, text or TERMS[key][0].format(**self.words))

    def mention(self, *keys: str) -> None:
        """Terms that the text uses without a link."""
        self.used.update(keys)

    def entries(self) -> list[tuple[str, str, str]]:
        """(key, title, explanation) of the terms used so far, in alphabetical order."""
        return sorted(
            ((key, TERMS[key][0].format(**self.words), explanation(key, self.words)) for key in self.used),
            key=lambda entry: entry[1].lower(),
        )
