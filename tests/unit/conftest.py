"""How often a property is tried: a few examples, always the same; or many that are new.

``HYPOTHESIS_PROFILE=thorough`` asks for the many, and looks for the smallest that fails: for a
long story that takes minutes.
"""

import os

from hypothesis import HealthCheck, Phase, settings

BUSY = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow]}
AT_ONCE = (Phase.explicit, Phase.generate)
settings.register_profile("quick", max_examples=25, derandomize=True, phases=AT_ONCE, **BUSY)
settings.register_profile("thorough", max_examples=300, **BUSY)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
