"""Points, distances, rotations, arms of robots."""

from typing import NamedTuple

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


def link_transform(theta, length, offset, twist):
    ct, st, ca, sa = np.cos(theta), np.sin(theta), np.cos(twist), np.sin(twist)
    rotation = [[ct, -st * ca, st * sa, length * ct], [st, ct * ca, -ct * sa, length * st], [0, sa, ca, offset]]
    return np.array([*rotation, [0, 0, 0, 1]])


ARM = ((0.0, 0.4, np.pi / 2), (0.5, 0.0, 0.0), (0.3, 0.1, -np.pi / 2))


@example(lambda r, n: (r.normal(size=3), r.normal(size=3)))
def arm_pose(joints, target):
    T = np.eye(4)
    for theta, link in zip(joints, ARM, strict=True):
        T = T @ link_transform(theta, *link)
    return np.linalg.norm(T[:3, 3] - target)


class Camera(NamedTuple):
    focal: float
    k1: float
    k2: float
    rotation: np.ndarray
    position: np.ndarray


def cameras(r):
    return [Camera(2.0, 0.1, 0.01, r.normal(size=3), np.array([0.0, 0.0, 9.0])) for _ in range(2)]


def rotation_matrix(vector):
    angle = np.sqrt(vector @ vector)
    x, y, z = vector / angle
    K = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * K + (1 - np.cos(angle)) * (K @ K)


@example(lambda r, n: (cameras(r), r.normal(size=(n, 3)), r.normal(size=(2, n, 2))))
def robust_reprojection(views, points, observed, scale=0.5):
    total = 0.0
    for view, uv in zip(views, observed, strict=True):
        P = points @ rotation_matrix(view.rotation).T + view.position
        depth = P[:, 2:3]
        if np.any(depth <= 0):
            raise ValueError(f"{np.sum(depth <= 0)} of {len(points)} points are behind, at {depth.min():.2f}")
        xy = P[:, :2] / depth
        r2 = (xy**2).sum(axis=1, keepdims=True)
        residual = view.focal * xy * (1 + view.k1 * r2 + view.k2 * r2**2) - uv
        total += np.sum(np.sqrt(1 + (residual / scale) ** 2) - 1)
    return total
