"""Losses and likelihoods."""

import math

import numpy as np

from programs.case import program


@program(lambda r: (r.normal(size=6),), second=True)
def logsumexp(x):
    top = x[0]
    for i in range(1, len(x)):
        if x[i] > top:
            top = x[i]
    s = 0.0
    for i in range(len(x)):
        s += math.exp(x[i] - top)
    return top + math.log(s)


@program(lambda r: (r.normal(size=(3, 2)), r.normal(size=(6, 2))))
def k_means(centres, points):
    total = 0.0
    for i in range(points.shape[0]):
        best = 1e300
        for c in range(centres.shape[0]):
            d = 0.0
            for k in range(points.shape[1]):
                t = points[i, k] - centres[c, k]
                d += t * t
            if d < best:
                best = d
        total += best
    return total


@program(lambda r: (r.normal(size=2), r.normal(size=2), r.normal(size=2), r.normal(size=5)), second=True)
def gaussian_mixture(logits, means, log_scales, x):
    total = 0.0
    terms = np.zeros(len(logits))
    for i in range(len(x)):
        for k in range(len(logits)):
            z = (x[i] - means[k]) * math.exp(-log_scales[k])
            terms[k] = logits[k] - log_scales[k] - 0.5 * z * z
        total += log_sum(terms)
    return total - len(x) * log_sum(logits)


def log_sum(v):
    top = np.max(v)
    return top + math.log(np.sum(np.exp(v - top)))


@program(lambda r: (r.normal(size=3), r.normal(size=(5, 3)), np.array([0, 1, 1, 0, 1])), second=True)
def logistic_regression(w, x, label):
    loss = 0.0
    for i in range(len(x)):
        t = np.dot(w, x[i])
        if label[i] == 1:
            loss += math.log1p(math.exp(-t))
        else:
            loss += math.log1p(math.exp(t))
    return loss / len(x) + 0.01 * np.dot(w, w)


@program(lambda r: (0.5, -0.2, np.linspace(0, 1, 6), r.normal(size=6)))
def squared_error(slope, intercept, x, y):
    s = 0.0
    for i in range(len(x)):
        residual = slope * x[i] + intercept - y[i]
        s += residual**2
    return s / len(x)


@program(lambda r: (r.normal(size=7),))
def variance_two_pass(x):
    n = len(x)
    mean = np.sum(x) / n
    s = 0.0
    for v in x:
        s += (v - mean) ** 2
    return s / (n - 1) + math.sqrt(s)


@program(lambda r: (r.normal(size=7),), second=True)
def variance_welford(x):
    mean = 0.0
    m2 = 0.0
    n = 0
    for i in range(len(x)):
        n += 1
        d = x[i] - mean
        mean += d / n
        m2 += d * (x[i] - mean)
    return m2 / n + mean


@program(lambda r: (r.normal(size=(2, 3)), r.normal(size=2), r.normal(size=(4, 3)), np.array([0, 1, 1, 0])))
def perceptron_softmax(w, b, x, label):
    loss = 0.0
    h = np.zeros(len(b))
    for i in range(len(x)):
        for k in range(len(b)):
            h[k] = b[k]
            for j in range(w.shape[1]):
                h[k] += w[k, j] * math.tanh(x[i, j])
        loss += log_sum(h) - h[label[i]]
    return loss


@program(lambda r: (r.uniform(0.5, 3.0, 4), 1.2))
def gamma_log_likelihood(x, shape):
    s = 0.0
    for i in range(len(x)):
        s += (shape - 1.0) * math.log(x[i]) - x[i] - math.lgamma(shape)
    return s + math.gamma(shape) + math.erfc(shape)


@program(lambda r: (r.normal(size=5), r.normal(size=5)))
def cosine_similarity(a, b):
    return np.dot(a, b) / math.sqrt(np.dot(a, a) * np.dot(b, b))


@program(lambda r: (r.uniform(-0.8, 0.8, 3), r.uniform(1.1, 2.0, 3)))
def elementary_functions(x, y):
    s = 0.0
    for i in range(len(x)):
        a, b = x[i], y[i]
        s += math.asin(a) + math.acos(a) + math.atan(a) + math.tan(a) + math.expm1(a) + math.log1p(a)
        s += math.sinh(a) * math.cosh(a) + math.asinh(a) + math.acosh(b) + math.atanh(a) + math.exp2(a)
        s += math.log2(b) + math.log10(b) + math.cbrt(b) + math.hypot(a, b) + math.copysign(b, a)
        s += math.remainder(b, 0.7) + math.trunc(b) * a + math.pow(b, a) + b**a
    return s


@program(lambda r: (r.normal(size=4), r.uniform(0.5, 2.0, size=4)))
def array_expressions(x, y):
    z = np.exp(-x * x) + np.sqrt(y) * np.sin(x)
    w = np.where(x > 0.0, z, y * z)
    v = np.maximum(w, y) - np.minimum(x, 0.1) + np.log(y) / y
    return np.sum(v * v) + np.max(w)
