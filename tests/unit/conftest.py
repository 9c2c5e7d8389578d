"""How often a property is tried: a few examples, always the same; or many that are new.

``HYPOTHESIS_PROFILE=thorough`` (or ``--hypothesis-profile thorough``) asks for the many.
"""

import os

from hypothesis import HealthCheck, settings

BUSY = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", max_examples=25, derandomize=True, **BUSY)
settings.register_profile("thorough", max_examples=300, **BUSY)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
