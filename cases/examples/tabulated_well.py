"""Write a table that a case can read, loss and noise covariance on a grid; see tabulated_well.toml."""

import numpy as np


def main() -> None:
    """The loss (x² − 1)²/4 + y²/2 and a covariance that favours one of its minima."""
    x, y = np.linspace(-2.1, 2.1, 65), np.linspace(-1.6, 1.6, 49)
    xs, ys = np.meshgrid(x, y, indexing="ij")  # first index x, second index y
    covariance = np.zeros((*xs.shape, 2, 2))
    covariance[..., 0, 0] = 1 + 0.5 * np.tanh(2 * xs)
    covariance[..., 1, 1] = 1 - 0.5 * np.tanh(2 * xs)
    loss = (xs**2 - 1) ** 2 / 4 + ys**2 / 2
    np.savez("well.npz", axis_0=x, axis_1=y, loss=loss, covariance=covariance, coordinates=["x", "y"])


if __name__ == "__main__":
    main()
