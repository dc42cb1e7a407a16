# id: mark_figures
# title: How many are found, at how many false marks?
# explains: FROC curves, subgroups, and the time a film takes.
# %% [markdown]
# ## How many are found, at how many false marks?
# FROC: the share of boxed $target_name findings that are marked, against false marks per image. Then the same share in subgroups.
# **Look for:** the dot, which is the threshold fixed on validation, and any group far from the overall share.
# %%
test.plot_froc()
test.plot_groups()
test.plot_speed()
