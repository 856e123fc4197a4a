"""Takes the picture of `ddsp serve` that the README shows.

    python scripts/screenshot_page.py --out docs/pictures/serve.png

Starts the page, has the violin play the example, and takes a picture of what a browser
shows then. Needs `pip install 'ddsp[web]' playwright` and Debian's chromium.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_DEFAULT_OUT = Path(__file__).parents[1] / 'docs' / 'pictures' / 'serve.png'
_SERVE = [sys.executable, '-m', 'ddsp_command', 'serve', '--port', '0', '--no_open']
_WAIT_MS = 120_000
_COLOURS = 256
_MARGIN = 32


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, default=_DEFAULT_OUT, metavar='PICTURE.png')
    parser.add_argument('--width', type=int, default=1280, help='of the window')
    parser.add_argument('--dark', action='store_true', help='as by night')
    parser.add_argument('--browser', default='chromium', help='path of a chromium')
    arguments = parser.parse_args(argv)
    browser = shutil.which(arguments.browser)
    if browser is None:
        parser.error(f'there is no {arguments.browser}; install it, or name --browser')
    with subprocess.Popen(_SERVE, stdout=subprocess.PIPE, text=True) as process:
        try:
            found = re.search(r'http://\S+', process.stdout.readline())
            if found is None:
                return process.wait() or 1
            picture = photograph(found.group(), browser, arguments)
        finally:
            process.terminate()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_bytes(with_fewer_colours(picture))
    print(f'{arguments.out}: {arguments.out.stat().st_size / 1000:.0f} kB')
    return 0


def photograph(url: str, browser: str, arguments: argparse.Namespace) -> bytes:
    """Has the example played, and takes a picture, PNG."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=_WAIT_MS)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=browser, args=['--no-sandbox']
        )
        page = chromium.new_page(
            viewport={'width': arguments.width, 'height': 900},
            color_scheme='dark' if arguments.dark else 'light',
        )
        page.goto(url)
        page.click('#example')
        page.wait_for_selector('#recording audio', state='attached')
        page.click('#play')
        expect(page.locator('#pictures figure svg')).to_have_count(3)
        for player in ('#recording', '#sound'):
            expect(page.locator(f'{player} #duration')).to_have_text(re.compile('0:09'))
        page.mouse.move(0, 0)
        page.evaluate('window.scrollTo(0, 0)')
        # Down to the end of the first picture; more of them would make the file heavy.
        box = page.locator('#pictures figure').first.bounding_box()
        height = box['y'] + box['height'] + _MARGIN
        clip = {'x': 0, 'y': 0, 'width': arguments.width, 'height': height}
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
