"""May this leave the machine? The gate, the scrubber behind it, and the check of where it would go."""

from clinjup.agent.privacy.destination import Destination, DestinationRefusedError, check_destination
from clinjup.agent.privacy.gate import PrivacyGate
from clinjup.agent.privacy.scrub import Scrubber

__all__ = ["Destination", "DestinationRefusedError", "PrivacyGate", "Scrubber", "check_destination"]
