"""Figures as files: PNG, SVG, PDF that come out the same twice, whole or not at all, with names as they are spelled."""

from __future__ import annotations

import functools
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectrack.errors import ConfigError
from spectrack.files import write_atomically
from spectrack.signs import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.ticker import Formatter

_log = logging.getLogger(__name__)

_SUFFIXES = (".png", ".svg", ".pdf")

_LAST_LATIN = 0x2E7F
"""Above are the scripts that matplotlib's own font lacks."""

_OTHER_SCRIPTS = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei"),
    *("Microsoft YaHei", "PingFang SC", "SimHei", "Arial Unicode MS"),
)


def save_figure(figure: Figure, path: str | os.PathLike[str], *, dpi: int = 150) -> Path:
    """Write a figure whole or not at all; the suffix chooses the format.

    Args:
        figure: what to write.
        path: ``.png``, ``.svg`` or ``.pdf``.
        dpi: resolution of PNG files.

    Returns:
        The path.

    Raises:
        ConfigError: another suffix.
    """
    import matplotlib

    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in _SUFFIXES:
        raise ConfigError(f"expected a figure file ending in {', '.join(_SUFFIXES)}, found {target.name!r}; rename it")
    # Dates, software versions and random identifiers would make two runs differ.
    metadata: dict[str, Any] = {".png": {"Software": None}, ".svg": {"Date": None, "Creator": None}}.get(
        suffix, {"CreationDate": None, "Creator": None, "Producer": None}
    )
    with (
        matplotlib.rc_context({"svg.hashsalt": "spectrack", "svg.fonttype": "none", "pdf.fonttype": 42}),
        write_atomically(target) as temporary,
        _text_as_it_is(figure),
    ):
        figure.savefig(temporary, dpi=dpi, metadata=metadata)
        if suffix == ".svg":
            text = temporary.read_text(encoding="utf-8", errors="surrogatepass")
            temporary.write_text(visible(text), encoding="utf-8", newline="\n")  # XML has no control characters
    return target


def save_pages(path: str | os.PathLike[str]) -> AbstractContextManager[Callable[[Figure], None]]:
    """A PDF of several figures, a page each; give them to the function that the block gets.

    Many small figures in one file share its fonts, which most of a small figure's PDF consists of.

    Args:
        path: ``.pdf``; it is there when the block ends well.
    """
    return _pages(Path(path))


@contextmanager
def _pages(target: Path) -> Iterator[Callable[[Figure], None]]:
    import matplotlib
    from matplotlib.backends.backend_pdf import PdfPages

    with (
        matplotlib.rc_context({"pdf.fonttype": 42}),
        write_atomically(target) as temporary,
        PdfPages(temporary, metadata={"CreationDate": None, "Creator": None, "Producer": None}) as pages,
    ):

        def save(figure: Figure) -> None:
            with _text_as_it_is(figure):
                pages.savefig(figure)

        yield save


@contextmanager
def _text_as_it_is(figure: Figure) -> Iterator[None]:
    """Draw names as they are spelled: no dollar begins a formula, other scripts take a font that has them.

    What no font at hand has is drawn as a box, and said once instead of once a letter.
    """
    import matplotlib
    from matplotlib.text import Text

    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        _show_ticks(axis.get_major_formatter())
    scripts = _fonts_of_other_scripts()
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_text(visible(text.get_text()))
        if scripts and any(ord(sign) > _LAST_LATIN for sign in text.get_text()):
            text.set_fontfamily([*text.get_fontfamily(), *scripts])
    with matplotlib.rc_context({"text.parse_math": False}), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        if "Glyph" in str(warning.message):
            _tell_of_boxes()
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _show_ticks(formatter: Formatter) -> None:
    """Let names at ticks, which are only written when a figure is drawn, have no control characters."""
    from matplotlib.ticker import FixedFormatter, FuncFormatter

    if isinstance(formatter, FixedFormatter):
        formatter.seq = [visible(str(word)) for word in formatter.seq]
    elif isinstance(formatter, FuncFormatter):  # what `set_xticks` makes of names
        spell = formatter.func

        def shown(value: float, position: int | None = None) -> str:
            return visible(str(spell(value, position)))

        formatter.func = shown


@functools.cache
def _fonts_of_other_scripts() -> tuple[str, ...]:
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return tuple(name for name in _OTHER_SCRIPTS if name in installed)


@functools.cache
def _tell_of_boxes() -> None:
    _log.warning("some names have letters that no font here has; pictures show a box in their place, SVG files do not")
