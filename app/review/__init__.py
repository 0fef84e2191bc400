"""Reviewing a recording: what a person says of what was found, exact pictures, and two coders compared. Knows no Qt."""
