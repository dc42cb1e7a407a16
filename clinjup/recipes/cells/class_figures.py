# id: class_figures
# title: Which class is taken for which?
# explains: The pairwise confusion of the chosen model, and the sensitivity for each class of all models.
# %% [markdown]
# ## Which class is taken for which?
# First the confusion: of each true class, what the model names it. Then the sensitivity for each class. Averages come last, because they
# hide a class that was given up. **Look for:** the row of $priority_name, and what it is taken for.
# %%
test.plot_confusion()
test.plot_classes()
