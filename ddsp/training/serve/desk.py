"""What answers when somebody presses a button of the page; knows no Gradio."""

from __future__ import annotations

import dataclasses
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from ddsp.training.serve import pictures
from ddsp.training.serve.choices import Choice
from ddsp.training.serve.limits import Limits, check_recording
from ddsp.training.serve.playing import Tell, play_recording

_NO_RECORDING = 'Record or upload a melody first, or take the example.'


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the page shows next.

    Parameters
    ----------
    messages : HTML.
    sound : a WAV file, or `None` when there is nothing to hear.
    pictures : HTML; empty when there is nothing to see.
    """

    messages: str
    sound: Path | None = None
    pictures: str = ''


class Desk:
    """Takes recordings and wishes, gives answers, and is never at a loss for words.

    Parameters
    ----------
    choices : the instruments, by title.
    limits : for recordings.
    folder : where sounds are written.
    """

    def __init__(
        self, choices: Mapping[str, Choice], limits: Limits, folder: Path
    ) -> None:
        self.choices = dict(choices)
        self.limits = limits
        self.folder = folder

    def look(self, recording: str | None) -> Answer:
        """Looks at a recording as soon as it is there, so that nobody waits in vain."""
        if recording is None:
            return Answer(pictures.waiting())
        try:
            check_recording(Path(recording), self.limits)
        except Exception as error:
            return Answer(pictures.refused(words_for(error)))
        return Answer(pictures.waiting())

    def play(
        self,
        recording: str | None,
        title: str | None,
        adjust: bool,
        values: Sequence[float],
        tell: Tell = lambda part, words: None,
    ) -> Answer:
        """Plays a recording.

        Parameters
        ----------
        recording : path of a sound file, or `None` when none was given.
        title : of the instrument.
        adjust : see `ddsp.training.transfer.Controls`.
        values : of `ddsp.training.transfer.CONTROLS`, in their order.
        tell : is told how far the work is.
        """
        from ddsp.training.transfer.controls import CONTROLS, Controls

        if recording is None:
            return Answer(pictures.refused(_NO_RECORDING))
        try:
            named = {c.name: float(v) for c, v in zip(CONTROLS, values)}
            controls = Controls(adjust=bool(adjust), **named)
            played = play_recording(
                Path(recording),
                self._choice(title),
                controls,
                self.limits,
                self.folder,
                tell,
            )
            shown = pictures.pictures(played)
        except Exception as error:
            return Answer(pictures.refused(words_for(error)))
        return Answer(pictures.accepted(played), played.path, shown)

    def _choice(self, title: str | None) -> Choice:
        if title not in self.choices:
            raise ValueError(
                f'There is no instrument {title!r}; choose from '
                f'{", ".join(self.choices)}.'
            )
        return self.choices[title]


def words_for(error: Exception) -> str:
    """What to tell people about an error; the terminal is told all of a strange one."""
    foreseen = (ValueError, OSError, ImportError)
    if isinstance(error, foreseen) and str(error):
        return ' '.join(str(error).split())
    traceback.print_exception(error, file=sys.stderr)
    return (
        f'Something went wrong that should not have ({type(error).__name__}). The '
        'terminal in which `ddsp serve` runs shows where; nothing was lost.'
    )
