"""Every key of the Review workspace, once: the shortcuts and the help are made from this list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """keys: as Qt writes them. shown: as people read them. act: name of the workspace's method."""

    keys: tuple[str, ...]
    shown: str
    does: str
    act: str
    arguments: tuple[object, ...] = ()


GROUPS: tuple[tuple[str, tuple[Key, ...]], ...] = (
    (
        "Play",
        (
            Key(("Space",), "Space", "play, pause", "press_space"),
            Key(("L",), "L", "play forwards; again: twice as fast", "shuttle", (1,)),
            Key(("J",), "J", "play backwards; again: twice as fast", "shuttle", (-1,)),
            Key(("K",), "K", "pause", "pause"),
        ),
    ),
    (
        "Go",
        (
            Key(("Right",), "→", "next frame", "step", (1,)),
            Key(("Left",), "←", "previous frame", "step", (-1,)),
            Key(("Shift+Right",), "Shift →", "ten frames on", "step", (10,)),
            Key(("Shift+Left",), "Shift ←", "ten frames back", "step", (-10,)),
            Key(("N",), "N", "next interval", "go_to_interval", (1,)),
            Key(("P",), "P", "previous interval", "go_to_interval", (-1,)),
            Key(("Ctrl+G",), "Ctrl G", "go to a time or a frame", "ask_where"),
            Key(("Home",), "Home", "first frame", "go_to_end", (-1,)),
            Key(("End",), "End", "last frame", "go_to_end", (1,)),
        ),
    ),
    (
        "Intervals",
        (
            Key(("A",), "A", "accept", "accept"),
            Key(("X",), "X", "reject", "reject"),
            Key(("M",), "M", "make it macro", "make_macro"),
            Key(("U",), "U", "make it micro", "make_micro"),
            Key(("T",), "T", "change its type", "retype"),
            Key(("R",), "R", "back to what the model found", "reset"),
            Key(("Del", "Backspace"), "Del", "delete", "delete"),
        ),
    ),
    (
        "Label",
        (
            Key(("1",), "1", "macro point here", "point_macro"),
            Key(("2",), "2", "micro point here", "point_micro"),
            Key(("[",), "[", "selection starts here", "mark_start"),
            Key(("]",), "]", "selection ends here", "mark_end"),
            Key(("I",), "I", "selection becomes an interval", "add_interval"),
            Key(("E",), "E", "leave the selection out", "exclude"),
        ),
    ),
    (
        "Look",
        (
            Key(("+", "="), "+", "closer", "zoom", (0.5,)),
            Key(("-",), "−", "further away", "zoom", (2.0,)),
            Key(("0",), "0", "the whole recording", "show_all"),
        ),
    ),
    (
        "Changes",
        (
            Key(("Ctrl+Z",), "Ctrl Z", "undo", "undo"),
            Key(("Ctrl+Shift+Z", "Ctrl+Y"), "Ctrl Shift Z", "redo", "redo"),
            Key(("?", "F1"), "?", "this list", "toggle_help"),
        ),
    ),
)

BY_MOUSE = (
    ("Click", "go there, pick the interval"),
    ("Drag", "move along"),
    ("Wheel", "closer, further away"),
    ("Shift + drag", "select a range"),
    ("Drag an edge, the apex", "correct it"),
    ("Drag a point", "move it"),
)
