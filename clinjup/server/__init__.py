"""The Jupyter server extension: runs over REST and two websockets. It only calls clinjup.runs."""
