"""Neural networks and their layers."""

import numpy as np

from programs.numpy.example import example


def relu(x):
    return np.maximum(x, 0)


def softmax(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


@example(
    lambda r, n: (r.normal(size=(3, 5)), r.normal(size=5), r.normal(size=(5, 2)), r.normal(size=2), r.normal(size=(n, 3)),
                  np.eye(2)[r.integers(0, 2, n)]),
    step=1e-4,
)  # fmt: skip
def two_layers(W1, b1, W2, b2, X, onehot):
    hidden = relu(X.dot(W1) + b1)
    probs = softmax(hidden.dot(W2) + b2)
    return -np.sum(onehot * np.log(probs)) / X.shape[0]


@example(
    lambda r, n: ([(r.normal(size=(a, b)), r.normal(size=b)) for a, b in ((2, 4), (4, 4), (4, 1))], r.normal(size=(n, 2)),
                  r.normal(size=(n, 1)))
)  # fmt: skip
def deep_network(params, inputs, targets):
    for W, b in params:
        outputs = np.dot(inputs, W) + b
        inputs = np.tanh(outputs)
    return np.mean((outputs - targets) ** 2)


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


@example(lambda r, n: tuple(r.normal(size=(n, 4)) for _ in range(3)))
def attention(q, k, v):
    n, d = q.shape
    scores = q @ k.T / np.sqrt(d)
    scores = np.where(np.tril(np.ones((n, n))) == 0, -1e9, scores)
    return (softmax(scores) @ v).sum()


@example(lambda r, n: (r.normal(size=(2, n, 4)), r.normal(size=(4, 12)) / 2, r.normal(size=(4, 4)) / 2))
def multi_head_attention(x, w_qkv, w_out, heads=2):
    batch, n, d = x.shape
    qkv = (x @ w_qkv).reshape(batch, n, 3, heads, d // heads).transpose(2, 0, 3, 1, 4)
    q, k, v = qkv[0], qkv[1], qkv[2]
    att = softmax(q @ k.swapaxes(-1, -2) / np.sqrt(d // heads))
    y = (att @ v).transpose(0, 2, 1, 3).reshape(batch, n, d)
    return np.sum((y @ w_out) ** 2)


@example(lambda r, n: (r.normal(size=(3, 4)), r.normal(size=(4, 4)) / 2, r.normal(size=4), r.normal(size=(n, 3))))
def recurrent(Wx, Wh, b, inputs):
    h = np.zeros(4)
    hs = []
    for t in range(3):
        h = np.tanh(inputs[t] @ Wx + h @ Wh + b)
        hs.append(h)
    return np.stack(hs).std()


@example(lambda r, n: (r.normal(size=(n, 12)) / 2, r.normal(size=(2, 12)) / 2, r.normal(size=12), r.normal(size=(7, n))))
def gated_recurrence(Wx, Wh, b, xs):
    d = Wh.shape[0] + 1
    h, c = np.zeros(2), np.zeros(3)
    for x in xs:
        gates = x @ Wx + h @ Wh + b
        i, f, o, g = np.split(gates, 4)
        c = 1 / (1 + np.exp(-f)) * c + 1 / (1 + np.exp(-i)) * np.tanh(g)
        h = (1 / (1 + np.exp(-o)) * np.tanh(c))[:2]
    return h.sum() / d


@example(lambda r, n: (r.normal(size=(n + 2, 6)), r.normal(size=(2, 3, 3)), r.normal(size=2)), step=1e-4)
def convolution_layer(image, kernels, bias):
    h, w = image.shape
    k = kernels.shape[-1]
    out = np.zeros((len(kernels), h - k + 1, w - k + 1))
    for i in range(k):
        for j in range(k):
            out += kernels[:, i, j][:, None, None] * image[i : i + h - k + 1, j : j + w - k + 1]
    out = relu(out + bias[:, np.newaxis, np.newaxis])
    pooled = out[:, : h - 3, :4].reshape(2, -1, 2, 2).mean(axis=(1, 3))
    return np.sum(pooled**2)


@example(lambda r, n: (r.normal(size=(6, 3)), r.integers(0, 6, n), r.integers(0, 6, n), r.integers(0, 6, (n, 2))))
def word_vectors(E, centres, contexts, negatives):
    positive = np.sum(E[centres] * E[contexts], axis=1)
    negative = np.einsum("nd,nkd->nk", E[centres], E[negatives])
    return np.sum(np.log1p(np.exp(-positive))) + np.log1p(np.exp(negative)).sum()


@example(lambda r, n: (r.normal(size=(n, 3)), r.normal(size=(n, 3)), 0.5))
def contrastive(a, b, temperature):
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    b /= np.linalg.norm(b, axis=1)[:, None]
    logits = a @ b.T / temperature
    rows = logits - np.log(np.sum(np.exp(logits), axis=1))[:, None]
    columns = logits - np.log(np.exp(logits).sum(axis=0))
    return -(np.trace(rows) + np.diag(columns).sum()) / (2 * len(a))
