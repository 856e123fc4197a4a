from __future__ import annotations

import re

import pytest
from page_elements import Elements

from ddsp.training import output_paths
from ddsp.training.reports import page
from ddsp.training.reports.chapters import add_chapter, check_page

PICTURE = (
    '<h2>Seen</h2><div class="card"><h3>Small</h3></div>'
    '<svg id="a"><path clip-path="url(#a)"></path><use xlink:href="#a"></use></svg>'
)


@pytest.fixture
def path(tmp_path):
    page.write_page(tmp_path / 'page.html', 'Page & all', 'Lead.', [], [PICTURE])
    return tmp_path / 'page.html'


def add(path, name='one.wav', title='One', notes=()):
    add_chapter(path, path.parent / name, title, f'{title}, led.', notes, [PICTURE])
    return path.read_text('utf-8')


def headings(text: str) -> list[tuple[str, str]]:
    return re.findall(r'<(h\d)[^>]*>(.*?)</h\d>', text)


def test_a_chapter_stands_below_what_was_there(path):
    before = path.read_text('utf-8')
    text = add(path, title='<One>', notes=['Look & see.'])
    assert headings(text) == [
        *headings(before),
        ('h2', '&lt;One&gt;'),
        ('h3', 'Seen'),
        ('h4', 'Small'),
    ]
    assert '<p class="note">Look &amp; see.</p>' in text
    assert text.index('Look &amp; see') < text.index('<footer>')


def test_pictures_keep_to_themselves(path):
    add(path)
    found = Elements(add(path, 'two.wav', 'Two')).found
    ids = [a['id'] for _, a in found if 'id' in a]
    assert len(ids) == len(set(ids)) == 5
    for name, pattern in [('clip-path', r'url\(#(.*)\)'), ('xlink:href', '#(.*)')]:
        used = [re.fullmatch(pattern, a[name])[1] for _, a in found if name in a]
        assert len(set(used)) == 3
        assert set(used) <= set(ids)


def test_the_contents_lead_to_each_chapter(path):
    assert '<nav' not in path.read_text('utf-8')
    add(path)
    found = Elements(add(path, 'two.wav', 'Two')).found
    links = [a['href'] for tag, a in found if tag == 'a']
    chapters = [a['id'] for tag, a in found if tag == 'h2' and 'id' in a]
    assert links == [f'#{name}' for name in chapters]
    assert len(links) == 2


def test_a_chapter_about_the_same_file_takes_the_place_of_the_first(path):
    add(path)
    two = add(path, 'two.wav', 'Two')
    assert add(path) == two
    text = add(path, title='Anew')
    titles = [title for tag, title in headings(text) if tag == 'h2'][1:]
    assert titles == ['Anew', 'Two']
    assert 'One' not in text


def test_page_and_file_can_be_moved_together(path, tmp_path, monkeypatch):
    text = add(path)
    (tmp_path / 'there').mkdir()
    moved = path.rename(tmp_path / 'there' / 'page.html')
    assert add(moved) == text
    # Wherever it is called from.
    monkeypatch.chdir(moved.parent)
    add_chapter(
        moved.relative_to(moved.parent),
        moved.with_name('one.wav').relative_to(moved.parent),
        'One',
        'One, led.',
        [],
        [PICTURE],
    )
    assert moved.read_text('utf-8') == text


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'RIFF\xff\xfe\x00',
        b'<!doctype html><p>Other</p>',
        page.GENERATOR.encode() + b'<p>Cut off',
    ],
)
def test_other_files_are_refused(content, tmp_path):
    path = tmp_path / 'other.html'
    path.write_bytes(content)
    for use in (check_page, add):
        with pytest.raises(ValueError, match=r'other\.html is not a report that ddsp'):
            use(path)
    assert path.read_bytes() == content


def test_a_page_of_ours_is_not_refused(path):
    check_page(path)
    add(path)
    check_page(path)


def test_no_page(tmp_path):
    with pytest.raises(FileNotFoundError):
        check_page(tmp_path / 'page.html')


def test_a_page_is_complete_or_stays_as_it_was(path, monkeypatch):
    before = path.read_text('utf-8')

    def fail(*args):
        raise OSError('disk full')

    monkeypatch.setattr(output_paths.os, 'replace', fail)
    with pytest.raises(OSError, match='disk full'):
        add(path)
    assert path.read_text('utf-8') == before
    assert [p.name for p in path.parent.iterdir()] == ['page.html']


def test_a_name_that_is_no_unicode(path):
    assert 'caf?.wav' in add(path, title='caf\udce9.wav')
