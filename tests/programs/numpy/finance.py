"""Prices, portfolios and rewards."""

import numpy as np

from programs.numpy.example import example


def norm_cdf(x):
    t = 1.0 / (1.0 + 0.2316419 * np.abs(x))
    poly = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi) * poly
    return np.where(x >= 0, 1 - tail, tail)


@example(lambda r, n: (r.uniform(80, 120, size=n), r.uniform(80, 120, size=n), r.uniform(0.5, 2, size=n), 0.03, 0.2))
def black_scholes(S, K, T, r, sigma):
    d1 = (np.log(S / K) + (r + sigma**2 / 2) * T) / (sigma * np.sqrt(T))
    d2 = d1 - sigma * np.sqrt(T)
    call = S * norm_cdf(d1) - K * np.exp(-r * T) * norm_cdf(d2)
    return call.sum()


@example(lambda r, n: (r.normal(size=3), r.normal(size=(3 * n, 3)), 2.0))
def portfolio(logits, returns, aversion):
    w = np.exp(logits) / np.exp(logits).sum()
    mu = returns.mean(axis=0)
    sigma = np.cov(returns, rowvar=False)
    return w @ mu - aversion / 2 * w @ sigma @ w


@example(lambda r, n: (r.normal(size=2 * n), r.normal(size=2 * n), 0.9))
def discounted_returns(log_probs, rewards, gamma):
    discount = gamma ** np.arange(len(rewards))
    returns = np.cumsum((rewards * discount)[::-1])[::-1] / discount
    advantage = (returns - returns.mean()) / (returns.std() + 1e-8)
    return -np.sum(log_probs * advantage)


@example(lambda r, n: (r.normal(size=(8, n)), 0.2, 100.0), step=1e-4)
def asian_option(z, sigma, strike):
    steps = z.shape[1]
    dt = 1.0 / steps
    log_paths = np.cumsum(-0.5 * sigma**2 * dt + sigma * np.sqrt(dt) * z, axis=1)
    average = 100.0 * np.exp(log_paths).mean(axis=1)
    payoff = np.maximum(average - strike, 0.0)
    return payoff.mean()


@example(lambda r, n: (r.normal(size=4) / 10, r.uniform(0.5, 10, size=n), r.normal(size=n)))
def nelson_siegel(params, maturities, yields):
    b0, b1, b2, log_tau = params
    x = maturities / np.exp(log_tau)
    slope = -np.expm1(-x) / x
    curve = b0 + b1 * slope + b2 * (slope - np.exp(-x))
    return np.sqrt(np.mean((curve - yields) ** 2))


@example(lambda r, n: (r.normal(size=(3 * n, 2)),), step=1e-4)
def expected_shortfall(returns, level=0.25):
    losses = np.sort(-returns.mean(axis=1))[::-1]
    worst = losses[: max(1, int(level * len(losses)))]
    drawdown = np.max(np.maximum.accumulate(np.cumsum(losses)) - np.cumsum(losses))
    return worst.mean() + drawdown
