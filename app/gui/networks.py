"""Which network scores: the usual one, the one for laboratory recordings, or one of the user's own."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QWidget

from app.gui.banner import Banner
from app.gui.player import Player
from app.gui.review.workspace import ReviewWorkspace
from app.gui.text import shortened, tip
from app.settings import SettingsFile
from models.assets import LAB_NETWORK, NETWORKS
from models.errors import ApexspotError
from models.spotter import Spotter

LAB = "Network for laboratory recordings"
OWN = "Network of your own…"

_HOLDS = "It holds from the next start on, and for videos that are opened in Review."
_TIPS = {
    LAB: "Learned from people who hold back what they feel; the usual network from livelier people, who talk and "
    f"laugh. {_HOLDS}",
    OWN: f"A file that apexspot export-model wrote. {_HOLDS} Choose this entry again to go back to the usual network.",
}
_FILTER = "Networks (*.onnx);;All files (*)"
_SHOWN = 24
"""Characters of a file's name that the status bar has room for."""


class NetworkChoice:
    """Two entries of a menu, one of them checked at most. What is chosen scores, in Live and Review, and is kept."""

    def __init__(
        self,
        window: QWidget,
        actions: dict[str, QAction],
        player: Player,
        review: ReviewWorkspace,
        store: SettingsFile,
        banner: Banner,
    ) -> None:
        self._window, self._player, self._review, self._store, self._banner = window, player, review, store, banner
        self._lab, self._own = actions[LAB], actions[OWN]
        for name, sentences in _TIPS.items():
            actions[name].setToolTip(tip(sentences))
        own = store.values.own_network
        if own is not None and not own.is_file():
            banner.say(f"Your network {own} is not there; the usual one scores until you choose another.")
            store.change(own_network=None)
        self._hold()

    def toggle_lab(self) -> None:
        """Let the network for laboratory recordings score, or the usual one again."""
        self._store.change(lab=self._lab.isChecked(), own_network=None)
        self._hold()

    def toggle_own(self) -> None:
        """Ask for a file with a network, which is looked at first, or let the usual one score again."""
        if not self._own.isChecked():
            self._store.change(own_network=None)
        elif (path := self._ask()) is not None:
            try:
                Spotter(path, use_gpu=False)
            except ApexspotError as error:
                self._banner.say(str(error))
            else:
                self._store.change(lab=False, own_network=path)
        self._hold()

    @property
    def scoring_with(self) -> str:
        """What scores now, in a word or two; empty for the usual one."""
        network = self._player.scoring_with
        if network == LAB_NETWORK:
            return "laboratory"
        return "" if network in NETWORKS else shortened(network.name, _SHOWN)

    def _ask(self) -> Path | None:
        folder = str(self._store.values.opened or "")
        chosen, _ = QFileDialog.getOpenFileName(self._window, "Choose a network of your own", folder, _FILTER)
        return Path(chosen) if chosen else None

    def _hold(self) -> None:
        values = self._store.values
        self._lab.setChecked(values.network == LAB_NETWORK)
        self._own.setChecked(values.own_network is not None)
        self._player.network = self._review.network = values.network
