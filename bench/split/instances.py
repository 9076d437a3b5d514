"""What is split: MDGPLIB-style instances, tables of independent normal columns, and the tables of the repository.

MDGPLIB (Gallego, Laguna, Martí, Duarte 2013) has three types: Geo (Euclidean distances of points with 2 to 21 coordinates
from 0 to 10), RanReal (distances uniform in 0 to 100) and RanInt (whole ones). Its own files are not used: these are made
in its manner from a seed, the same bytes anywhere.
"""

import csv
import math
import os

GROUPS = {60: 6, 120: 10, 240: 12, 480: 20, 960: 24}  # as in MDGPLIB


class Numbers:
    """splitmix64."""

    def __init__(self, seed):
        self.state = seed * 0x9E3779B97F4A7C15 & (1 << 64) - 1

    def uniform(self):
        mask = (1 << 64) - 1
        self.state = self.state + 0x9E3779B97F4A7C15 & mask
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        return ((z ^ z >> 31) >> 11) / 9007199254740992.0

    def normal(self):
        """By Box and Muller."""
        a = self.uniform()
        return math.sqrt(-2 * math.log(1 - a)) * math.cos(2 * math.pi * self.uniform())


def equal_sizes(rows, groups):
    return [rows // groups + (g < rows % groups) for g in range(groups)]


def unequal_sizes(rows, groups):
    """From half to one and a half of the mean, evenly spread."""
    sizes = [round(rows / groups * (0.5 + g / (groups - 1))) for g in range(groups)]
    sizes[-1] += rows - sum(sizes)
    return sizes


class Instance:
    def __init__(self, name, kind, rows, sizes):
        self.name, self.kind, self.rows, self.sizes = name, kind, rows, sizes

    @property
    def groups(self):
        return len(self.sizes)

    def write(self, directory):
        """Numbers between blanks, a row a line; with as many digits as the peers read back exactly."""
        path = os.path.join(directory, self.name.replace(" ", "_") + ".txt")
        with open(path, "w") as f:
            for row in self.rows:
                f.write(" ".join(repr(v) for v in row) + "\n")
        return path


def mdgp(kind, rows, unequal=False, seed=1):
    numbers = Numbers(seed * 1_000_003 + rows)
    if kind == "Geo":
        width = 2 + int(numbers.uniform() * 20)
        points = [[10 * numbers.uniform() for _ in range(width)] for _ in range(rows)]
        matrix = [[math.dist(a, b) for b in points] for a in points]
    else:
        matrix = [[0.0] * rows for _ in range(rows)]
        for i in range(rows):
            for j in range(i):
                d = 100 * numbers.uniform()
                # Five decimals at most: a float holds them, and each side reads the same numbers.
                matrix[i][j] = matrix[j][i] = float(int(d + 0.5)) if kind == "RanInt" else round(d, 3)
    groups = GROUPS[rows]
    sizes = unequal_sizes(rows, groups) if unequal else equal_sizes(rows, groups)
    return Instance(f"{kind} n{rows}{' ds' if unequal else ' ss'}", "distances", matrix, sizes)


def normal(rows, groups):
    numbers = Numbers(1)
    values = [[float(f"{numbers.normal():.6f}") for _ in range(5)] for _ in range(rows)]
    return Instance(f"normal n{rows} K={groups}", "columns", values, equal_sizes(rows, groups))


def table(path, groups, sizes=None):
    """The columns of a CSV file whose cells are all plain numbers, without the first, which names the rows."""
    with open(path, newline="") as f:
        rows = list(csv.reader(f))[1:]
    columns = []
    for cells in list(zip(*rows))[1:]:
        try:
            column = [float(cell) for cell in cells]
        except ValueError:
            continue
        if len(set(column)) > 1:
            columns.append(column)
    name = os.path.splitext(os.path.basename(path))[0]
    sizes = sizes or equal_sizes(len(rows), groups)
    unequal = max(sizes) - min(sizes) > 1
    return Instance(f"{name} K={groups}{' unequal' if unequal else ''}", "columns", list(zip(*columns)), sizes)
