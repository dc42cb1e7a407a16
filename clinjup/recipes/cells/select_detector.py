# id: select_detector
# title: Choose the detector
# explains: Chooses between the detectors on validation by the metric that was stated beforehand.
# %% [markdown]
# ## Choose the detector
# On validation only, by a rule stated beforehand: $selection_rule. Each step was one experiment; those that did not help stay in the
# notebook and in the report. **Look for:** which step helped, and by how much against its interval.
# %% parameters
METRIC = "ap50"
MAX_LATENCY_MS = None  # a detector that is slower on one core is not chosen
MIN_GAIN = 0.05  # if asked for: fewer marks by insertion
MAX_LOSS = 0.05  # if asked for: of METRIC
# %%
from clinjup.evaluation import metrics_table
from clinjup.evaluation.detection import select_detector

selection = select_detector(
    marked,
    metric=METRIC,
    max_latency_ms=MAX_LATENCY_MS,
    min_gain=MIN_GAIN,
    max_loss=MAX_LOSS,
)
metrics_table({name: validation.metrics for name, validation in marked.items()})
