# id: confounder_figures
# title: Does the model look at the confounder?
# explains: Shows what inserting the confounder does, and how the model fares with and without it.
# %% [markdown]
# ## Does the model look at the $confounder_name?
# The main check: a $confounder_name is drawn into test images without $target_name, and without $confounder_name as far as that is known.
# Nothing about the disease changes, so every new alarm is the model's reliance on the $confounder_name. The *placebo* adds something
# else of the same strength. **Look for:** "after" far above "before", while the placebo is not.
# %% parameters
CONFOUNDER = "confounder"
# %%
test.plot_insertion(CONFOUNDER)
test.plot_strata(CONFOUNDER)
