"""Coefficients of RODAS: a linearly implicit, L-stable method of order 4 with an embedded one of order 3.

For ``y' = f(y)``, J its Jacobian, a step h has the increments

    (1/(γh) − J) u_i = f(y + Σ_j a_ij u_j) + Σ_j (c_ij/h) u_j,

the last two of whose stages are the one before plus the last increment; the last increment is the estimated
error.  E. Hairer and G. Wanner, *Solving Ordinary Differential Equations II*, 2nd edition, section VI.4
(method RODAS, first set).
"""

GAMMA = 0.25
ORDER = 4
STAGES = (
    (),
    (1.544,),
    (0.9466785280815826, 0.2557011698983284),
    (3.314825187068521, 2.896124015972201, 0.9986419139977817),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
)
COUPLINGS = (
    (),
    (-5.6688,),
    (-2.430093356833875, -0.2063599157091915),
    (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
    (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
    (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054),
)
