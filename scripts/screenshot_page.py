"""Takes the pictures of pages that the documents show.

    python scripts/screenshot_page.py --out docs/pictures/serve.png
    python scripts/screenshot_page.py --report violin.html --out report.png

The first starts `ddsp serve`, has the violin play the example, and takes a picture of
what a browser shows then. The second takes one of a report, such as `ddsp transfer
--report` writes, down to its first figure. Needs `pip install 'ddsp[web]' playwright`
and Debian's chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_DEFAULT_OUT = Path(__file__).parents[1] / 'docs' / 'pictures' / 'serve.png'
_SERVE = [sys.executable, '-m', 'ddsp_command', 'serve', '--port', '0', '--no_open']
_WAIT_MS = 120_000
_COLOURS = 256
_MARGIN = 32


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, default=_DEFAULT_OUT, metavar='PICTURE.png')
    parser.add_argument(
        '--report', type=Path, metavar='PAGE.html', help='a page to take instead'
    )
    parser.add_argument('--width', type=int, default=1280, help='of the window')
    parser.add_argument('--dark', action='store_true', help='as by night')
    parser.add_argument('--browser', default='chromium', help='path of a chromium')
    arguments = parser.parse_args(argv)
    if shutil.which(arguments.browser) is None:
        parser.error(f'there is no {arguments.browser}; install it, or name --browser')
    if arguments.report is None:
        picture = of_served_page(arguments)
    else:
        picture = of_report(arguments)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_bytes(with_fewer_colours(picture))
    print(f'{arguments.out}: {arguments.out.stat().st_size / 1000:.0f} kB')
    return 0


@contextlib.contextmanager
def opened(url: str, arguments: argparse.Namespace) -> Iterator[Any]:
    """Opens a page in a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=shutil.which(arguments.browser), args=['--no-sandbox']
        )
        page = chromium.new_page(
            viewport={'width': arguments.width, 'height': 900},
            color_scheme='dark' if arguments.dark else 'light',
        )
        page.goto(url)
        yield page


def of_report(arguments: argparse.Namespace) -> bytes:
    """Takes a picture of a report, PNG."""
    with opened(arguments.report.resolve().as_uri(), arguments) as page:
        for player in page.locator('audio').all():
            # Until they know how long they are, players show no time.
            page.wait_for_function('x => x.readyState > 0', arg=player.element_handle())
        return picture_to(page, page.locator('figure').first)


def of_served_page(arguments: argparse.Namespace) -> bytes:
    """Serves the page, has the example played, and takes a picture, PNG."""
    with subprocess.Popen(_SERVE, stdout=subprocess.PIPE, text=True) as process:
        try:
            found = re.search(r'http://\S+', process.stdout.readline())
            if found is None:
                raise RuntimeError('ddsp serve did not say where its page is.')
            with opened(found.group(), arguments) as page:
                play_example(page)
                return picture_to(page, page.locator('#pictures figure').first)
        finally:
            process.terminate()


def play_example(page: Any) -> None:
    """Has the example played, and waits for all there is to see of it."""
    from playwright.sync_api import expect

    expect.set_options(timeout=_WAIT_MS)
    page.click('#example')
    page.wait_for_selector('#recording audio', state='attached')
    page.click('#play')
    expect(page.locator('#pictures figure svg')).to_have_count(3)
    for player in ('#recording', '#sound'):
        expect(page.locator(f'{player} #duration')).to_have_text(re.compile('0:09'))
    page.mouse.move(0, 0)
    page.evaluate('window.scrollTo(0, 0)')


def picture_to(page: Any, element: Any) -> bytes:
    """A picture down to the end of an element; more would make the file heavy."""
    box = element.bounding_box()
    height = box['y'] + box['height'] + _MARGIN
    clip = {'x': 0, 'y': 0, 'width': page.viewport_size['width'], 'height': height}
    return page.screenshot(full_page=True, clip=clip, animations='disabled')


def with_fewer_colours(picture: bytes) -> bytes:
    """The same picture in a palette, which is much smaller."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert('RGB')
    # Colours that are rare count too: that of a message is a thin line.
    image = image.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1)
    smaller = io.BytesIO()
    image.save(smaller, 'PNG', optimize=True)
    return smaller.getvalue()


if __name__ == '__main__':
    sys.exit(main())
