"""What a campaign does and when: drawn from the seed alone, so that a seed is a plan."""
import random
from dataclasses import dataclass

LEASE = 15.0   # seconds; TaskWorkerOptions::lease
RENEW = 5.0    # seconds; TaskWorkerOptions::renew_every

# Events a minute, and the longest time each lasts (seconds; zero: a moment).
KINDS = {
    "kill task": (24.0, 0),
    "kill web": (8.0, 0),
    "kill arbiter": (2.0, 0),      # its children die with it
    "kill all": (2.0, 0),
    "pause task": (2.4, 2 * LEASE),
    "pause web": (0.8, 2 * LEASE),
    "pause all": (0.8, 2 * LEASE),   # as when the machine sleeps
    "set clock": (1.5, 0),
    "lock store": (0.7, 25),
    "fill disk": (0.7, 20),
    "replace store": (0.6, 10),
}
SHORTEST = 0.5                     # of a kind that lasts
LARGEST_STEP = 2 * 3600            # of the clock, seconds


@dataclass(frozen=True)
class Event:
    at: float        # seconds after the start
    kind: str
    pick: float      # 0 … 1: which of the processes that are there then
    seconds: float   # how long it lasts; of "set clock": by how much

    def __str__(self):
        return "%8.2f  %-13s  pick %.3f  %+.2f s" % (self.at, self.kind, self.pick, self.seconds)


def draw(seed, seconds):
    """The events of a campaign of `seconds`, in order of time. Each kind comes at least once, however short it is."""
    dice = random.Random("%s/plan" % seed)
    events = []
    for kind, (a_minute, longest) in KINDS.items():
        at = dice.uniform(0, min(seconds / 2, 60 / a_minute))
        while at < seconds:
            events.append(Event(at, kind, dice.random(), _length(dice, kind, min(longest, seconds / 3))))
            at += dice.expovariate(a_minute / 60)
    return sorted(events, key=lambda event: event.at)


def _length(dice, kind, longest):
    if kind == "set clock":
        # Both ways alike in size, from a tenth of a second up.
        return dice.choice((-1, 1)) * min(0.1 * 10 ** dice.uniform(0, 5), LARGEST_STEP)
    return dice.uniform(min(SHORTEST, longest), longest)
