"""All stages, in the order in which they are solved, printed and drawn."""

from __future__ import annotations

from cases.stages.base.stage import Stage
from cases.stages.exits.stage import Exits
from cases.stages.floor.stage import Floor
from cases.stages.law.stage import Law
from cases.stages.learning_rate.stage import LearningRate
from cases.stages.marginals.stage import Marginals
from cases.stages.mean_field.stage import MeanFieldStage
from cases.stages.momentum.stage import MomentumStage
from cases.stages.phase.stage import Phase
from cases.stages.section.stage import Section
from cases.stages.simulation.stage import Simulation
from cases.stages.stability.stage import Stability
from cases.stages.trajectories.stage import Trajectories
from cases.stages.transient.stage import Transient

STAGES: tuple[Stage, ...] = (
    Simulation(),
    Law(),
    LearningRate(),
    MomentumStage(),
    Marginals(),
    Section(),
    Exits(),
    Transient(),
    MeanFieldStage(),
    Stability(),
    Phase(),
    Trajectories(),
    Floor(),
)
