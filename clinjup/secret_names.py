"""Which environment variables are kept out of a kernel, where code that a model wrote could read them. Imports nothing of ours."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"(API_?KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL)|^(ANTHROPIC|AWS|AZURE|OPENAI|GOOGLE)_", re.IGNORECASE
)


def is_secret(name: str) -> bool:
    """Whether an environment variable of this name holds a key, a password or the access to a service."""
    return bool(_SECRET.search(name))
