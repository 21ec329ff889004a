"""Smooth periodic functions of one phase θ, given at an odd number of equispaced nodes: Fourier series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.system import Array


def phases(count: int) -> Array:
    """``θ_j = 2πj/n``."""
    return 2 * np.pi * np.arange(count) / count


def _harmonics(count: int) -> NDArray[np.int64]:
    return np.asarray(np.fft.fftfreq(count, 1.0 / count).round().astype(np.int64))


def derivative(values: Array) -> Array:
    """d/dθ at the nodes; the nodes are the first axis."""
    spectrum = np.fft.fft(values, axis=0)
    factor = (1j * _harmonics(len(values))).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(np.fft.ifft(factor * spectrum, axis=0).real)


def differentiation_matrix(count: int) -> Array:
    """The same as a matrix, ``(n, n)``."""
    return derivative(np.eye(count))


def interpolate(values: Array, theta: Array) -> Array:
    """The trigonometric interpolant at N phases, ``(n, …), (N,) -> (N, …)``."""
    spectrum = np.fft.rfft(values.reshape(len(values), -1), axis=0) / len(values)
    spectrum[1:] *= 2.0
    waves = np.exp(1j * np.multiply.outer(theta, np.arange(len(spectrum))))
    return np.asarray((waves @ spectrum).real.reshape(len(theta), *values.shape[1:]))


def resolution(values: Array) -> float:
    """Size of the highest tenth of the harmonics relative to the largest: the truncation error."""
    spectrum = np.abs(np.fft.fft(values.reshape(len(values), -1), axis=0)).max(axis=1)
    high = np.abs(_harmonics(len(values))) > 0.45 * len(values)
    return float(spectrum[high].max() / max(spectrum.max(), 1e-300))
