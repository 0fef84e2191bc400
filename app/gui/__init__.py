"""The window. The only package that imports Qt; it polls a ``LiveSession`` and keeps no analysis of its own."""
