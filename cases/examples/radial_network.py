"""A trained PyTorch model as a landscape: loss and SGD noise on the plane through three sets of weights.

A radial unit with a linear term and a bias, f(z) = 2 exp(−2(z − c)²) + w z + b, fitted to the diabetes data
(body-mass index → progression) from two starts: three weights, two different minima.  The third point of the
plane is the best fit with c held midway.  Writes landscape.npz, which radial_network.toml reads.
"""

import torch
from sklearn.datasets import load_diabetes

from cases.landscapes.torch_landscape import tabulate_model, weights
from cases.landscapes.weight_plane import through

DECAY = 0.06


class Radial(torch.nn.Module):
    """The unit; c is a parameter like the others, but can be held."""

    def __init__(self, centre: float) -> None:
        super().__init__()
        self.c = torch.nn.Parameter(torch.tensor(centre))
        self.w = torch.nn.Parameter(torch.tensor(0.5))
        self.b = torch.nn.Parameter(torch.tensor(-1.0))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Predictions for a batch of inputs."""
        return 2 * torch.exp(-2 * (z - self.c) ** 2) + self.w * z + self.b


def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The losses of the samples, kept apart."""
    return 0.5 * (outputs - targets) ** 2


def standardised(values: torch.Tensor) -> torch.Tensor:
    """Mean 0 and variance 1."""
    return (values - values.mean()) / values.std(correction=0)


def trained(net: Radial, inputs: torch.Tensor, targets: torch.Tensor) -> Radial:
    """The network after training, in double precision."""
    net = net.double()
    free = [p for p in net.parameters() if p.requires_grad]
    search = torch.optim.LBFGS(free, max_iter=500, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure() -> float:
        search.zero_grad()
        value = loss(net(inputs), targets).mean()
        value = value + DECAY / 2 * sum((p**2).sum() for p in net.parameters())
        value.backward()
        return float(value)

    search.step(closure)
    return net


def main() -> None:
    """Train from two starts, and tabulate."""
    bunch = load_diabetes()
    inputs = standardised(torch.tensor(bunch.data[:, bunch.feature_names.index("bmi")]))
    targets = standardised(torch.tensor(bunch.target))
    first, second = (trained(Radial(c), inputs, targets) for c in (-1.0, 0.5))
    between = Radial(float(first.c + second.c) / 2)
    between.c.requires_grad = False
    third = trained(between, inputs, targets)
    flat = through(weights(first), weights(second), weights(third))
    for name, net in (("first minimum", first), ("second minimum", second), ("between", third)):
        print(
            f"{name}: weights {weights(net).round(4)}, coordinates {flat.coordinates(weights(net)).round(4)}"
        )
    bounds = [(-1.8, 4.6), (-1.6, 2.0)]
    tabulate_model(first, loss, inputs, targets, flat, bounds, 65, DECAY, path="landscape.npz")


if __name__ == "__main__":
    main()
