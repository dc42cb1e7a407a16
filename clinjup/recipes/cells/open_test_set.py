# id: open_test_set
# title: Open the test set, once
# explains: Evaluates all final models together on the test part; the opening is counted.
# %% [markdown]
# ## Open the test set, once
# All final models are evaluated together, at thresholds fixed before. The opening is counted; a second one for changed models
# is refused. Intervals are 95 % confidence intervals, clustered by patient or lesion where these are known. **Look for:**
# intervals first, values second.
# %% parameters
CONFOUNDERS = []
SUBGROUPS = []  # covariates whose groups are looked at apart
TRIAGE = False  # True: what a decision to refer or to reassure needs
WORDING = True  # with TRIAGE: the table of predictions says refer or reassure too
PREVALENCE = None  # prevalence at which PPV and NPV are stated; None = that of the test part
SEED = 0
# %%
from clinjup.evaluation import open_test_set

test = open_test_set(
    [model for name, model in models.items() if name in validations],  # one that time ran out for stays out
    validations,
    cohort,
    images,
    selection=selection,
    confounders=CONFOUNDERS,
    subgroups=SUBGROUPS,
    triage=TRIAGE,
    wording=WORDING,
    prevalence=PREVALENCE,
    seed=SEED,
)
test.summary()
