"""`collections.deque`: its items are in a list, which is made anew when they change."""


class deque:
    def __init__(self, items, maxlen):
        self.maxlen = maxlen
        self.held = []
        self.extend(items)

    def __len__(self):
        return len(self.held)

    def __iter__(self):
        return iter(self.held)

    def __reversed__(self):
        return reversed(self.held)

    def __contains__(self, item):
        return item in self.held

    def __getitem__(self, k):
        return self.held[k]

    def __setitem__(self, k, item):
        k = range(len(self.held))[k]
        self.held = [*self.held[:k], item, *self.held[k + 1 :]]

    def append(self, item):
        held = [*self.held, item]
        self.held = held if self.maxlen is None or len(held) <= self.maxlen else held[1:]

    def appendleft(self, item):
        held = [item, *self.held]
        self.held = held if self.maxlen is None or len(held) <= self.maxlen else held[:-1]

    def extend(self, items):
        for item in items:
            self.append(item)

    def extendleft(self, items):
        for item in items:
            self.appendleft(item)

    def pop(self):
        if len(self.held) == 0:
            raise IndexError("pop from an empty deque")
        item = self.held[-1]
        self.held = self.held[:-1]
        return item

    def popleft(self):
        if len(self.held) == 0:
            raise IndexError("pop from an empty deque")
        item = self.held[0]
        self.held = self.held[1:]
        return item

    def rotate(self, n=1):
        count = len(self.held)
        if count > 0:
            k = -n % count
            self.held = [*self.held[k:], *self.held[:k]]

    def reverse(self):
        self.held = self.held[::-1]

    def clear(self):
        self.held = []

    def copy(self):
        return deque(self.held, self.maxlen)
