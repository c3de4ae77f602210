"""Neural networks and their layers."""

import numpy as np

from programs.numpy.example import example


def relu(x):
    return np.maximum(x, 0)


def softmax(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


@example(
    lambda r, n: (
        *(r.normal(size=shape) for shape in ((3, 5), 5, (5, 2), 2, (n, 3))),
        np.eye(2)[r.integers(0, 2, n)],
    ),
    step=1e-4,
)
def two_layers(W1, b1, W2, b2, X, onehot):
    hidden = relu(X.dot(W1) + b1)
    probs = softmax(hidden.dot(W2) + b2)
    return -np.sum(onehot * np.log(probs)) / X.shape[0]


@example(lambda r, n: (r.normal(size=(n, 3)), r.normal(size=3), r.normal(size=3), r.normal(size=(n, 3))))
def batch_norm(x, gamma, beta, target, eps=1e-5):
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    xhat = (x - mu) / np.sqrt(var + eps)
    out = gamma * xhat + beta
    return ((out - target) ** 2).sum()


@example(lambda r, n: (r.normal(size=(2, n, 4)), r.normal(size=4), r.normal(size=4), r.normal(size=(2, n, 4))))
def layer_norm(x, g, b, target):
    mean = np.mean(x, axis=-1, keepdims=True)
    std = np.std(x, axis=-1, keepdims=True)
    y = g * (x - mean) / (std + 1e-3) + b
    return np.mean(np.square(y - target))


@example(lambda r, n: (r.normal(size=(n, 4)), r.normal(size=(4, 12)) / 2, r.normal(size=(4, 4)) / 2))
def causal_attention(x, w_qkv, w_out, heads=2):
    n, d = x.shape
    q, k, v = (x @ w_qkv).reshape(n, 3, heads, d // heads).transpose(1, 2, 0, 3)
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(d // heads)
    scores[:, np.triu(np.ones((n, n)), 1) > 0] = -1e9
    y = (softmax(scores) @ v).transpose(1, 0, 2).reshape(n, d)
    return np.sum((y @ w_out) ** 2)


@example(lambda r, n: (r.normal(size=(3, 4)), r.normal(size=(4, 4)) / 2, r.normal(size=4), r.normal(size=(n, 3))))
def recurrent(Wx, Wh, b, inputs):
    h = np.zeros(4)
    hs = []
    for t in range(3):
        h = np.tanh(inputs[t] @ Wx + h @ Wh + b)
        hs.append(h)
    return np.stack(hs).std()


@example(lambda r, n: (r.normal(size=(6, 3)), r.integers(0, 6, n), r.integers(0, 6, n), r.integers(0, 6, (n, 2))))
def word_vectors(E, centres, contexts, negatives):
    positive = np.sum(E[centres] * E[contexts], axis=1)
    negative = np.einsum("nd,nkd->nk", E[centres], E[negatives])
    return np.sum(np.log1p(np.exp(-positive))) + np.log1p(np.exp(negative)).sum()
