"""The page as a file, without a browser."""

import re
from html import unescape
from unittest import mock

import numpy as np
import pytest
from funnels import funnels

import lossatlas as la
from lossatlas.browser import show_tree
from lossatlas.browser.tree_page import POLICY
from lossatlas.errors import BadInputError


def test_a_page_loads_nothing_and_forbids_to():
    html = show_tree(funnels(30)).html
    assert f'content="{POLICY}"' in unescape(html)
    assert html.index("Content-Security-Policy") < html.index("<script")
    outside = re.sub(r"(?s)(<script\b[^>]*>).*?</script>", r"\1", html)
    tags = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", outside)
    assert len(tags) >= 3
    assert not [tag for tag in tags if re.search(r"\b(?:src|href)\s*=", tag)]


def test_a_notebook_shows_the_same_page_in_a_frame_of_its_own(tmp_path):
    page = la.show_tree(funnels(8))
    frame = page._repr_html_()
    (shown,) = re.findall(r'srcdoc="([^"]*)"', frame)
    assert unescape(shown) == page.html
    assert 'sandbox="allow-scripts allow-downloads"' in frame
    assert len(repr(page)) < 60
    assert page.save(tmp_path / "tree.html").read_text(encoding="utf-8") == page.html


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color": "beauty"}, "color beauty"),
        ({"color": "nothing"}, "no minimum has a value"),
        ({"levels": 1}, "less than two"),
        ({"levels": -3}, "less than two"),
        ({"top": 0.1}, "no minimum is left"),
    ],
)
def test_what_cannot_be_shown_is_refused(options, message):
    with pytest.raises(BadInputError, match=message):
        show_tree(funnels(8), **options)


def test_where_it_cannot_be_written_is_said(tmp_path):
    with pytest.raises(BadInputError, match="can be written"):
        show_tree(funnels(2)).save(tmp_path / "no" / "tree.html")


def test_what_is_no_atlas_is_refused():
    with pytest.raises(BadInputError, match="str is no atlas"):
        show_tree("d2.atlas")  # type: ignore[arg-type]
    nothing = np.zeros(0)
    with pytest.raises(BadInputError, match="no minima in it yet"):
        show_tree(la.Network.of_pairs(nothing, nothing, nothing, nothing))


def test_the_extra_is_named_where_bokeh_is_missing(run, tmp_path):
    with mock.patch("lossatlas.browser.needs.find_spec", return_value=None):
        with pytest.raises(BadInputError, match=r"pip install 'lossatlas\[browser\]'"):
            show_tree(funnels(2))
        result = run("tree", tmp_path / "no.atlas", "-o", tmp_path / "tree.html")
    assert result.exit_code == 2
    assert "lossatlas[browser]" in result.stderr
