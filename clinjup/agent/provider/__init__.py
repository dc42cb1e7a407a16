"""The model behind the Claude planner: any server that speaks the Anthropic Messages API, with every fault in one exception.

The Anthropic SDK is imported when the first provider is made, not before: an offline run never loads it.
"""

from clinjup.agent.provider.client import Prompt, Provider, Turn
from clinjup.agent.provider.faults import FaultKind, ProviderError
from clinjup.agent.provider.server import DEFAULT_MODEL, Server, is_loopback
from clinjup.agent.provider.usage import Usage, price_of

__all__ = [
    "DEFAULT_MODEL",
    "FaultKind",
    "Prompt",
    "Provider",
    "ProviderError",
    "Server",
    "Turn",
    "Usage",
    "is_loopback",
    "price_of",
]
