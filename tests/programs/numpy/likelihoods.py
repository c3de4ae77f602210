"""Log likelihoods."""

import numpy as np

from programs.numpy.example import example


def logsumexp(a, axis=None):
    m = a.max(axis=axis, keepdims=True)
    s = np.log(np.sum(np.exp(a - m), axis=axis, keepdims=True)) + m
    return s.squeeze(axis=axis) if axis is not None else s.sum()


def spd(r, n):
    a = r.normal(size=(n, n))
    return a @ a.T + n * np.eye(n)


@example(lambda r, n: (r.normal(size=3), r.normal(size=(3, 2)), r.normal(size=(3, 2)), r.normal(size=(n, 2))))
def gaussian_mixture(logits, means, log_sigmas, X):
    log_weights = logits - logsumexp(logits)
    z = (X[:, None, :] - means[None]) / np.exp(log_sigmas)
    log_p = -0.5 * np.sum(z**2 + 2 * log_sigmas + np.log(2 * np.pi), axis=-1)
    return logsumexp(log_weights + log_p, axis=1).sum()


@example(lambda r, n: (0.3, -0.2, -1.0, r.uniform(0, 3, size=(n, 2)), r.normal(size=n)))
def gaussian_process(log_ell, log_sf, log_noise, X, y):
    sq = np.sum((X[:, np.newaxis] - X[np.newaxis, :]) ** 2, axis=2)
    K = np.exp(2 * log_sf) * np.exp(-0.5 * sq / np.exp(2 * log_ell))
    K += np.exp(2 * log_noise) * np.eye(len(y))
    L = np.linalg.cholesky(K)
    alpha = np.linalg.solve(L.T, np.linalg.solve(L, y))
    return -0.5 * y.dot(alpha) - np.log(np.diag(L)).sum() - 0.5 * len(y) * np.log(2 * np.pi)


@example(lambda r, n: (r.normal(size=3), r.normal(size=(2 * n, 3)), r.exponential(size=2 * n), r.random(2 * n) < 0.7))
def cox_partial_likelihood(beta, X, time, event):
    order = np.argsort(-time)
    risk = (X @ beta)[order]
    log_risk = np.log(np.cumsum(np.exp(risk)))
    return -np.sum((risk - log_risk)[event[order]])


@example(lambda r, n: (0.2, 0.4, r.weibull(1.5, 2 * n) + 0.1, r.random(2 * n) < 0.8))
def weibull_survival(log_shape, log_scale, t, observed):
    k, lam = np.exp(log_shape), np.exp(log_scale)
    log_hazard = np.log(k / lam) + (k - 1) * np.log(t / lam)
    cumulative = (t / lam) ** k
    return np.where(observed, log_hazard, 0.0).sum() - cumulative.sum()


@example(lambda r, n: (r.normal(size=3), r.normal(size=(3, 3)), r.normal(size=(3, 4)), r.integers(0, 4, n)))
def hidden_markov(start, transition, emission, observations):
    A = np.exp(transition) / np.exp(transition).sum(axis=1, keepdims=True)
    B = np.exp(emission) / np.exp(emission).sum(axis=1, keepdims=True)
    alpha = np.exp(start) / np.exp(start).sum() * B[:, observations[0]]
    loglik = 0.0
    for o in observations[1:]:
        c = alpha.sum()
        loglik += np.log(c)
        alpha = (alpha / c) @ A * B[:, o]
    return loglik + np.log(alpha.sum())


@example(lambda r, n: (np.array([0.1, 0.2, 0.6]), 0.3 * r.normal(size=2 * n)))
def garch(params, returns):
    omega, alpha, beta = params
    T = len(returns)
    sigma2 = np.zeros(T)
    sigma2[0] = np.var(returns)
    for t in range(1, T):
        sigma2[t] = omega + alpha * returns[t - 1] ** 2 + beta * sigma2[t - 1]
    return 0.5 * np.sum(np.log(2 * np.pi) + np.log(sigma2) + returns**2 / sigma2)


@example(lambda r, n: (np.array([0.5, -0.2]), np.array([0.3]), 0.1, r.normal(size=3 * n)))
def arma(ar, ma, mean, y):
    p, q = len(ar), len(ma)
    y = y - mean
    e = np.zeros_like(y)
    for t in range(p, len(y)):
        e[t] = y[t] - ar @ y[t - p : t][::-1] - ma @ e[t - q : t][::-1]
    return (e[p:] ** 2).sum()


@example(lambda r, n: (r.normal(size=2 * n), r.normal(size=n), 0.4))
def kernel_density(data, points, bandwidth):
    u = (points[:, None] - data) / bandwidth
    density = np.exp(-0.5 * u * u).sum(axis=1) / (len(data) * bandwidth * np.sqrt(2 * np.pi))
    return np.log(density).mean()


@example(lambda r, n: (r.normal(size=(n, 2)), r.normal(size=2), spd(r, 2), np.eye(2) * 0.1, spd(r, 2) / 5))
def kalman_filter(zs, x, P, Q, R):
    F = np.array([[1.0, 0.5], [0.0, 1.0]])
    H = np.eye(2)
    loglik = 0.0
    for z in zs:
        x = F @ x
        P = F @ P @ F.T + Q
        y = z - H @ x
        S = H @ P @ H.T + R
        S_inv = np.linalg.inv(S)
        K = P @ H.T @ S_inv
        x = x + K @ y
        P = (np.eye(2) - K @ H) @ P
        loglik -= 0.5 * (y @ S_inv @ y + np.log(np.linalg.det(S)))
    return loglik


@example(lambda r, n: (r.normal(size=n), r.normal(size=(n, n)), r.integers(0, 2, (n, n))))
def latent_space_network(alpha, Z, A):
    G = Z @ Z.T
    sq = np.diag(G)[:, None] + np.diag(G)[None, :] - 2 * G
    eta = alpha[:, None] + alpha - np.sqrt(np.maximum(sq, 0) + 0.01)
    upper = np.triu_indices(len(A), k=1)
    return np.sum((A * eta - np.logaddexp(0, eta))[upper])


@example(lambda r, n: (np.array([0.4, 0.6]), r.normal(size=(2, 2)), r.normal(size=(n, 2))))
def expectation_maximisation(weights, means, X):
    squares = np.column_stack([np.sum((X - m) ** 2, axis=1) for m in means])
    log_r = np.log(weights) - 0.5 * squares
    norm = logsumexp(log_r, axis=1)
    r = np.exp(log_r - norm[:, None])
    counts = r.sum(axis=0)
    if max(counts) > 0.999 * len(X):
        raise ValueError(f"one of {len(counts)} components takes all: {max(counts):.3f} of {len(X)} points")
    moved = r.T @ X / counts[:, None]
    spread = np.stack([(X - moved[k]).T @ (r[:, k, None] * (X - moved[k])) / counts[k] for k in range(len(means))])
    return norm.sum() + np.sum(moved**3) + np.sum(spread**2)
