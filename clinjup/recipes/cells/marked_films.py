# id: marked_films
# title: Marks on films
# explains: Shows test films with their marks: right, wrong and missing.
# %% [markdown]
# ## Where are the marks?
# Test films with the marks of the chosen detector beside the boxes that readers drew. A mark says "look here"; a film without a mark is
# **not** a film without $a_target. **Look for:** what do the wrong marks have in common, and what do the missed ones?
# %%
test.show_marks()
