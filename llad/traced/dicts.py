"""`collections.defaultdict` and `collections.Counter`: their items are in a dict."""


class defaultdict:
    def __init__(self, default_factory=None, items=(), **named):
        self.default_factory = default_factory
        self._held = {}
        self._held.update(items, **named)

    def __missing__(self, key):
        if self.default_factory is None:
            raise KeyError("a key that a defaultdict without a factory does not have")
        self._held[key] = self.default_factory()

    def __getitem__(self, key):
        if key not in self._held:
            self.__missing__(key)
        return self._held[key]

    def __setitem__(self, key, value):
        self._held[key] = value

    def __delitem__(self, key):
        del self._held[key]

    def __contains__(self, key):
        return key in self._held

    def __len__(self):
        return len(self._held)

    def __iter__(self):
        return iter(list(self._held))

    def __eq__(self, other):
        return isinstance(other, dict) and self._held == dict(other)

    def keys(self):
        return self._held.keys()

    def values(self):
        return self._held.values()

    def items(self):
        return self._held.items()

    def get(self, key, default=None):
        return self._held.get(key, default)

    def pop(self, key, *default):
        return self._held.pop(key, *default)

    def setdefault(self, key, default=None):
        return self._held.setdefault(key, default)

    def update(self, items=(), **named):
        self._held.update(items, **named)

    def clear(self):
        self._held.clear()

    def copy(self):
        return defaultdict(self.default_factory, self._held)


class Counter(defaultdict):
    def __init__(self, items=(), **named):
        self._held = {}
        self.update(items, **named)

    def __getitem__(self, key):
        return self._held.get(key, 0)

    def update(self, items=(), **named):
        if isinstance(items, dict):
            for key, count in dict(items).items():
                self._held[key] = self[key] + count
        else:
            for key in items:
                self._held[key] = self[key] + 1
        for key, count in named.items():
            self._held[key] = self[key] + count

    def total(self):
        return sum(self._held.values())

    def copy(self):
        return Counter(self._held)
