"""Points, distances, rotations, arms of robots."""

import numpy as np

from programs.numpy.example import example


@example(lambda r, n: (r.normal(size=(n, 3)), r.normal(size=(n + 1, 3))))
def pairwise_distances(X, Y):
    d2 = (X**2).sum(axis=1)[:, None] + (Y**2).sum(axis=1)[None, :] - 2 * X.dot(Y.T)
    return np.sqrt(np.maximum(d2, 1e-12)).sum()


@example(lambda r, n: (r.normal(size=(3, 2)), r.normal(size=(3 * n, 2))), step=1e-4)
def k_means(centres, points):
    distances = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(-1)
    nearest = distances.argmin(axis=1)
    return np.sum((points - centres[nearest]) ** 2)


@example(lambda r, n: (r.normal(size=(4, 2)), r.normal(size=(2 * n, 4))))
def principal_components(W, X):
    Xc = X - X.mean(axis=0)
    reconstruction = (Xc @ W) @ W.T
    return np.mean(np.sum((Xc - reconstruction) ** 2, axis=1)) + np.sum((W.T @ W - np.eye(2)) ** 2)


@example(lambda r, n: (np.array([0.3, -0.5, 0.2]), np.zeros(3), r.normal(size=(n, 3)), r.normal(size=(n, 3))))
def procrustes(angles, shift, source, target):
    cx, cy, cz = np.cos(angles)
    sx, sy, sz = np.sin(angles)
    Rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    Ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    Rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    moved = source @ (Rz @ Ry @ Rx).T + shift
    return np.linalg.norm(moved - target, "fro")


def quaternion_rotate(q, v):
    q = q / np.sqrt(np.sum(q**2))
    w, u = q[0], q[1:]
    t = 2 * np.cross(u, v)
    return v + w * t + np.cross(u, t)


@example(lambda r, n: (r.normal(size=4), r.normal(size=(n, 3)), r.normal(size=(n, 3))))
def quaternion_alignment(q, a, b):
    return np.sum((quaternion_rotate(q, a) - b) ** 2)


@example(lambda r, n: (r.uniform(-1, 1, size=n), r.uniform(0.5, 1.0, size=n), np.array([0.7, 1.1])))
def inverse_kinematics(theta, lengths, target):
    absolute = np.cumsum(theta)
    joints = np.stack([np.cos(absolute), np.sin(absolute)], axis=1) * lengths[:, None]
    positions = np.cumsum(joints, axis=0)
    return np.sum((positions[-1] - target) ** 2) + 0.01 * np.sum(np.diff(theta) ** 2)


@example(lambda r, n: (r.normal(size=n), np.array([[0, 1], [1, 2], [2, 0], [0, 3]]), r.uniform(0.5, 2.0, size=4)))
def graph_laplacian(x, edges, weights):
    i, j = edges[:, 0], edges[:, 1]
    diff = x[i] - x[j]
    Lx = np.zeros_like(x)
    np.add.at(Lx, i, weights * diff)
    np.add.at(Lx, j, -weights * diff)
    return x @ Lx + np.abs(Lx).sum() ** 2


@example(lambda r, n: (r.normal(size=(n, 2)), np.array([0.1, 0.0, 0.3, 1.0, 2.0, 0.5]), r.normal(size=(n, 2))))
def affine_registration(source, params, target):
    A = np.eye(2) + params[:4].reshape(2, 2)
    warped = source @ A.T + params[4:]
    d2 = np.sum((warped[:, None] - target[None, :]) ** 2, axis=-1)
    return -np.log(np.exp(-d2).sum(axis=1) + 1e-3).sum()


@example(lambda r, n: (r.normal(size=(n + 2, 2)),))
def polygon(points):
    x, y = points.T
    area = 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))
    edges = np.roll(points, -1, axis=0) - points
    perimeter = np.hypot(edges[:, 0], edges[:, 1]).sum()
    return 4 * np.pi * area / perimeter**2


@example(lambda r, n: (np.array([1.0, 0.1, 0.2, -0.1]), r.uniform(3, 6, size=(n, 3)), r.normal(size=(n, 2))))
def reprojection(camera, points, observed):
    f, k1, tx, ty = camera
    p = points + np.array([tx, ty, 0.0])
    xy = p[:, :2] / p[:, 2:]
    r2 = np.sum(xy**2, axis=1, keepdims=True)
    return np.sum((f * xy * (1.0 + k1 * r2) - observed) ** 2)
