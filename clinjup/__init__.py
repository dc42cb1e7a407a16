"""clinjup: a JupyterLab copilot for clinician-researchers. Research software, not a medical device."""

__version__ = "0.1.0"


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where `jupyter labextension develop` finds the built sidebar of an editable install."""
    return [{"src": "labextension", "dest": "clinjup"}]
