"""Bundle adjustment: cameras and points found together from where the points are seen in the pictures.

    python examples/bundle_adjustment.py [--cameras N] [--points M] [--output FILE]

The residuals are those of ADBench (F. Srajer, Z. Kukelova, A. Fitzgibbon, Optim. Methods Softw. 33, 2018). A
camera is 11 numbers: rotation vector (3), centre (3), focal length, principal point (2), radial distortion (2).
A point is seen where

    q = R (X - centre),   p = (q₀, q₁) / q₂,   (1 + k₁ |p|² + k₂ |p|⁴) p · focal + principal,

and the difference from the measured place, times the weight w of that observation, is its residual. A further
residual 1 - w² keeps the weights near one. Here they stay one.

Each observation depends on 15 parameters, so the Jacobian is a row of blocks 2 × 15. The pullback of an observation's
residual gives each of the two rows from one seed; Levenberg and Marquardt's method does the rest.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

import llad


def rotate(rotation, x):
    """x turned about the axis `rotation` by its length (O. Rodrigues)."""
    square = rotation[0] ** 2 + rotation[1] ** 2 + rotation[2] ** 2
    cross = (
        rotation[1] * x[2] - rotation[2] * x[1],
        rotation[2] * x[0] - rotation[0] * x[2],
        rotation[0] * x[1] - rotation[1] * x[0],
    )
    if square == 0.0:  # to first order
        return x[0] + cross[0], x[1] + cross[1], x[2] + cross[2]
    angle = math.sqrt(square)
    cosine = math.cos(angle)
    sine = math.sin(angle) / angle
    along = (rotation[0] * x[0] + rotation[1] * x[1] + rotation[2] * x[2]) * (1.0 - cosine) / square
    return (
        x[0] * cosine + cross[0] * sine + rotation[0] * along,
        x[1] * cosine + cross[1] * sine + rotation[1] * along,
        x[2] * cosine + cross[2] * sine + rotation[2] * along,
    )


def project(camera, point):
    """Where the camera sees the point."""
    q = rotate(camera[0:3], (point[0] - camera[3], point[1] - camera[4], point[2] - camera[5]))
    x = q[0] / q[2]
    y = q[1] / q[2]
    square = x * x + y * y
    scale = camera[6] * (1.0 + camera[9] * square + camera[10] * square * square)
    return x * scale + camera[7], y * scale + camera[8]


def residual(camera, point, weight, feature):
    """The difference of one observation."""
    x, y = project(camera, point)
    return weight * (x - feature[0]), weight * (y - feature[1])


@llad.jit
def residuals(cameras, points, weights, observations, features):
    """Of all observations (camera, point): i64[p, 2]: the differences, f64[p, 2], and 1 - w², f64[p]."""
    errors = np.zeros((len(weights), 2))
    regular = np.zeros(len(weights))
    for i in range(len(weights)):
        camera = cameras[observations[i, 0]]
        point = points[observations[i, 1]]
        errors[i, 0], errors[i, 1] = residual(camera, point, weights[i], features[i])
        regular[i] = 1.0 - weights[i] ** 2
    return errors, regular


def fill_blocks(cameras, points, weights, observations, features, blocks, by_weight):
    """Write what `jacobian` returns into arrays that are there."""
    for i in range(len(weights)):
        camera = cameras[observations[i, 0]]
        point = points[observations[i, 1]]
        _, pullback = llad.vjp(residual, camera, point, weights[i], features[i])
        for row in range(2):
            by_camera, by_point, blocks[i, row, 14], _ = pullback((1.0 - row, 0.0 + row))
            blocks[i, row, 0:11] = by_camera
            blocks[i, row, 11:14] = by_point
        by_weight[i] = -2.0 * weights[i]


@llad.jit
def jacobian(cameras, points, weights, observations, features):
    """The blocks f64[p, 2, 15] by camera (11), point (3) and weight (1), and the derivatives of 1 - w², f64[p]."""
    blocks = np.zeros((len(weights), 2, 15))
    by_weight = np.zeros(len(weights))
    fill_blocks(cameras, points, weights, observations, features, blocks, by_weight)
    return blocks, by_weight


def scene(cameras: int, points: int, seed: int = 0):
    """True cameras on an arc around a cloud of points; all pairs that are observed, and where, with noise."""
    random = np.random.default_rng(seed)
    cloud = random.uniform(-1.0, 1.0, (points, 3))
    rows = []
    for angle in np.linspace(0.0, 1.2, cameras):  # the first is not rotated at all
        centre = 4.0 * np.array([math.sin(angle), 0.0, -math.cos(angle)])
        rows.append([0.0, angle, 0.0, *centre, 800.0, 320.0, 240.0, -0.1, 0.02])
    truth = np.array(rows)
    pairs = np.array([(i, j) for i in range(cameras) for j in range(points)])
    seen = np.array([project(truth[i], cloud[j]) for i, j in pairs])
    return truth, cloud, pairs, seen + random.normal(0.0, 0.2, seen.shape)


def adjust(cameras, points, observations, features, steps=20):
    """Cameras and points of least squares with weights of one, and the root mean square error before each step."""
    from scipy.sparse import coo_array, eye_array
    from scipy.sparse.linalg import spsolve

    weights = np.ones(len(features))
    unknowns = cameras.size + points.size
    i, j = observations[:, :1], observations[:, 1:]
    columns = np.hstack([11 * i + np.arange(11), cameras.size + 3 * j + np.arange(3)])
    columns = np.repeat(columns[:, None, :], 2, axis=1).ravel()
    rows = np.repeat(np.arange(features.size), 14)

    errors, _ = residuals(cameras, points, weights, observations, features)
    history = [math.sqrt(np.mean(errors**2))]
    damping = 1e-3
    for _ in range(steps):
        blocks, _ = jacobian(cameras, points, weights, observations, features)
        matrix = coo_array((blocks[:, :, :14].ravel(), (rows, columns)), shape=(features.size, unknowns)).tocsr()
        lengths = np.sqrt(np.maximum(np.asarray(matrix.power(2).sum(axis=0)).ravel(), 1e-12))
        matrix = matrix.multiply(1.0 / lengths).tocsr()
        normal = (matrix.T @ matrix + damping * eye_array(unknowns)).tocsc()
        change = spsolve(normal, -(matrix.T @ errors.ravel())) / lengths
        new_cameras = cameras + change[: cameras.size].reshape(cameras.shape)
        new_points = points + change[cameras.size :].reshape(points.shape)
        new_errors, _ = residuals(new_cameras, new_points, weights, observations, features)
        error = math.sqrt(np.mean(new_errors**2))
        if error < history[-1]:
            cameras, points, errors, damping = new_cameras, new_points, new_errors, 0.1 * damping
            history.append(error)
        else:
            damping *= 10.0
    return cameras, points, history


def picture(measured: np.ndarray, before: np.ndarray, after: np.ndarray, file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(layout="constrained", figsize=(5, 5))
    for places, mark, name in ((before, "+", "before"), (after, "x", "after")):
        axes.plot(*places.T, mark, label=name)
    axes.plot(*measured.T, "ko", fillstyle="none", label="measured")
    axes.set(aspect="equal", xlabel="pixels", ylabel="pixels", title="The points as the second camera sees them")
    axes.legend()
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def main(argv: list[str] | None = None) -> list[float]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cameras", type=int, default=6, help="how many cameras")
    parser.add_argument("--points", type=int, default=60, help="how many points")
    parser.add_argument("--output", metavar="FILE", help="a picture of one camera's points before and after")
    args = parser.parse_args(argv)

    cameras, points, observations, features = scene(args.cameras, args.points)
    random = np.random.default_rng(1)
    start = cameras.copy()
    start[1:, :6] += random.normal(0.0, 0.02, (args.cameras - 1, 6))
    cloud = points + random.normal(0.0, 0.05, points.shape)
    adjusted, places, history = adjust(start, cloud, observations, features)
    print("root mean square error, pixels: " + " → ".join(f"{error:.3f}" for error in history[:8]))
    print(f"{history[-1]:.4f} at the end; the noise of the observations is 0.2")
    if args.output:
        before = np.array([project(start[1], point) for point in cloud])
        after = np.array([project(adjusted[1], point) for point in places])
        picture(features[observations[:, 0] == 1], before, after, args.output)
        print(f"wrote {args.output}")
    return history


if __name__ == "__main__":
    main()
