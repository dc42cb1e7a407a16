# id: mark_insertion
# title: Is a cast or metal taken for the finding?
# explains: Draws the object into films without the finding, and counts the films that get a mark.
# %% [markdown]
# ## Is $confounder_name taken for $a_target?
# The main check: $confounder_name is drawn into test films without $target_name, and without $confounder_name as far as that is known.
# Nothing about the bone changes, so every new mark is caused by it. The *placebo* adds something else of the same strength.
# **Look for:** the last bar far above the first.
# %% parameters
CONFOUNDER = "cast"
# %%
test.plot_insertion(CONFOUNDER)
