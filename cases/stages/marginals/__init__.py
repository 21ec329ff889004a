"""The stationary density of functions of the coordinates, beside closed forms."""
