# id: table_one
# title: Who is in the data? (Table 1)
# explains: Age, sex, site, how the diagnosis was made and artefacts, by class.
# %% [markdown]
# ## Who is in the data?
# The table that a paper opens with. **Look for:** groups that hardly occur, because the model says little about them, and columns that
# differ between the classes by more than the disease explains.
# %%
from clinjup.evaluation import table_one

table_one(cohort)
