"""The access matrix: what everybody gets of everything, written by hand, and how each cell of it is asked."""
