"""The files of the page, and the server that shows them."""

from __future__ import annotations

import re
import threading
import urllib.error
import urllib.request

import pytest

from ddsp.training import web


@pytest.fixture
def folder(tmp_path):
    web.write_page(tmp_path, {'title': 'Oud & <Flute>'})
    return tmp_path


def test_all_that_the_page_asks_for_is_there(folder):
    page = (folder / 'index.html').read_text('utf-8')
    texts = [page] + [path.read_text('utf-8') for path in folder.glob('*.js')]
    named = re.compile(
        r"""(?:src=|href=|from |Worker\(|addModule\()["']\.?/?([\w./-]+)"""
    )
    asked = {name for text in texts for name in named.findall(text)} - {'data'}
    assert {'app.js', 'style.css', 'worker.js', 'worklet.js'} < asked
    assert [name for name in asked if not (folder / name).is_file()] == []


def test_nothing_is_of_the_network(folder):
    for path in [*folder.glob('*.js'), *folder.glob('*.html'), *folder.glob('*.css')]:
        addresses = set(re.findall(r'https?://[\w.:/-]+', path.read_text('utf-8')))
        assert addresses <= {'http://localhost:8000'}, path.name


def test_titles_are_text(folder):
    page = (folder / 'index.html').read_text('utf-8')
    assert '<title>Oud &amp; &lt;Flute&gt;, played by your voice</title>' in page
    assert 'an oud &amp; &lt;flute&gt;' in page
    assert '$' not in page


def test_the_runtime_is_whole(folder):
    program = (folder / 'vendor' / 'ort-wasm-simd-threaded.wasm').read_bytes()
    assert program[:8] == b'\0asm\1\0\0\0'
    assert len(program) == 14239897
    assert 'MIT License' in (folder / 'vendor' / 'LICENSE').read_text('utf-8')


def test_the_server_knows_types_and_what_is_not_there(folder):
    with web.serve_folder(folder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f'http://127.0.0.1:{server.server_address[1]}/'
        types = {}
        for name in ('', 'app.js', 'vendor/ort-wasm-simd-threaded.wasm'):
            with urllib.request.urlopen(url + name) as answer:
                types[name] = answer.headers['Content-Type']
        with pytest.raises(urllib.error.HTTPError) as missing:
            urllib.request.urlopen(url + '../secret')
        missing.value.close()
        server.shutdown()
        thread.join()
    assert list(types.values()) == ['text/html', 'text/javascript', 'application/wasm']
    assert missing.value.code == 404


def test_a_folder_without_a_page_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no index\.html'):
        web.serve_folder(tmp_path)
