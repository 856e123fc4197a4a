"""How the page looks: colours, fonts of the system, style sheet; and its script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_FONT = ('system-ui', '-apple-system', 'Segoe UI', 'Roboto', 'sans-serif')
_MONO = ('ui-monospace', 'SFMono-Regular', 'Menlo', 'Consolas', 'monospace')


def style_sheet() -> str:
    """The style sheet of the page."""
    return Path(__file__).with_name('page.css').read_text('utf-8')


def head() -> str:
    """What else stands in the head of the page: how the microphone is asked for."""
    script = Path(__file__).with_name('page.js').read_text('utf-8')
    return f'<script>{script}</script>'


def make_theme(gr: Any) -> Any:
    """The theme: warm paper and one red; by night, the same in the dark.

    Fonts are those of the system, for a theme's own would come from the network.

    Parameters
    ----------
    gr : the module gradio.
    """
    red = gr.themes.Color(
        *('#fdf2f3', '#fae1e4', '#f4bfc5', '#ec97a1', '#e0707d', '#d1495b'),
        *('#b83a4c', '#992e3f', '#7a2533', '#5c1c27', '#3f131a'),
        name='red',
    )
    paper = gr.themes.Color(
        *('#faf8f5', '#f3f0ea', '#e6e2db', '#cfcac1', '#a9adb5', '#7c828d'),
        *('#646a75', '#30343b', '#22252b', '#1e2126', '#15171b'),
        name='paper',
    )
    theme = gr.themes.Base(
        primary_hue=red,
        secondary_hue=red,
        neutral_hue=paper,
        radius_size=gr.themes.sizes.radius_lg,
        font=_FONT,
        font_mono=_MONO,
    )
    return theme.set(
        body_background_fill='*neutral_50',
        body_background_fill_dark='*neutral_950',
        block_background_fill='#ffffff',
        block_background_fill_dark='*neutral_900',
        body_text_color_subdued='*neutral_600',
        body_text_color_subdued_dark='*neutral_400',
        block_info_text_color='*neutral_600',
        block_info_text_color_dark='*neutral_400',
        block_title_text_color='*neutral_800',
        block_title_text_color_dark='*neutral_200',
        block_border_color='*neutral_200',
        block_border_color_dark='*neutral_700',
        block_border_width='1px',
        button_primary_background_fill='*primary_500',
        button_primary_background_fill_hover='*primary_600',
        button_primary_background_fill_dark='*primary_500',
        button_primary_background_fill_hover_dark='*primary_400',
        button_primary_text_color='#ffffff',
        button_primary_text_color_dark='#ffffff',
        button_large_radius='14px',
        slider_color='*primary_500',
        slider_color_dark='*primary_400',
    )
