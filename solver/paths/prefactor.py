"""The asymptotic escape time: Bouchet–Reygner, which contains Eyring–Kramers.

    E τ ~ (2π/λ₊) √( |det ∇²V(x*)| / det ∇²V(x̄) ) exp( ∫ F dt ) exp( ΔV/ε ),
    F = ∇·ℓ + ½ (∇·A)·∇V = tr ∇b + (∇·A)·p + ½ tr(A P),       ℓ = b + ½A∇V,  p = ∇V,  P = ∇²V,

with the integral along the instanton (Bouchet and Reygner, Ann. Henri Poincaré 17 (2016), eq. 1.10, here for
state-dependent A in Itô form).  P obeys the Riccati equation along the instanton

    Ṗ = −( 𝓗_xx + KᵀP + P K + P A P ),   𝓗 = b·p + ½ pᵀAp,   K_ij = ∂_j (b + Ap)_i,

whose components along the path are unstable near the saddle; they are fixed by ``P ẋ = ṗ = −𝓗_x``.
For A = I and b = −∇U, F = 0 and this is the Eyring–Kramers law.  Where several instantons of equal cost lead
over the saddle, their rates add up.  Nothing of this asks for an A of full rank (without it, mirror images
of a path are not looked for).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.integrate

from solver.drift.fixed_points import FixedPoint
from solver.drift.lyapunov import hessian
from solver.errors import NotConverged
from solver.hamilton_jacobi.expansion import Expansion
from solver.paths.action import hamiltonian_curvature, hamiltonian_slope, inverse_tensor, tensor_derivative
from solver.paths.driven import DrivenInstanton, flow, sampled
from solver.paths.equivalent_paths import equivalent_paths
from solver.paths.instanton import Instanton
from solver.system import Array, System

# Part of the parameter left out before the saddle: the prefactor is off by its square over two.
NEAR_SADDLE = 4e-3
# steps of the integrator a radian of the fastest rotation
STEPS_A_RADIAN = 25.0


@dataclass(frozen=True)
class Asymptotics:
    """``log E τ ≈ log_prefactor + barrier/ε`` for escape over one saddle.

    Attributes:
        barrier: ΔV.
        log_prefactor: Logarithm of everything before exp(ΔV/ε).
        path_integral: ``∫ F dt``.
        paths: How many equivalent instantons there are (:mod:`solver.paths.equivalent_paths`); the prefactor
            is that of their sum.
    """

    barrier: float
    log_prefactor: float
    path_integral: float
    paths: int = 1

    def log_mfpt(self, epsilon: float) -> float:
        """Logarithm of the mean escape time over this saddle at noise level ε."""
        return self.log_prefactor + self.barrier / epsilon


def kramers(system: System, attractor: Array, saddle: Array, instanton: Instanton) -> Asymptotics:
    """Bouchet–Reygner estimate for escape from an attractor over a saddle.

    Args:
        system: The system.
        attractor: x̄, ``(d,)``.
        saddle: x*, ``(d,)``, with one unstable direction.
        instanton: The path from x̄ to x*.

    Raises:
        ValueError: For escape from a limit cycle, to which the formula does not apply.
        NotConverged: For a path with a focal point: the Riccati equation has no solution up to the saddle.
    """
    jacobian = system.jacobian(saddle[:, None])[..., 0]
    growth = float(np.max(np.linalg.eigvals(jacobian).real))
    x0 = attractor[:, None]
    start = hessian(system.jacobian(x0)[..., 0], system.diffusion(x0)[..., 0])
    if not isinstance(instanton.expansion, Expansion):
        raise ValueError("the asymptotic formula is one for escape from a point")
    integral, end = _along_path(system, instanton, instanton.expansion)
    ratio = np.linalg.slogdet(end)[1] - np.linalg.slogdet(start)[1]
    driven = isinstance(instanton, DrivenInstanton)
    paths = 1 if driven else equivalent_paths(system, instanton.expansion, instanton)
    prefactor = np.log(2 * np.pi / growth) + 0.5 * ratio + integral - np.log(paths)
    return Asymptotics(instanton.action, float(prefactor), float(integral), paths)


def kramers_of_gradient(attractor: FixedPoint, saddle: FixedPoint, barrier: float) -> Asymptotics:
    """Eyring and Kramers' law for ``b = −∇U`` and ``A = a I``: ℓ = 0, and with it the path integral.

    The Hessians of ``V = 2U/a`` are in the ratio of the Jacobians of b.

    Raises:
        NotConverged: Where the loss has no regular Hessian: another power of ε, or none, takes its place.
    """
    for point, what in ((attractor, "attractor"), (saddle, "saddle")):
        if not point.regular:
            at = ", ".join(f"{value:.4g}" for value in point.point)
            raise NotConverged(
                f"the loss has a kink or a singular Hessian at the {what} ({at}): Kramers' law takes the "
                "determinants of regular ones"
            )
    growth = float(np.max(saddle.eigenvalues.real))
    ratio = np.linalg.slogdet(saddle.jacobian)[1] - np.linalg.slogdet(attractor.jacobian)[1]
    return Asymptotics(barrier, float(np.log(2 * np.pi / growth) + 0.5 * ratio), 0.0)


def _inside(system: System, expansion: Expansion, start: Array) -> float:
    """∫ F dt inside the ball of the local expansion, backwards along ``−(b + A∇V_loc)``."""
    extent = 1.0 / float(np.linalg.norm(expansion.inverse_scale, 2))
    # the unit of time: the first step of the integrator depends on it
    rate = expansion.rate

    def velocity(_: float, state: Array) -> Array:
        x = state[:-1, None]
        gradient = expansion.gradient(x)
        u = system.drift(x)[:, 0] + system.diffusion(x)[..., 0] @ gradient[:, 0]
        tensor = expansion_hessian(expansion, x, 1e-3 * extent)
        return np.append(-u, _integrand(system, x, gradient, tensor[..., None])[0]) / rate

    # the integral is a number of order one
    precision = np.append(np.full(len(start), extent), 1.0)
    solution = scipy.integrate.solve_ivp(
        velocity, (0.0, 12.0), np.append(start, 0.0), rtol=1e-7, atol=1e-10 * precision
    )
    return float(solution.y[-1, -1])


def expansion_hessian(expansion: Expansion, x: Array, step: float) -> Array:
    """∇²V_loc at one point ``(d, 1)`` by fourth-order differences of its gradient, ``(d, d)``."""
    dim = len(x)
    shifts = step * np.kron(np.eye(dim), [-2.0, -1.0, 1.0, 2.0])
    # all points in one call: it is made at every step of an integrator
    g = expansion.gradient(x + shifts).reshape(dim, dim, 4)
    tensor = (g[..., 0] - 8 * g[..., 1] + 8 * g[..., 2] - g[..., 3]).T / (12 * step)
    return np.asarray(0.5 * (tensor + tensor.T))


def _integrand(system: System, x: Array, p: Array, tensor: Array) -> Array:
    """F at points ``(d, N)`` with momenta ``(d, N)`` and Hessians ``(d, d, N)``."""
    return np.asarray(
        np.einsum("iin->n", system.jacobian(x))
        + np.einsum("in,in->n", system.divergence(x), p)
        + 0.5 * np.einsum("ijn,jin->n", system.diffusion(x), tensor)
    )


@dataclass(frozen=True)
class Track:
    """An instanton at equal steps of time.

    Attributes:
        step: Of time, half of one of the integrator.
        points, velocities, momenta: φ, φ̇ and p, ``(d, 2·steps + 1)`` each.
    """

    step: float
    points: Array
    velocities: Array
    momenta: Array


def evenly(system: System, instanton: Instanton, steps: int = 1500) -> Track:
    """A path of the geometric action in time, up to just before the saddle."""
    path = instanton.path
    times, s = _clock(system, instanton)
    grid = np.linspace(0.0, times[-1], 2 * steps + 1)
    nodes = np.interp(grid, times, s)
    x, velocity = path(nodes), path.velocity(nodes)
    drift = system.drift(x)
    inverse = inverse_tensor(system.diffusion(x))
    speed = np.sqrt(
        np.einsum("in,ijn,jn->n", drift, inverse, drift)
        / np.einsum("in,ijn,jn->n", velocity, inverse, velocity)
    )
    along = velocity * speed
    return Track(grid[1], x, along, np.einsum("ijn,jn->in", inverse, along - drift))


def _timed(system: System, driven: DrivenInstanton) -> Track:
    """A path of Hamilton's equations at equal steps, enough of them for its turns."""
    end = float(driven.trajectory.times[-1])
    fastest = float(np.abs(np.linalg.eigvals(system.jacobian(driven.points[:1].T)[..., 0])).max())
    steps = max(1500, int(np.ceil(STEPS_A_RADIAN * fastest * end)))
    grid = np.linspace(0.0, end, 2 * steps + 1)
    x, p = sampled(system, driven.trajectory, grid)
    length = float(np.linalg.norm(driven.points[-1] - driven.points[0]))
    return Track(grid[1], x, flow(system, x, p, 1e-4 * length)[0], p)


def _along_path(system: System, instanton: Instanton, expansion: Expansion) -> tuple[float, Array]:
    """∫ F dt up to near the saddle, and P there.

    Inside the ball by the local expansion; from there by RK4 in time to just before the
    saddle.  Taking the determinant of P there, rather than at the saddle, makes the product right also
    when eigenvalues of the saddle add up to zero and P has no limit.
    """
    track = _timed(system, instanton) if isinstance(instanton, DrivenInstanton) else evenly(system, instanton)
    start = track.points[:, 0]
    extent = float(np.linalg.norm(track.points[:, -1] - start))
    ball = 1.0 / float(np.linalg.norm(expansion.inverse_scale, 2))
    begin = expansion_hessian(expansion, start[:, None], 1e-3 * ball)
    tensors = _riccati(system, track, begin, extent)
    values = _integrand(system, track.points, track.momenta, np.stack(tensors, axis=-1))
    outer = track.step / 3.0 * float(np.sum(values[:-2:2] + 4.0 * values[1:-1:2] + values[2::2]))
    return _inside(system, expansion, start) + outer, tensors[-1]


def _riccati(system: System, track: Track, begin: Array, extent: float) -> list[Array]:
    """P at the points of a track.

    Raises:
        NotConverged: At a focal point.
    """
    x, p, along = track.points, track.momenta, track.velocities
    diffusion = system.diffusion(x)
    slope = tensor_derivative(system, x, 1e-4 * extent)
    K = system.jacobian(x) + np.einsum("ijkn,jn->ikn", slope, p)
    force = -hamiltonian_slope(system, x, p, 1e-4 * extent)
    curvature = hamiltonian_curvature(system, x, p, 1e-3 * extent)
    dt = 2.0 * track.step

    def rate(n: int, tensor: Array) -> Array:
        # beyond a focal point the steps overflow, and that is how it is seen
        with np.errstate(over="ignore", invalid="ignore"):
            product = K[:, :, n].T @ tensor
            return -(curvature[:, :, n] + product + product.T + tensor @ diffusion[:, :, n] @ tensor)

    P = begin
    tensors = [P]
    for n in range(0, x.shape[1] - 1, 2):
        k1 = rate(n, P)
        k2 = rate(n + 1, P + 0.5 * dt * k1)
        middle = P + 0.5 * dt * k2
        k3 = rate(n + 1, middle)
        k4 = rate(n + 2, P + dt * k3)
        P = P + dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
        if not np.isfinite(P).all():
            raise NotConverged(
                "the curvature of V along the escape path diverges before the saddle: neighbouring paths "
                "cross there (a focal point), this one is not the cheapest, and there is no law for it"
            )
        P = _with_product(P, along[:, n + 2], force[:, n + 2])
        tensors += [_with_product(middle, along[:, n + 1], force[:, n + 1]), P]
    return tensors


def _clock(system: System, instanton: Instanton) -> tuple[Array, Array]:
    """Physical time ``t(s) = ∫ |φ'|/|b| ds`` on a grid that is dense towards the saddle."""
    s = 1.0 - 2.0 * np.exp(np.linspace(0.0, np.log(NEAR_SADDLE), 4000))
    middle = 0.5 * (s[1:] + s[:-1])
    x, velocity = instanton.path(middle), instanton.path.velocity(middle)
    inverse = inverse_tensor(system.diffusion(x))
    drift = system.drift(x)
    lengths = [np.einsum("in,ijn,jn->n", v, inverse, v) for v in (velocity, drift)]
    ratio = np.sqrt(lengths[0] / lengths[1])
    return np.concatenate([[0.0], np.cumsum(ratio * np.diff(s))]), s


def _with_product(tensor: Array, v: Array, product: Array) -> Array:
    """The symmetric tensor nearest to the given one that maps v to ``product``."""
    error, square = product - tensor @ v, float(v @ v)
    return np.asarray(
        tensor + (np.outer(error, v) + np.outer(v, error)) / square - np.outer(v, v) * (error @ v) / square**2
    )
