"""What the bands contributed: their importance over time, and the target's spectrum against its surroundings'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spectrack.evaluation.analysis import Analysis
from spectrack.plots import QUIET_COLOUR, TEXT_COLOUR, evenly_spread, new_panel, style_plot
from spectrack.signs import counted
from spectrack.spectra import spectral_angle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Evidence = Mapping[str, NDArray[Any]]

_MOST_TICKS = 8


def has_importance(evidence: Evidence) -> bool:
    """Whether a band-importance timeline can be drawn."""
    values = evidence.get("band_importance")
    return values is not None and values.ndim == 2 and values.shape[1] > 1 and bool(np.isfinite(values).any())


def has_spectra(evidence: Evidence) -> bool:
    """Whether spectra of target and background can be drawn."""
    target, background = evidence.get("target_spectrum"), evidence.get("background_spectrum")
    if target is None or background is None or target.shape != background.shape:
        return False
    if target.ndim != 2 or target.shape[1] < 2:
        return False
    return bool((np.isfinite(target) & np.isfinite(background)).all(axis=1).any())


def draw_importance(
    entrant: Analysis,
    label: str,
    evidence: Evidence,
    *,
    size_in: tuple[float, float] = (5.8, 2.35),
) -> Figure:
    """Importance of every band in every frame, as one tracker gave it.

    Args:
        entrant: the tracker.
        label: the sequence.
        evidence: with ``band_importance`` (N, bands) and, where known, ``wavelengths_nm`` (bands,).
        size_in: width and height of the plot in inches.
    """
    values = np.asarray(evidence["band_importance"], dtype=np.float64)
    figure, axes = new_panel(*size_in, note="", margins_in=(0.62, 0.6, 0.42, 0.5))
    names = _bands(evidence, values.shape[1])
    order = np.argsort(names)  # mosaics do not store their bands by wavelength
    image = axes.imshow(values.T[order], aspect="auto", origin="lower", cmap="cividis", interpolation="nearest")
    place = axes.get_position()
    bar = figure.colorbar(image, cax=figure.add_axes((place.x1 + 0.01, place.y0, 0.012, place.height)))
    bar.ax.tick_params(labelsize=8, color=QUIET_COLOUR, labelcolor=TEXT_COLOUR)
    bar.outline.set_visible(False)
    title, y_label = f"{label}   band importance by {entrant.name}", _band_axis(evidence, values.shape[1])
    style_plot(axes, title_size=10.5, title=title, x_label="frame", y_label=y_label)
    axes.grid(visible=False)
    chosen = evenly_spread(values.shape[1], _MOST_TICKS)
    axes.set_yticks(list(chosen), [f"{names[order[place]]:.0f}" for place in chosen])
    return figure


def draw_spectra(label: str, evidence: Evidence, *, size_in: tuple[float, float] = (5.8, 2.35)) -> Figure:
    """Mean spectra inside the box and in a ring around it, a thin line a frame and a thick one for their mean.

    The angle in the title is that between the two means: near 0 the target has the spectrum of its surroundings.

    Args:
        label: the sequence.
        evidence: with ``target_spectrum`` and ``background_spectrum`` (K, bands) and, where known, ``wavelengths_nm``.
        size_in: width and height of the plot in inches.
    """
    known = (evidence[name] for name in ("target_spectrum", "background_spectrum"))
    target, background = (np.asarray(spectra, dtype=np.float64) for spectra in known)
    usable = (np.isfinite(target) & np.isfinite(background)).all(axis=1)
    target, background = target[usable], background[usable]
    figure, axes = new_panel(*size_in, note="")
    bands = _bands(evidence, target.shape[1])
    order = np.argsort(bands)
    mean_of = f"mean of {counted(len(target), 'frame')}"
    drawn = (
        (f"target, {mean_of}", target, TEXT_COLOUR, "-"),
        (f"surroundings, {mean_of}", background, QUIET_COLOUR, "--"),
    )
    for name, spectra, colour, style in drawn:
        axes.plot(bands[order], spectra[:, order].T, color=colour, linewidth=0.8, alpha=0.35, zorder=2)
        look: Any = {"color": colour, "linestyle": style, "linewidth": 2.2, "marker": "o", "markersize": 3}
        axes.plot(bands[order], spectra.mean(axis=0)[order], label=name, **look)
    angle = float(np.degrees(spectral_angle(target.mean(axis=0), background.mean(axis=0))))
    title = f"{label}   spectra, an angle of {angle:.1f}° between target and surroundings"
    x_label = _band_axis(evidence, target.shape[1])
    style_plot(axes, title_size=10.5, title=title, x_label=x_label, y_label="mean raw counts")
    axes.set_ylim(bottom=0)
    axes.legend(loc="best", fontsize=8.5, frameon=False, labelcolor=TEXT_COLOUR)
    return figure


def _wavelengths(evidence: Evidence, count: int) -> NDArray[np.float64] | None:
    known = evidence.get("wavelengths_nm")
    fits = known is not None and known.shape == (count,) and np.isfinite(known).all()
    return np.asarray(known, dtype=np.float64) if fits else None


def _bands(evidence: Evidence, count: int) -> NDArray[np.float64]:
    known = _wavelengths(evidence, count)
    return np.arange(count, dtype=np.float64) if known is None else known


def _band_axis(evidence: Evidence, count: int) -> str:
    return "band (from 0)" if _wavelengths(evidence, count) is None else "wavelength (nm)"
