# id: cross_fit
# title: Judge every image by a network that has not seen it
# explains: Trains the same network on parts of the data and judges the rest with it, so that the threshold rests on all cases; all join.
# %% [markdown]
# ## Judge every image by a network that has not seen it: $name
# A threshold that must not miss a case cannot rest on the few cases of the validation part. So the same training is repeated
# $folds times, each time without a part of the data, and that part is judged by the network that has not seen it. From here on all
# these networks judge together: their mean depends less on the luck of one training. The test part stays closed. **Look for:** nothing
# yet; the next cell uses these judgements.
# %% parameters
NAME = "baseline"
FOLDS = 4
MAX_MINUTES = 5.0
# %%
from clinjup.learning import cross_fit

out_of_fold = {} if "out_of_fold" not in globals() else out_of_fold
models[NAME], out_of_fold[NAME] = cross_fit(models[NAME], cohort, images, folds=FOLDS, max_minutes=MAX_MINUTES)
