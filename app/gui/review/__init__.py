"""The Review workspace: replay, correct and label what was recorded. Small panels round one ``Desk``."""
