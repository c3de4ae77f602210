"""Lists, dicts and sets from outside of the function."""
# ruff: noqa

import numpy as np

from language.case import case

NODES = [0.0, 0.2, 0.3, 0.8]
TABLEAU = [[], [1 / 5], [3 / 40, 9 / 40], [44 / 45, -56 / 15, 32 / 9]]
WEIGHTS = [35 / 384, 0, 500 / 1113, 125 / 192]
SETTINGS = {
    "rate": 0.5,
    "steps": 3,
    "scale": np.array([1.0, 2.0, 0.25]),
    "names": ["a", "b", "c"],
    "inner": {"power": 2, 7: [0.5]},
    "shape": (2, [1.5, 0.5]),
}
LINKS = [{"length": 0.4, "axis": [0.0, 0.0, 1.0]}, {"length": 0.3, "axis": [0.0, 1.0, 0.0]}]
CHOSEN = {"a", "c"}
MATRICES = [np.eye(2) * 0.5, np.arange(4.0).reshape(2, 2)]
PAIR = ([1.0, 2.0], {"b": 3.0})
SAME = [NODES, NODES]
V = np.array([0.3, 0.7])


@case(0.7, 0.1)
def runge_kutta(y, h):
    t, total = 0.0, 0.0
    for _ in range(5):
        ks = []
        for c, row in zip(NODES, TABLEAU):
            stage = y
            for a, k in zip(row, ks):
                stage = stage + h * a * k
            ks.append((t + c * h) - stage * stage)
        y = y + h * sum(w * k for w, k in zip(WEIGHTS, ks))
        t += h
        total += y
    return total


@case(0.3)
def settings(x):
    for _ in range(SETTINGS["steps"]):
        x = x - SETTINGS["rate"] * x ** SETTINGS["inner"]["power"] * SETTINGS["inner"][7][0]
    x = x * np.sum(SETTINGS["scale"]) + SETTINGS.get("offset", 0.25) + SETTINGS["shape"][1][0] * x * x
    for name, value in SETTINGS.items():
        if name in ("rate", "steps"):
            x += value * x
    for name in SETTINGS["names"]:
        x += len(name) * x if name in CHOSEN else 0.5
    return float(x + len(SETTINGS) + len(CHOSEN) + ("rate" in SETTINGS))


@case(V)
def kinematics(q):
    p = np.zeros(3)
    frame = np.eye(3)
    for angle, link in zip(q, LINKS):
        x, y, z = link["axis"]
        k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        frame = frame @ (np.eye(3) + np.sin(angle) * k + (1.0 - np.cos(angle)) * k @ k)
        p = p + frame @ np.array([link["length"], 0.0, 0.0])
    return float(p @ p + p[0])


@case(V)
def arrays(v):
    for m in MATRICES:
        v = np.tanh(m @ v)
    table = np.array(TABLEAU[3])
    return float(np.sum(v) + table @ table * v[0] + np.dot(WEIGHTS[1:3], v) + np.sum(np.asarray(PAIR[0]) * v) * PAIR[1]["b"])


@case(0.4)
def copies(x):
    grown = NODES + [x]
    mine = list(WEIGHTS)
    mine[1] = x
    other = {**SETTINGS["inner"], "power": x}
    first, *rest = NODES
    grown.append(2.0)
    return float(sum(grown) + sum(mine) * x + other["power"] + first + sum(rest) * x + sum(NODES[1:]) + max(WEIGHTS) * x)


@case(0.4)
def identities(x):
    return (SAME[0] is SAME[1], SAME[0] is NODES, NODES == SAME[1], 0.2 in NODES, x * len(SAME))


@case(0.4)
def defaults(x):
    def inner(x, weights=WEIGHTS, *, settings=SETTINGS):
        return weights[0] * x + settings["rate"]

    return inner(x) + (lambda v, w=NODES: v * w[2])(x)
