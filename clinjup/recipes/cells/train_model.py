# id: train_model
# title: Train a model
# explains: Trains one network on the training part, with early stopping on validation and a time budget.
# %% [markdown]
# ## Train: $name
# $why **Look for:** validation AUROC should rise and level off; a validation loss that climbs while training loss falls means
# that the model learns images by heart.
# %% parameters
NAME = "baseline"
ARCHITECTURE = "small_cnn"  # or "small_cnn_64", which sees 64 pixels, or any timm model, e.g. "resnet18"
PRETRAINED = False  # True: published weights from the hub; or the path of a checkpoint file or folder
MITIGATION = None  # or "balanced_sampling" (needs labels), "insertion_augmentation" (needs none)
CONFOUNDER = None
EPOCHS = 8
BATCH_SIZE = 64
MAX_MINUTES = 5.0
SEED = 0
# %%
from clinjup.learning import train

models = {} if "models" not in globals() else models
network = {"architecture": ARCHITECTURE, "pretrained": PRETRAINED, "seed": SEED}
models[NAME] = train(
    cohort,
    images,
    name=NAME,
    mitigation=MITIGATION,
    confounder=CONFOUNDER,
    epochs=EPOCHS,
    batch_size=BATCH_SIZE,
    max_minutes=MAX_MINUTES,
    **network,
)
