# id: select_against_confounder
# title: Choose the detector
# explains: Chooses on validation by the metric stated beforehand, then by what inserting the confounder does to the marks.
# %% [markdown]
# ## Choose the detector
# On validation only, by a rule stated beforehand: $selection_rule. Each training was one experiment; those that did not help stay in the
# notebook and in the report. **Look for:** how much of the marks caused by insertion is gone, and what that cost.
# %% parameters
METRIC = "ap50"
MIN_GAIN = (
    0.05  # share of films without the finding whose marks insertion must change less; what gains less is not chosen
)
MAX_LOSS = 0.05  # a detector trained against a confounder that loses more of METRIC than this is not chosen
MAX_LATENCY_MS = None  # a detector that takes longer for a film on one core is not chosen
# %%
from clinjup.evaluation import metrics_table
from clinjup.evaluation.detection import select_detector

limits = {"min_gain": MIN_GAIN, "max_loss": MAX_LOSS, "max_latency_ms": MAX_LATENCY_MS}
selection = select_detector(marked, metric=METRIC, **limits)
metrics_table({name: validation.metrics for name, validation in marked.items()})
