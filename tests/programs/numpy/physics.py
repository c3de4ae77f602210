"""Energies, fields and equations of motion."""

import numpy as np

from programs.numpy.example import example


@example(lambda r, n: (r.normal(size=(n, 3)), r.normal(size=(n, 3)), r.uniform(1, 2, size=n)))
def n_body_energy(pos, vel, mass, G=1.0, softening=0.1):
    KE = 0.5 * np.sum(mass * np.sum(vel**2, axis=1))
    x, y, z = pos[:, 0:1], pos[:, 1:2], pos[:, 2:3]
    dx, dy, dz = x.T - x, y.T - y, z.T - z
    inv_r = 1.0 / np.sqrt(dx**2 + dy**2 + dz**2 + softening**2)
    PE = G * np.sum(np.triu(-(mass[:, None] * mass) * inv_r, 1))
    return KE + PE


@example(lambda r, n: (r.uniform(0, 3, size=(n, 2)),), step=1e-4)
def lennard_jones(positions, box=3.0):
    n = len(positions)
    energy = 0.0
    for i in range(n - 1):
        rij = positions[i + 1 :] - positions[i]
        rij -= box * np.round(rij / box)
        r2 = np.sum(rij**2, axis=1) + 0.3
        inv6 = (1.0 / r2) ** 3
        energy += np.sum(4 * (inv6**2 - inv6))
    return energy


@example(lambda r, n: (r.normal(size=(n + 2, n + 3)),))
def heat_steps(u, alpha=0.1, steps=4):
    u = u.copy()
    for _ in range(steps):
        u[1:-1, 1:-1] = u[1:-1, 1:-1] + alpha * (
            u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
        )
        u[0, :] = u[1, :]
        u[-1, :] = u[-2, :]
    return (u**2).mean()


@example(lambda r, n: (r.normal(size=3 * n), 0.4))
def wave_equation(u0, c, steps=5):
    previous, current = u0, u0.copy()
    for _ in range(steps):
        laplacian = np.zeros_like(current)
        laplacian[1:-1] = current[2:] - 2 * current[1:-1] + current[:-2]
        new = 2 * current - previous + c**2 * laplacian
        new[[0, -1]] = 0.0
        previous, current = current, new
    return np.sum(current**2)


@example(lambda r, n: (r.normal(size=(n, n)), 0.3, 0.1))
def ising_energy(spins, J, h):
    s = np.tanh(spins)
    neighbours = sum(np.roll(s, shift, axis) for shift in (1, -1) for axis in (0, 1))
    return -0.5 * J * np.sum(s * neighbours) - h * s.sum()


def lotka_volterra(y, rates):
    prey, predators = y
    return np.array([rates[0] * prey - rates[1] * prey * predators, rates[2] * prey * predators - rates[3] * predators])


@example(lambda r, n: (r.uniform(0.5, 2.0, size=(2, n)), np.array([1.0, 0.5, 0.4, 0.9])))
def runge_kutta(y, rates, dt=0.1, steps=5):
    for _ in range(steps):
        k1 = lotka_volterra(y, rates)
        k2 = lotka_volterra(y + 0.5 * dt * k1, rates)
        k3 = lotka_volterra(y + 0.5 * dt * k2, rates)
        k4 = lotka_volterra(y + dt * k3, rates)
        y = y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return np.sum(y**2)


@example(lambda r, n: (r.uniform(1, 2, size=n), 0.5))
def beam_deflection(load, stiffness):
    n = len(load)
    A = 6 * np.eye(n) - 4 * (np.eye(n, k=1) + np.eye(n, k=-1)) + np.eye(n, k=2) + np.eye(n, k=-2)
    A[0, 0] = A[-1, -1] = 7
    w = np.linalg.solve(stiffness * A, load)
    return np.max(w)


@example(lambda r, n: (np.array([1.0, 5.0, 0.3]), np.logspace(-1, 1, 2 * n), *r.normal(size=(2, 2 * n))))
def impedance_fit(params, frequencies, real, imaginary):
    rs, rp, c = params
    omega = 2 * np.pi * frequencies
    Z = rs + rp / (1 + 1j * omega * rp * c)
    return np.sum(np.abs(Z - (real + 1j * imaginary)) ** 2 / np.abs(Z))


@example(lambda r, n: (r.uniform(-2, 2, size=4 * n), 1.5), step=1e-4)
def piecewise_potential(x, depth):
    v = np.where(np.abs(x) < 0.5, -depth, np.where(x > 1, (x - 1) ** 2, 0.1 * x))
    return np.sum(v * np.exp(-(x**2)))


@example(lambda r, n: (r.uniform(0, 4, size=n), r.normal(size=n), np.array([0.2, 0.5, 0.3, 0.1, 0.4])), step=1e-4)
def particle_in_cell(x, q, field):
    cell = np.floor(x).astype(int)
    frac = x - cell
    rho = np.zeros(len(field))
    np.add.at(rho, cell, q * (1 - frac))
    np.add.at(rho, cell + 1, q * frac)
    force = field[cell] * (1 - frac) + field[cell + 1] * frac
    return rho @ rho + (q * force).sum()


@example(lambda r, n: (r.normal(size=(n + 3, n + 4)), r.uniform(0.5, 1.0, size=(n + 3, n + 4))))
def dirichlet_energy(phi, eps):
    gx = np.diff(phi, axis=0)
    gy = np.diff(phi, axis=1)
    ex = 0.5 * (eps[1:] + eps[:-1])
    ey = (eps[:, 1:] + eps[:, :-1]) / 2
    return 0.5 * (np.sum(ex * gx**2) + np.sum(ey * gy**2))


BARS = np.array([[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]])


@example(lambda r, n: (np.array([[0.0, 0], [1, 0], [0, 1], [1, 1.2]]), r.uniform(1, 2, len(BARS)), r.normal(size=2)))
def truss_compliance(nodes, area, load, modulus=10.0):
    size = nodes.size
    K = np.zeros((size, size))
    for e, (i, j) in enumerate(BARS):
        d = nodes[j] - nodes[i]
        length = np.hypot(*d)
        c, s = d / length
        k = modulus * area[e] / length * np.array([[c * c, c * s], [c * s, s * s]])
        where = np.array([2 * i, 2 * i + 1, 2 * j, 2 * j + 1])
        np.add.at(K, (where[:, None], where[None, :]), np.block([[k, -k], [-k, k]]))
    free = np.setdiff1d(np.arange(size), [0, 1, 3])
    forces, moved = np.zeros(size), np.zeros(size)
    forces[-2:] = load
    moved[free] = np.linalg.solve(K[np.ix_(free, free)], forces[free])
    return forces @ moved


REACTIONS = (("A", "B", 0), ("B", "C", 1), ("C", "A", 2))


@example(lambda r, n: (r.uniform(0.5, 1, 3), r.uniform(1, 2, 3)))
def kinetics(log_rates, start, dt=0.05):
    k = np.exp(log_rates)
    c = dict(zip("ABC", start, strict=False))
    for _ in range(3):
        rate = dict.fromkeys(c, 0.0)
        for source, product, j in REACTIONS:
            v = k[j] * c[source]
            rate[source] -= v
            rate[product] += v
        c = {name: c[name] + dt * rate[name] for name in c}
    return sum(v**2 for v in c.values())
