# id: select_model
# title: Choose the model
# explains: Chooses between the models on validation by the metric that was stated beforehand.
# %% [markdown]
# ## Choose the model
# On validation only, by a rule stated beforehand: $selection_rule. Discarded models stay in the notebook and in the report.
# %% parameters
CONFOUNDER = None
MAX_AUROC_LOSS = 0.1  # a model that loses more overall AUROC than this against the baseline is not chosen
METRIC = "auroc"  # what decides where no confounder does
GUARD = None  # a metric of which no more than 0.05 may be given up for that
# %%
from clinjup.evaluation import metrics_table, select_model

selection = select_model(
    validations,
    confounder=CONFOUNDER,
    max_auroc_loss=MAX_AUROC_LOSS,
    primary_metric=METRIC,
    guard_metric=GUARD,
)
metrics_table({name: validation.metrics for name, validation in validations.items()})
