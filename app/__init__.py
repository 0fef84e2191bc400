"""The apexspot application: sources, live capture and scoring, command line and (in ``app.gui``) the window."""
