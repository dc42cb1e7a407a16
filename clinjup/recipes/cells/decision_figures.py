# id: decision_figures
# title: Is it worth following the model?
# explains: The decision curve: the model against referring everyone and nobody, for every ratio of harms.
# %% [markdown]
# ## Is it worth following the model?
# Missing a $target_name and raising a false alarm are not the same harm. The decision curve says, for every ratio of the two, whether
# following the model is better than referring everyone, or nobody. **Look for:** the model's line above both grey lines at the ratio you
# would defend.
# %% parameters
HARM_RATIO = None  # how many false alarms one missed case is worth; None marks no ratio
# %%
test.plot_decision_curve(HARM_RATIO)
