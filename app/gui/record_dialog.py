"""What is asked before a recording."""

from __future__ import annotations

import shutil
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.recording import RecordingPlan
from app.gui.text import size
from app.gui.theme import set_primary
from app.session.folder import check_participant
from app.settings import Settings
from app.sources import CameraChoice, SourceChoice, StreamChoice
from models.errors import UsageError

WIDTH_PX = 560


class RecordDialog(QDialog):
    """Folder, participant code, consent, and what is kept. All but the code is as it was the last time; the tick of
    consent is not either, since it is each participant's own."""

    def __init__(self, parent: QWidget | None, choice: SourceChoice, settings: Settings) -> None:
        super().__init__(parent)
        self.setWindowTitle("Record")
        self.setMinimumWidth(WIDTH_PX)
        self.setSizeGripEnabled(False)
        live = isinstance(choice, CameraChoice | StreamChoice)
        source = QLabel(choice.label if live else f"{choice.label}, from its beginning")
        source.setTextFormat(Qt.TextFormat.PlainText)
        self.folder = QLineEdit(str(settings.recordings))
        self.folder.setAccessibleName("Folder")
        choose = QPushButton("Choose…")
        choose.setAccessibleName("Choose the folder")
        choose.setAutoDefault(False)  # the Enter key starts the recording
        choose.clicked.connect(self._choose_folder)
        self._space = QLabel()
        self._space.setObjectName("muted")
        self.participant = QLineEdit()
        self.participant.setAccessibleName("Participant code")
        self.participant.setPlaceholderText("such as P01; no name. It may stay empty.")
        self.agreed = QCheckBox("The participant has agreed to:")
        self.consent = QLineEdit(settings.consent)
        self.consent.setAccessibleName("What the participant has agreed to")
        self.consent.setPlaceholderText("such as: video and scores, for research, form of 3 May")
        self.pictures = QRadioButton("Pictures and scores")
        self.scores = QRadioButton("Scores only, no picture")
        (self.scores if settings.scores_only else self.pictures).setChecked(True)
        self.problem = QLabel()
        self.problem.setObjectName("problem")
        self.problem.setWordWrap(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.start = QPushButton("Start recording")
        set_primary(self.start, True)
        self.buttons.addButton(self.start, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self._lay_out(source, choose)
        for button in self.buttons.findChildren(QPushButton):
            button.setAutoDefault(button is self.start)
        self.start.setDefault(True)  # only now: before, it is in no dialog

        self.agreed.toggled.connect(self.consent.setEnabled)
        self.agreed.toggled.connect(lambda agreed: self.consent.setFocus() if agreed else None)
        self.consent.setEnabled(False)
        self.folder.textChanged.connect(self._show_space)
        for field in (self.folder, self.participant, self.consent):
            field.textEdited.connect(self.problem.hide)
        self._show_space()
        self.problem.hide()
        self.participant.setFocus()

    def _lay_out(self, source: QLabel, choose: QPushButton) -> None:
        where = QHBoxLayout()
        where.setSpacing(8)
        where.addWidget(self.folder, 1)
        where.addWidget(choose)
        place = QVBoxLayout()
        place.setSpacing(4)
        place.addLayout(where)
        place.addWidget(self._space)
        consent = QVBoxLayout()
        consent.setSpacing(6)
        consent.addWidget(self.agreed)
        consent.addWidget(self.consent)
        keep = QVBoxLayout()
        keep.setSpacing(6)
        keep.addWidget(self.pictures)
        keep.addWidget(self.scores)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setHorizontalSpacing(20)
        form.setVerticalSpacing(14)
        rows: tuple[tuple[str, QWidget | QHBoxLayout | QVBoxLayout], ...] = (
            ("Source", source),
            ("Participant", self.participant),
            ("Consent", consent),
            ("Keep", keep),
            ("Folder", place),
        )
        for name, field in rows:
            form.addRow(_name(name), field)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(18)
        layout.addLayout(form)
        layout.addWidget(self.problem)
        layout.addWidget(self.buttons)

    def plan(self) -> RecordingPlan:
        """What was decided."""
        return RecordingPlan(
            folder=_expanded(self.folder.text()).absolute(),
            participant=self.participant.text().strip(),
            consent=self.consent.text().strip() if self.agreed.isChecked() else "",
            scores_only=self.scores.isChecked(),
        )

    def _accept(self) -> None:
        problem = self._problem()
        if problem:
            self.problem.setText(problem)
            self.problem.show()
            self._make_room()
            return
        self.accept()

    def _make_room(self) -> None:
        """Grow to what all of it needs at this width: a layout leaves out the lines of a text that is wrapped."""
        layout = self.layout()
        assert layout is not None
        layout.activate()
        self.resize(self.width(), max(self.height(), layout.totalHeightForWidth(self.width())))

    def _problem(self) -> str:
        if not self.folder.text().strip():
            self.folder.setFocus()
            return "Please name a folder for the recording."
        try:
            _expanded(self.folder.text())
        except RuntimeError:
            self.folder.setFocus()
            return f"There is no home folder as in {self.folder.text().strip()}; write the folder out."
        if self.agreed.isChecked() and not self.consent.text().strip():
            self.consent.setFocus()
            return "Please say what the participant has agreed to, or take the tick away."
        try:
            check_participant(self.participant.text().strip())
        except UsageError as error:
            self.participant.setFocus()
            return str(error)
        return ""

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for recordings", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _show_space(self) -> None:
        try:
            free = _free_bytes(_expanded(self.folder.text() or "."))
        except RuntimeError:
            free = None
        self._space.setText("Each recording gets a folder of its own." + (f" {size(free)} free." if free else ""))


def _name(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("muted")
    return label


def _expanded(text: str) -> Path:
    """A folder as a person types it; ``~`` is a home folder.

    Raises:
        RuntimeError: there is no such home.
    """
    return Path(text.strip()).expanduser()


def _free_bytes(folder: Path) -> int | None:
    """Of the disk that ``folder`` is on or will be made on."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None
