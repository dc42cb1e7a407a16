"""clinjup: a JupyterLab copilot for clinician-researchers. Research software, not a medical device."""

__version__ = "0.1.0"
