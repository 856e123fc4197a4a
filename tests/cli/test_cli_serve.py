"""The installed command: what it serves, to whom, and how it ends."""

from __future__ import annotations

import signal
import socket
import urllib.error
import urllib.request
import uuid
import warnings

import pytest
import tiny_model
from served_page import serve

from ddsp.cli import main
from ddsp.cli import serve as command
from ddsp.training import serve as room
from ddsp.training.serve import server

with warnings.catch_warnings():
    # Packages that Gradio is made of deprecate each other.
    warnings.simplefilter('ignore')
    pytest.importorskip('gradio', reason="needs pip install 'ddsp[web]'")


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    directory = tmp_path_factory.mktemp('models') / 'tiny'
    tiny_model.write_tiny_model(directory)
    return directory


@pytest.fixture(scope='module')
def temporary(tmp_path_factory):
    return tmp_path_factory.mktemp('temporary')


@pytest.fixture(scope='module')
def served(tiny, temporary):
    with serve(temporary, '--instrument', tiny, '--max_mb', 1) as served:
        yield served


def fetch(url: str, **arguments) -> tuple[int, str]:
    """Status and text of an answer."""
    request = urllib.request.Request(url, **arguments)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def upload(url: str, content: bytes) -> tuple[int, str]:
    """Uploads a file, as a browser does, or somebody without one."""
    boundary = uuid.uuid4().hex
    head = 'Content-Disposition: form-data; name="files"; filename="a.wav"'
    body = f'--{boundary}\r\n{head}\r\n\r\n'.encode() + content
    return fetch(
        f'{url}/gradio_api/upload',
        data=body + f'\r\n--{boundary}--\r\n'.encode(),
        headers={'Content-Type': f'multipart/form-data; boundary={boundary}'},
        method='POST',
    )


def test_it_says_where_it_is(served):
    assert served.url.startswith('http://127.0.0.1:')
    assert 'Ctrl-C ends it' in served.said
    status, text = fetch(served.url)
    assert status == 200
    assert 'Sing, and hear it played' in text
    assert 'fonts.googleapis.com' not in text
    assert '<script src="http' not in text


def test_it_listens_on_this_machine_alone(served):
    port = int(served.url.rpartition(':')[2])
    # All of 127.0.0.0/8 is this machine, on Linux; only one address of it answers.
    with pytest.raises(OSError), socket.create_connection(('127.0.0.2', port)):
        pass


def test_size_is_limited_by_the_server(served):
    status, text = upload(served.url, bytes(2**20 + 1))
    assert status == 413
    assert 'exceeded maximum allowed size of 1048576 bytes' in text
    status, _ = upload(served.url, bytes(2**20))
    assert status == 200


@pytest.mark.parametrize('path', ['pyproject.toml', '/etc/passwd', '../etc/passwd'])
def test_other_files_are_nobodys_business(served, path):
    status, _ = fetch(f'{served.url}/gradio_api/file={path}')
    assert status in (403, 404)


def test_ctrl_c_ends_it_and_nothing_is_left(served, temporary):
    # Something is there before.
    (folder,) = temporary.glob('ddsp-serve-*')
    assert list(folder.iterdir())
    assert served.end(signal.SIGINT) == 0
    assert list(temporary.glob('ddsp-serve-*')) == []
    for noise in ('Traceback', 'Warning', 'WARNING', 'ERROR', 'oneDNN', 'cuda'):
        assert noise not in served.errors


def test_the_status_after_sigterm(monkeypatch):
    monkeypatch.setattr(room, 'serve_page', lambda *a, **k: signal.SIGTERM)
    assert main.main(['serve']) == 143


@pytest.mark.parametrize('number, status', [(signal.SIGTERM, 143), (signal.SIGINT, 0)])
def test_a_signal_before_the_page_is_there(monkeypatch, capsys, number, status):
    def interrupted(instruments):
        signal.raise_signal(number)
        raise AssertionError('the signal did nothing')

    monkeypatch.setattr(server, 'find_choices', interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main.main(['serve', '--no_open']) == status
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == ''


def test_options_reach_the_page(monkeypatch):
    asked = {}

    def serve_page(instruments, **options):
        asked.update(options, instruments=instruments)
        return signal.SIGINT

    monkeypatch.setattr(room, 'serve_page', serve_page)
    assert main.main(['serve']) == 0
    assert asked['instruments'] == []
    assert asked['host'] == '127.0.0.1'
    assert asked['port'] is None
    assert asked['open_browser'] is True
    assert asked['limits'] == room.Limits()
    words = ['--instrument', 'a', '--instrument', 'b', '--host', '0.0.0.0']
    words += ['--port', '80', '--no_open', '--max_mb', '5', '--max_minutes', '2.5']
    assert main.main(['serve', *words]) == 0
    assert asked['instruments'] == ['a', 'b']
    assert (asked['host'], asked['port']) == ('0.0.0.0', 80)
    assert asked['open_browser'] is False
    assert asked['limits'] == room.Limits(max_mb=5, max_minutes=2.5)


def says(capsys, *arguments) -> str:
    """What the command says on stderr when it fails, in one line."""
    assert main.main(['serve', '--no_open', *map(str, arguments)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('ddsp serve: error: ')
    return line


def test_what_is_wrong_is_said_before_the_page_opens(capsys, tmp_path):
    assert 'max_mb is 0' in says(capsys, '--max_mb', 0)
    assert 'max_minutes is -1' in says(capsys, '--max_minutes', -1)
    assert "no instrument 'tuba'" in says(capsys, '--instrument', 'tuba')
    assert 'holds no model' in says(capsys, '--instrument', tmp_path)
    assert 'cannot listen on port 99999' in says(capsys, '--port', 99999)
    assert 'no.such.host' in says(capsys, '--host', 'no.such.host.invalid')


def test_a_port_that_is_taken(capsys):
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
        line = says(capsys, '--port', port)
    assert f'cannot listen on port {port} of 127.0.0.1' in line
    assert '--port (0 takes any that is free)' in line


def test_the_next_free_port_is_taken(monkeypatch):
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(server, '_FIRST_PORT', port)
        assert port < server.free_port('127.0.0.1', None) < port + 100


@pytest.mark.parametrize(
    'host, lines, url',
    [
        ('127.0.0.1', 1, 'http://127.0.0.1:80'),
        ('localhost', 1, 'http://localhost:80'),
        ('::1', 1, 'http://[::1]:80'),
        ('0.0.0.0', 2, 'http://localhost:80'),
        ('192.168.1.2', 2, 'http://192.168.1.2:80'),
    ],
)
def test_the_greeting_warns_of_the_network(host, lines, url):
    said = server.greeting(host, 80)
    assert url in said[0]
    assert len(said) == lines
    if lines == 2:
        assert 'everyone who reaches this machine' in said[1]


def test_help(capsys):
    with pytest.raises(SystemExit):
        main.main(['serve', '--help'])
    text = capsys.readouterr().out
    for option in ('--instrument', '--host', '--port', '--no_open', '--max_minutes'):
        assert option in text
    assert command.ABORTED
