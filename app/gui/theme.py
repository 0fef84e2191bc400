"""Colours, fonts and the style sheet, light and dark, and the one place where pyqtgraph's options are set.

Macro is orange and micro blue, a pair that stays apart for every common kind of colour blindness; micro is hatched as
well, so that the two can be told apart without any colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QPalette
from PySide6.QtWidgets import QApplication, QPushButton

from models.types import ExpressionType


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as ``#rrggbb``."""

    dark: bool
    window: str
    panel: str
    text: str
    muted: str
    line: str
    accent: str
    accent_text: str
    selection: str
    curve: str
    macro: str
    micro: str
    gap: str
    warning: str
    warning_text: str
    record: str

    def of(self, kind: ExpressionType) -> QColor:
        """The colour of a class."""
        return QColor(self.macro if kind is ExpressionType.MACRO else self.micro)


LIGHT = Theme(
    dark=False,
    window="#f3f5f7",
    panel="#ffffff",
    text="#1c2127",
    muted="#5a6572",
    line="#d5dae0",
    accent="#1f5fbf",
    accent_text="#ffffff",
    selection="#d9e6fb",
    curve="#27313d",
    macro="#ad4e00",
    micro="#0a6fb8",
    gap="#9aa3ad",
    warning="#fdecc8",
    warning_text="#5f4300",
    record="#c0271f",
)
DARK = Theme(
    dark=True,
    window="#15181c",
    panel="#1d2126",
    text="#e6e9ed",
    muted="#9aa5b1",
    line="#333a43",
    accent="#6aa5f8",
    accent_text="#0d1622",
    selection="#2a3f5f",
    curve="#e3e8ee",
    macro="#f0a13a",
    micro="#5cb8f2",
    gap="#5b6570",
    warning="#4a3a12",
    warning_text="#fbe2a6",
    record="#ff7a70",
)


def system_is_dark(app: QApplication) -> bool:
    """Whether the desktop asks for dark windows."""
    scheme = app.styleHints().colorScheme()
    if scheme is Qt.ColorScheme.Unknown:
        return app.palette().color(QPalette.ColorRole.Window).lightness() < 128
    return scheme is Qt.ColorScheme.Dark


def apply_theme(app: QApplication, theme: Theme) -> None:
    """Give the whole application the theme's palette, style sheet and plot options."""
    role = QPalette.ColorRole
    palette = QPalette(QColor(theme.window))
    for target, colour in (
        (role.Window, theme.window),
        (role.Base, theme.panel),
        (role.AlternateBase, theme.window),
        (role.Button, theme.panel),
        (role.ToolTipBase, theme.panel),
        (role.WindowText, theme.text),
        (role.Text, theme.text),
        (role.ButtonText, theme.text),
        (role.ToolTipText, theme.text),
        (role.PlaceholderText, theme.muted),
        (role.Highlight, theme.accent),
        (role.HighlightedText, theme.accent_text),
        (role.Link, theme.accent),
        (role.Mid, theme.line),
    ):
        palette.setColor(target, QColor(colour))
    for target in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, QColor(theme.muted))
    app.setPalette(palette)
    # a box or ring is edged in a darker shade of its window's colour, which in the dark nobody sees; this one shows
    palette.setColor(role.Window, QColor(theme.muted).lighter(150))
    for indicated in ("QCheckBox", "QRadioButton"):
        app.setPalette(palette, indicated)  # type: ignore[arg-type]  # declared as bytes, which PySide refuses
    app.setStyleSheet(_style_sheet(theme))
    pg.setConfigOptions(antialias=True, background=theme.panel, foreground=theme.muted)


def band_brush(theme: Theme, kind: ExpressionType, final: bool) -> QBrush:
    """How an interval's band is filled: macro plain, micro hatched, provisional lighter."""
    colour = theme.of(kind)
    if kind is ExpressionType.MACRO:
        colour.setAlpha(66 if final else 30)
        return QBrush(colour)
    colour.setAlpha(255 if final else 110)
    return QBrush(colour, Qt.BrushStyle.BDiagPattern)


def set_primary(button: QPushButton, primary: bool) -> None:
    """Make a button the one that stands out, or an ordinary one."""
    button.setProperty("primary", primary)
    button.style().unpolish(button)
    button.style().polish(button)


def _style_sheet(theme: Theme) -> str:
    """A style sheet takes the arrow from a combo box: those of the program are choosers, which paint their own, and
    those of Qt's dialogs are left alone."""
    hover = QColor(theme.accent).lighter(112).name()
    return f"""
    QToolTip {{ color: {theme.text}; background: {theme.panel}; border: 1px solid {theme.line}; padding: 4px; }}
    QPushButton, QToolButton, Chooser {{
        background: {theme.panel}; color: {theme.text}; border: 1px solid {theme.line}; border-radius: 6px;
        padding: 6px 12px; min-height: 20px; }}
    QPushButton:hover, QToolButton:hover, Chooser:hover {{ border-color: {theme.accent}; }}
    QPushButton:focus, QToolButton:focus, Chooser:focus {{ border: 2px solid {theme.accent}; padding: 5px 11px; }}
    QPushButton:disabled, QToolButton:disabled {{ color: {theme.muted}; }}
    QToolButton:checked {{ border-color: {theme.accent}; color: {theme.accent}; }}
    QPushButton[primary="true"] {{
        background: {theme.accent}; color: {theme.accent_text}; border-color: {theme.accent}; font-weight: 600; }}
    QPushButton[primary="true"]:hover {{ background: {hover}; }}
    QPushButton[primary="true"]:focus {{ border-color: {theme.text}; }}
    Chooser::drop-down {{ border: none; width: 26px; }}
    Chooser::down-arrow {{ image: none; }}
    QComboBox {{ combobox-popup: 0; }}
    QComboBox QAbstractItemView {{ background: {theme.panel}; color: {theme.text}; border: 1px solid {theme.line};
        outline: none; padding: 4px; selection-background-color: {theme.selection}; selection-color: {theme.text}; }}
    QComboBox QAbstractItemView::item {{ min-height: 26px; padding-left: 6px; }}
    QFrame#card {{ background: {theme.panel}; border: 1px solid {theme.line}; border-radius: 8px; }}
    QFrame#banner {{ background: {theme.warning}; border-radius: 6px; }}
    QFrame#banner QLabel {{ color: {theme.warning_text}; }}
    QFrame#banner QToolButton {{ background: transparent; color: {theme.warning_text}; border: none; }}
    QFrame#banner QPushButton {{
        background: transparent; color: {theme.warning_text}; border-color: {theme.warning_text}; padding: 2px 12px; }}
    QFrame#banner[good="true"] {{ background: {theme.selection}; }}
    QFrame#banner[good="true"] QLabel, QFrame#banner[good="true"] QToolButton {{ color: {theme.text}; }}
    QFrame#banner[good="true"] QPushButton {{ color: {theme.text}; border-color: {theme.accent}; }}
    QFrame#strip {{ background: {theme.panel}; border: 1px solid {theme.record}; border-radius: 6px; }}
    QFrame#strip QLabel#recording {{ color: {theme.record}; font-weight: 600; }}
    QFrame#strip QLabel#notice {{ color: {theme.warning_text}; background: {theme.warning}; border-radius: 4px;
        padding: 2px 8px; }}
    QFrame#strip QPushButton {{ padding: 2px 12px; }}
    QPushButton#left, QPushButton#right {{ color: {theme.muted}; padding: 6px 16px; }}
    QPushButton#left {{ border-top-right-radius: 0; border-bottom-right-radius: 0; }}
    QPushButton#right {{ border-top-left-radius: 0; border-bottom-left-radius: 0; border-left: none; }}
    QPushButton#left:checked, QPushButton#right:checked {{
        background: {theme.selection}; color: {theme.text}; font-weight: 600; }}
    QMenuBar {{ background: {theme.window}; }}
    QMenuBar::item {{ padding: 4px 10px; background: transparent; }}
    QMenuBar::item:selected {{ background: {theme.selection}; border-radius: 4px; }}
    QMenu {{ background: {theme.panel}; border: 1px solid {theme.line}; padding: 4px; }}
    QMenu::item {{ padding: 5px 28px 5px 24px; }}
    QMenu::item:selected {{ background: {theme.selection}; color: {theme.text}; border-radius: 4px; }}
    QMenu::item:disabled {{ color: {theme.muted}; }}
    QMenu::separator {{ height: 1px; background: {theme.line}; margin: 4px 8px; }}
    QLineEdit {{ background: {theme.panel}; color: {theme.text}; border: 1px solid {theme.line}; border-radius: 6px;
        padding: 5px 8px; min-height: 20px; }}
    QLineEdit:focus {{ border: 2px solid {theme.accent}; padding: 4px 7px; }}
    QLineEdit:disabled {{ color: {theme.muted}; background: {theme.window}; }}
    QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
    QLabel#problem {{ color: {theme.record}; }}
    QLabel#muted {{ color: {theme.muted}; }}
    QLabel#heading {{ font-weight: 600; }}
    QLabel#title {{ font-size: 22pt; font-weight: 600; }}
    QTableView {{ background: {theme.panel}; border: none; gridline-color: {theme.line};
        selection-background-color: {theme.selection}; selection-color: {theme.text}; }}
    QTableView::item {{ padding: 2px 4px; }}
    QHeaderView::section {{ background: {theme.panel}; color: {theme.muted}; border: none;
        border-bottom: 1px solid {theme.line}; padding: 4px 4px; }}
    QSplitter::handle {{ background: transparent; }}
    QStatusBar {{ background: {theme.window}; color: {theme.muted}; }}
    QStatusBar::item {{ border: none; }}
    QStatusBar QLabel {{ color: {theme.muted}; padding: 0 4px; }}
    """
