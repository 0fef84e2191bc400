"""Perception and spotting: frame -> landmarks -> region motion -> scores -> intervals.

This package knows neither Qt nor the application; only ``models.network`` imports torch, and nothing but
``training`` imports that.
"""
