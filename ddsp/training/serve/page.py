"""The page: its parts, where they stand, and what happens when they are used."""

from __future__ import annotations

import dataclasses
import html
from typing import Any

from ddsp.optional import import_optional
from ddsp.recordings import singing_path
from ddsp.training.serve import looks, pictures
from ddsp.training.serve.desk import Answer, Desk
from ddsp.training.serve.limits import FORMATS

TITLE = 'Sing, and hear it played'
_LEAD = (
    'Record or upload a melody: a voice, a whistle, one instrument alone. Another '
    'instrument plays the same notes, with your timing and your dynamics.'
)
# Seconds: how often old sounds are looked for, and when a sound is old.
_DELETE_CACHE = (600, 7200)
# So many may wait for their turn; more are told to come back later.
_QUEUE = 16


def import_gradio() -> Any:
    """Imports Gradio.

    Raises
    ------
    ImportError
        When it is missing, with what to install.
    """
    return import_optional('gradio', 'ddsp serve', 'ddsp[web]')


def build_page(desk: Desk) -> Any:
    """Builds the page.

    Parameters
    ----------
    desk : what answers.

    Returns
    -------
    `gradio.Blocks`, with a queue in which one recording is played at a time.
    """
    gr = import_gradio()
    page = gr.Blocks(
        title=f'{TITLE} · ddsp', analytics_enabled=False, delete_cache=_DELETE_CACHE
    )
    with page:
        gr.HTML(f'<h1>{TITLE}</h1><p>{_LEAD}</p>', elem_id='header')
        with gr.Row(equal_height=False, elem_id='desk'):
            with gr.Column(min_width=320, elem_id='wishes'):
                wishes = _wishes(gr, desk)
            with gr.Column(min_width=320, elem_id='outcome'):
                outcome = _outcome(gr)
        shown = gr.HTML(elem_id='pictures', visible=False)
        outcome = dataclasses.replace(outcome, pictures=shown)
        _wire(gr, desk, wishes, outcome)
    return page.queue(max_size=_QUEUE, default_concurrency_limit=1)


def launch_options(gr: Any, desk: Desk) -> dict[str, Any]:
    """What `launch` must be told for this page: its looks, its limits, its silence.

    Parameters
    ----------
    gr : the module gradio.
    desk : what answers.
    """
    return {
        'theme': looks.make_theme(gr),
        'css': looks.style_sheet(),
        'head': looks.head(),
        'footer_links': [],
        'allowed_paths': [str(singing_path())],
        'max_file_size': desk.limits.max_bytes,
        'share': False,
        'ssr_mode': False,
        'mcp_server': False,
        'enable_monitoring': False,
        'quiet': True,
        'prevent_thread_lock': True,
    }


@dataclasses.dataclass(frozen=True)
class _Wishes:
    """Components in which people say what they want."""

    recording: Any
    example: Any
    title: Any
    note: Any
    adjust: Any
    sliders: list[Any]
    reset: Any
    play: Any


@dataclasses.dataclass(frozen=True)
class _Outcome:
    """Components that show what came of it."""

    messages: Any
    sound: Any
    download: Any
    pictures: Any = None

    def all(self) -> list[Any]:
        return [self.messages, self.sound, self.download, self.pictures]


def _wishes(gr: Any, desk: Desk) -> _Wishes:
    gr.HTML(_step(1, 'Your melody'))
    recording = gr.Audio(
        sources=['upload', 'microphone'],
        type='filepath',
        show_label=False,
        label='Your melody',
        elem_id='recording',
        waveform_options=_waveform(gr),
        buttons=[],
    )
    with gr.Row(elem_id='below-recording'):
        gr.HTML(f'<p class="hint">{FORMATS}, {desk.limits}.</p>', min_width=180)
        example = gr.Button(
            'Try an example: a singer', size='sm', elem_id='example', min_width=180
        )
    gr.HTML(_step(2, 'The instrument'))
    titles = list(desk.choices)
    title = gr.Radio(
        titles,
        value=titles[0],
        show_label=False,
        container=False,
        label='The instrument',
        elem_id='instrument',
    )
    note = gr.HTML(_note(desk, title.value), elem_id='note')
    adjust, sliders, reset = _controls(gr)
    play = gr.Button('Play it', variant='primary', elem_id='play')
    return _Wishes(recording, example, title, note, adjust, sliders, reset, play)


def _controls(gr: Any) -> tuple[Any, list[Any], Any]:
    from ddsp.training.transfer.controls import CONTROLS, Controls

    usual = Controls()
    with gr.Accordion('Fine tuning', open=False, elem_id='controls'):
        adjust = gr.Checkbox(
            usual.adjust,
            label='Suit the instrument',
            info='Moves the melody by octaves to where the instrument is at home, and '
            'its loudness to what the instrument knows.',
            elem_id='adjust',
        )
        sliders = [
            gr.Slider(
                control.low,
                control.high,
                getattr(usual, control.name),
                step=control.step,
                label=control.title + (f' ({control.unit})' if control.unit else ''),
                info=_sentence(control.help),
                buttons=[],
                elem_id=f'control-{control.name}',
            )
            for control in CONTROLS
        ]
        reset = gr.Button('Back to the usual values', size='sm', elem_id='reset')
    return adjust, sliders, reset


def _outcome(gr: Any) -> _Outcome:
    gr.HTML(_step(3, 'Listen'))
    messages = gr.HTML(pictures.waiting(), elem_id='messages', min_height=72)
    sound = gr.Audio(
        type='filepath',
        show_label=False,
        label='What the instrument plays',
        interactive=False,
        visible=False,
        elem_id='sound',
        waveform_options=_waveform(gr),
        buttons=[],
    )
    download = gr.DownloadButton(
        'Download as WAV', visible=False, elem_id='download', size='md'
    )
    return _Outcome(messages, sound, download)


def _wire(gr: Any, desk: Desk, wishes: _Wishes, outcome: _Outcome) -> None:
    """Says what happens when."""
    from ddsp.training.transfer.controls import CONTROLS, Controls

    progress_bar = gr.Progress()

    def show(answer: Answer) -> list[Any]:
        sound = None if answer.sound is None else str(answer.sound)
        heard = sound is not None
        return [
            answer.messages,
            gr.update(value=sound, visible=heard),
            gr.update(value=sound, visible=heard),
            gr.update(value=answer.pictures, visible=bool(answer.pictures)),
        ]

    def play(
        recording: str | None,
        title: str,
        adjust: bool,
        *values: float,
        progress: Any = progress_bar,
    ) -> list[Any]:
        def tell(part: float, words: str) -> None:
            progress(part, desc=words)

        return show(desk.play(recording, title, adjust, values, tell))

    def look(recording: str | None) -> list[Any]:
        return show(desk.look(recording))

    def example() -> list[Any]:
        return [str(singing_path()), *show(desk.look(str(singing_path())))]

    quiet = {'api_visibility': 'private', 'show_progress': 'hidden'}
    wishes.play.click(
        play,
        [wishes.recording, wishes.title, wishes.adjust, *wishes.sliders],
        outcome.all(),
        show_progress='full',
        show_progress_on=outcome.messages,
        scroll_to_output=True,
        api_visibility='private',
    )
    wishes.example.click(example, None, [wishes.recording, *outcome.all()], **quiet)
    events = wishes.recording
    gr.on(
        [events.upload, events.stop_recording, events.clear],
        look,
        wishes.recording,
        outcome.all(),
        **quiet,
    )
    wishes.title.change(
        lambda title: _note(desk, title), wishes.title, wishes.note, **quiet
    )
    usual = Controls()
    values = [usual.adjust, *(getattr(usual, control.name) for control in CONTROLS)]
    wishes.reset.click(lambda: values, None, [wishes.adjust, *wishes.sliders], **quiet)


def _note(desk: Desk, title: str) -> str:
    return f'<p class="hint">{html.escape(desk.choices[title].note)}</p>'


def _waveform(gr: Any) -> Any:
    return gr.WaveformOptions(
        waveform_color='#8fb8de',
        waveform_progress_color='#d1495b',
        trim_region_color='#d1495b',
    )


def _step(number: int, words: str) -> str:
    return f'<h2 class="step"><b>{number}</b>{words}</h2>'


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + '.'
