"""Perception and spotting: frame -> landmarks -> region motion -> scores -> intervals.

This package knows neither Qt nor the application; only ``models.network`` imports torch, and nothing but
``training`` imports that.
"""

import os

# ONNX Runtime from 1.29 on reports to its maker over HTTPS some ten seconds after its import, and keeps an identifier
# of the machine in the cache folder of the user. Only this variable, set before the import, stops both (see its
# Privacy.md); disable_telemetry_events() comes too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
