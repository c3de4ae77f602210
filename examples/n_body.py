"""Gravity: the force is the gradient of the energy, and a symplectic integrator keeps what should be kept.

    python examples/n_body.py [--periods N] [--steps N] [--output FILE]

Only the potential energy is written down. The forces are its negative gradient, by llad inside the compiled time
step. Three equal bodies are started on the figure of eight of A. Chenciner and R. Montgomery (Ann. Math. 152, 2000),
with C. Simó's initial values; leapfrog is compared with Euler's method, which takes as many gradients but gains
energy all the way.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

import llad

PERIOD = 6.32591398
MASSES = np.ones(3)
POSITIONS = np.array([[0.97000436, -0.24308753, 0.0], [-0.97000436, 0.24308753, 0.0], [0.0, 0.0, 0.0]])
VELOCITIES = np.array([[0.466203685, 0.43236573, 0.0], [0.466203685, 0.43236573, 0.0], [-0.93240737, -0.86473146, 0.0]])


@llad.jit_grad(argnums=0)
def potential_energy(r, m, gravity, softening):
    """Of bodies of masses m: f64[n] at r: f64[n, 3]; `softening` is a length that keeps close pairs finite."""
    energy = 0.0
    for i in range(len(m)):
        for j in range(i + 1, len(m)):
            square = softening * softening
            for k in range(3):
                square += (r[i, k] - r[j, k]) ** 2
            energy -= gravity * m[i] * m[j] / math.sqrt(square)
    return energy


@llad.jit
def kinetic_energy(v, m):
    energy = 0.0
    for i in range(len(m)):
        for k in range(3):
            energy += 0.5 * m[i] * v[i, k] ** 2
    return energy


def kick(v, r, m, gravity, softening, h):
    """Let the forces act for a time h."""
    slope = llad.grad(potential_energy)(r, m, gravity, softening)
    for i in range(len(m)):
        for k in range(3):
            v[i, k] -= h * slope[i, k] / m[i]


@llad.jit
def leapfrog(r, v, m, gravity, softening, h, steps):
    """The paths of the bodies and their velocities after each step: two f64[steps + 1, n, 3]."""
    rs = np.zeros((steps + 1, len(m), 3))
    vs = np.zeros((steps + 1, len(m), 3))
    rs[0] = r
    vs[0] = v
    for step in range(steps):
        r = rs[step + 1]
        v = vs[step + 1]
        r[:] = rs[step]
        v[:] = vs[step]
        kick(v, r, m, gravity, softening, 0.5 * h)
        r += h * v
        kick(v, r, m, gravity, softening, 0.5 * h)
    return rs, vs


@llad.jit
def euler(r, v, m, gravity, softening, h, steps):
    """The same by Euler's explicit method, for comparison."""
    rs = np.zeros((steps + 1, len(m), 3))
    vs = np.zeros((steps + 1, len(m), 3))
    rs[0] = r
    vs[0] = v
    for step in range(steps):
        rs[step + 1] = rs[step] + h * vs[step]
        vs[step + 1] = vs[step]
        kick(vs[step + 1], rs[step], m, gravity, softening, h)
    return rs, vs


def energies(rs: np.ndarray, vs: np.ndarray, m: np.ndarray, gravity: float, softening: float) -> np.ndarray:
    """The total energy at each time of a path."""
    pairs = zip(rs, vs, strict=True)
    return np.array([potential_energy(r, m, gravity, softening) + kinetic_energy(v, m) for r, v in pairs])


def picture(time: np.ndarray, rs: np.ndarray, errors: dict[str, np.ndarray], file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, layout="constrained", figsize=(10, 3.8))
    for body in range(rs.shape[1]):
        (line,) = left.plot(rs[:, body, 0], rs[:, body, 1], linewidth=0.8)
        left.plot(*rs[-1, body, :2], "o", color=line.get_color())
    left.set(aspect="equal", xlabel="x", ylabel="y", title="Three bodies on a figure of eight")
    for name, error in errors.items():
        right.semilogy(time, np.maximum(np.abs(error), 1e-16), label=name, linewidth=0.8)
    right.set(xlabel="periods", title="relative error of the energy")
    right.legend()
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def main(argv: list[str] | None = None) -> tuple[np.ndarray, float, float]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--periods", type=int, default=10, help="how long the bodies are followed")
    parser.add_argument("--steps", type=int, default=1000, help="steps a period")
    parser.add_argument("--output", metavar="FILE", help="a picture of the paths and of the energy's error")
    args = parser.parse_args(argv)

    start = (POSITIONS, VELOCITIES, MASSES, 1.0, 0.0, PERIOD / args.steps, args.periods * args.steps)
    errors = {}
    for name, method in (("Euler", euler), ("leapfrog", leapfrog)):
        rs, vs = method(*start)
        energy = energies(rs, vs, MASSES, 1.0, 0.0)
        errors[name] = energy / energy[0] - 1.0
        print(f"{name:8}  largest relative error of the energy {np.abs(errors[name]).max():.1e}")
    miss = float(np.abs(rs[-1] - POSITIONS).max())
    print(f"after {args.periods} periods by leapfrog the bodies are {miss:.1e} from where they started")
    if args.output:
        picture(np.arange(len(rs)) / args.steps, rs, errors, args.output)
        print(f"wrote {args.output}")
    return rs, float(np.abs(errors["leapfrog"]).max()), miss


if __name__ == "__main__":
    main()
