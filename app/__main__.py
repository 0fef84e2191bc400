"""``python -m app`` is the command ``apexspot``."""

from app.cli import run

if __name__ == "__main__":
    run()
