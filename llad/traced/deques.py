"""`collections.deque`: its items are in a list, which is made anew when they change."""


class deque:
    def __init__(self, items, maxlen):
        self.maxlen = maxlen
        self._held = []
        self.extend(items)

    def __len__(self):
        return len(self._held)

    def __iter__(self):
        return iter(self._held)

    def __reversed__(self):
        return reversed(self._held)

    def __contains__(self, item):
        return item in self._held

    def __getitem__(self, k):
        return self._held[k]

    def __eq__(self, other):
        return type(other) is type(self) and self._held == other._held

    def __add__(self, other):
        if type(other) is not type(self):
            raise TypeError("can only concatenate deque to deque")
        both = self.copy()
        both.extend(other)
        return both

    def __iadd__(self, items):
        self.extend(items)
        return self

    def __mul__(self, n):
        return deque(self._held * n, self.maxlen)

    def __rmul__(self, n):
        return self * n

    def count(self, item):
        return self._held.count(item)

    def index(self, item, *bounds):
        return self._held.index(item, *bounds)

    def insert(self, k, item):
        if len(self._held) == self.maxlen:
            raise IndexError("deque already at its maximum size")
        self._held = [*self._held[:k], item, *self._held[k:]]

    def remove(self, item):
        del self[self._held.index(item)]

    def __delitem__(self, k):
        k = range(len(self._held))[k]
        self._held = [*self._held[:k], *self._held[k + 1 :]]

    def __setitem__(self, k, item):
        k = range(len(self._held))[k]
        self._held = [*self._held[:k], item, *self._held[k + 1 :]]

    def append(self, item):
        held = [*self._held, item]
        self._held = held if self.maxlen is None or len(held) <= self.maxlen else held[1:]

    def appendleft(self, item):
        held = [item, *self._held]
        self._held = held if self.maxlen is None or len(held) <= self.maxlen else held[:-1]

    def extend(self, items):
        for item in items:
            self.append(item)

    def extendleft(self, items):
        for item in items:
            self.appendleft(item)

    def pop(self):
        if len(self._held) == 0:
            raise IndexError("pop from an empty deque")
        item = self._held[-1]
        self._held = self._held[:-1]
        return item

    def popleft(self):
        if len(self._held) == 0:
            raise IndexError("pop from an empty deque")
        item = self._held[0]
        self._held = self._held[1:]
        return item

    def rotate(self, n=1):
        count = len(self._held)
        if count > 0:
            k = -n % count
            self._held = [*self._held[k:], *self._held[:k]]

    def reverse(self):
        self._held = self._held[::-1]

    def clear(self):
        self._held = []

    def copy(self):
        return deque(self._held, self.maxlen)
