"""What to do, in keys of the case file, about what the solver reports.

The solver knows no case files: its messages say what failed.  Each is recognised here by words of its own; a
test holds the table against all messages of the solver, and the keys against the schema.
"""

from __future__ import annotations

FINER = "raise mesh.resolution"
LEVEL = f"{FINER}, or leave out this level of compare.epsilon"
DIRECT = "leave solver.petsc out, which chooses a direct solver"
OFF_THE_EDGE = "change domain.bounds so that no zero of the drift lies on its edge"
DRIFT = "write system.drift or system.loss without poles in domain.bounds"
NOTHING = "nothing is to be done, no other result depends on it"

REMEDIES: tuple[tuple[str, str], ...] = (
    # the first whose words occur counts: what is nearer to the cause stands first
    # the search for attractors and passes
    (
        "the drift vanishes or is not finite on the boundary",
        OFF_THE_EDGE,
    ),
    ("the drift vanishes at an end of the interval", OFF_THE_EDGE),
    ("the drift turns too fast on the boundary", OFF_THE_EDGE),
    ("the degree of the drift on the boundary came out", OFF_THE_EDGE),
    ("fixed points of total degree", "shrink domain.bounds round the attractors that matter"),
    ("the drift jumps on the boundary", "change domain.bounds so that the jump does not end on it"),
    ("the drift jumps along the way down", "smooth system.loss or system.drift at the jump"),
    ("the search for fixed points", "shrink domain.bounds round the attractors that matter"),
    ("the drift or its Jacobian is not finite", DRIFT),
    (
        "there is no isolated attractor there",
        "make it isolated by a small L2 term in system.loss, or leave it out of domain.bounds",
    ),
    (
        "there is no isolated minimum there",
        "make it isolated by a small L2 term in system.loss, or leave it out of domain.bounds",
    ),
    (
        "the Jacobian of the drift is singular",
        "make the zero isolated by a small L2 term in system.loss, or leave it out of domain.bounds",
    ),
    ("is not a stable one", "change system.parameters: a zero of the drift is on the verge of stability"),
    ("is invariant", "shrink domain.bounds, or change system.parameters: the attractor hardly attracts"),
    ("the attractor lies on the edge of the box", "enlarge domain.bounds"),
    ("lies on the boundary", "enlarge domain.bounds"),
    ("no attracting point or limit cycle", "enlarge domain.bounds"),
    ("the way down from the saddle does not end", "smooth system.loss at its kinks"),
    ("the covariance round the limit cycle", "change noise.diffusion: noise must reach all of the cycle"),
    # V
    (
        "the drift jumps at the attractor",
        'smooth system.loss at the scale that matters, or set noise.diffusion = "identity"',
    ),
    ("no local expansion of V", "smooth system.loss or system.drift at the attractor"),
    ("is A positive definite?", "add noise.floor, or shrink domain.bounds"),
    ("the drift does not lead back to the attractor", "shrink domain.bounds, or change system.parameters"),
    ("by the number of modes", "smooth a kink of system.loss or system.drift on the way, if there is one"),
    ("no path to a pass converges", f"{FINER}, or smooth a kink of system.loss or system.drift on the way"),
    (
        "how high the edge of a well is",
        f"{FINER}, or give lower levels in compare.epsilon, from whose densities V is started",
    ),
    (
        "the densities end too far above the noise",
        f"{FINER}, or give lower levels in compare.epsilon, from whose densities V is started",
    ),
    ("V settles nowhere", FINER),
    ("there is no way to V", f"{FINER} or mesh.degree, or name the attractor in mesh.refine"),
    ("no cell lies in the sublevel set", f"{FINER}, or name the attractor in mesh.refine"),
    ("policy iteration for the quasi-potential diverged", f"{FINER}, or name the attractor in mesh.refine"),
    ("the jet scheme is for two and three dimensions", NOTHING),
    ("the jet scheme needs a mesh of a box", "give domain.bounds in place of domain.mesh"),
    ("the sweeps of the jet scheme do not settle", "shrink domain.bounds round the attractors that matter"),
    ("the steepest descent from the saddle", NOTHING),
    # the ε-continuation gives the densities then
    ("V of the jet scheme", NOTHING),
    ("the density is positive up to", NOTHING),
    ("when the gauge is refreshed at epsilon", NOTHING),
    # noise that acts in some directions only
    ("no noise drives paths over the saddle", "add noise.floor, or let noise.diffusion act there"),
    ("the path of least action to the saddle", "add noise.floor: barriers are extrapolated to none"),
    ("no path to begin with", "add noise.floor: barriers are extrapolated to none"),
    # densities and rates
    ("which knows of the walls of the box", "enlarge domain.bounds"),
    ("the density is not positive", LEVEL),
    ("a well has no positive mass", LEVEL),
    ("no positive current between the wells", LEVEL),
    ("the stationary density is not positive at any", f"{LEVEL}, or set mesh.deviations below 1"),
    ("the density lost positivity", f"{LEVEL}, or set mesh.deviations below 1"),
    ("the density cannot be normalised", "add a term to system.loss that grows outwards"),
    ("and there is no stationary density", "add noise.floor; or ask for the time to get there by [[exit]]"),
    ("the mean first passage time at epsilon", LEVEL),
    ("are below rounding", NOTHING),
    ("rounding turns the eigenvalue 0", NOTHING),
    ("SLEPc found", FINER),
    ("it is a law for escape from a point", NOTHING),
    ("it is a law for noise of the same strength", NOTHING),
    ("Kramers' law takes the determinants", NOTHING),
    ("a focal point", NOTHING),
    # exit from sets
    ("a direct solution is decided by rounding there", LEVEL),
    ("the density in the set", "raise exit.shells, or leave out this level of compare.epsilon"),
    ("the density that leaves the set", "raise exit.shells, or leave out this level of compare.epsilon"),
    # linear solvers
    ("the factorisation for the", "lower mesh.resolution or mesh.degree, or leave solver.petsc out"),
    ("the linear solve for the", DIRECT),
    # evolution
    ("use a direct linear solver", DIRECT),
    ("the stationary density is not reached", "give a higher level in compare.epsilon"),
    ("refine the mesh where it is steep", f"{FINER}, or widen transient.start or mean_field.start"),
    ("is still too long", f"{FINER}, or raise transient.tolerance"),
    ("the mass of the density at t", DIRECT),
    # laws beyond the diffusion
    ("the Lagrangian was not found", "shrink domain.bounds round the attractors that matter"),
    ("the momentum of the escape path", "shrink domain.bounds round the attractors that matter"),
    ("the integral of the momentum", "smooth system.loss or the rates at their kinks"),
    ("has an infinite action", 'set noise.law = "diffusion": no noise of this law pushes that way'),
    ("it still depends on the modes", "smooth system.loss or the rates at their kinks"),
    # phases on a circle
    ("the rate of turns at epsilon", "smooth system.drift, or leave out this level of compare.epsilon"),
    # mean-field equations
    ("Newton's method for the averages", "raise mean_field.temperature, or enlarge domain.bounds"),
    ("has not decayed at the walls of the box", "enlarge domain.bounds"),
    ("no stationary state was found", "enlarge domain.bounds, or raise mean_field.temperature"),
    ("the minimiser is not stable", "raise mean_field.temperature"),
    ("no stationary density within", f"{FINER}, or give mean_field.start nearer to it"),
    ("SLEPc finds no eigenvalue", FINER),
    ("the stationary density has the value", FINER),
    # simulation
    ("runs away", "lower trajectories.learning_rate or simulate.sgd_learning_rate"),
    ("took more than", "lower simulate.rare_paths, or raise simulate.dt"),
    ("no path arrived in any replica", "raise simulate.rare_paths, or simulate at higher simulate.epsilon"),
    ("the replicas scatter", "raise simulate.rare_paths and simulate.replicas"),
    ("the paths start in the target", "lower simulate.epsilon: the target is larger at higher noise"),
    ("reached the target between times", "raise simulate.max_time or simulate.epsilon, or set simulate.rare"),
)


def remedy(message: str) -> str | None:
    """What to do about a message of the solver, in keys of the case file; None for one that is not known."""
    return next((advice for words, advice in REMEDIES if words in message), None)


def with_remedy(message: str) -> str:
    """The message, and what to do about it."""
    advice = remedy(message)
    return message if advice is None or advice in message else f"{message}; {advice}"
