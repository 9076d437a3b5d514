/* Who owns the event loop: a model of modules/runtime (loop.hpp, carrier_pool.cpp, monitor.cpp) for
 * spin. docs/runtime-ownership.md explains it; `run` beside it checks it, and that each of
 * the mutants below is found.
 *
 * Two fibers, two carrier threads (three with -DTHREE_THREADS), the monitor, and one plain thread
 * that wakes fiber 1. Fiber 0 yields. Fiber 1 waits to be woken, while the loop may sleep, and then
 * runs on until the loop is stolen from it. Every line that another thread can see is a step of its
 * own unless it is one atomic instruction; what only the owner sees is joined.
 *
 * Checked: never two owners of the loop; no fiber on two threads; a stolen fiber is sent home once
 * for each theft; the monitor looks at a hog's Carrier only while it lives; and no wake-up is lost:
 * a state in which nothing can happen although fibers are alive is an invalid end state.
 */
#define FIBERS 2
#define THREADS 3
#define NONE 255
#define RUNNING(e) (2 * (e) + 1)
#define STOLEN(e) (2 * (e) + 2)

byte word = 0;       /* 0: in runtime */
byte epoch = 0;
bool stealing = false;
byte carrier = NONE; /* Loop::carrier_ */
bool offered = false;
byte spares = 0;     /* threads that wait in the pool */
bool asleep = false;
byte eventfd = 0;
bool wanted = false; /* Loop::monitor_wanted */
bool inbox[FIBERS];
bool ready[FIBERS];
bool parked[FIBERS];
byte tokens = 0;     /* notifications that found fiber 1 not parked */
byte live = FIBERS;
bool finished = false;

/* What no thread reads: for the assertions. */
byte owner = NONE;
byte on[FIBERS];
bool carrier_lives[THREADS];
byte thefts[FIBERS];
byte returns[FIBERS];

/* Fibers' own state. */
byte rounds[FIBERS];
bool came_home[FIBERS];

inline own(id) {
  assert(owner == NONE);
  owner = id
}

inline send(f) {
  atomic { assert(!inbox[f]); inbox[f] = true };
  if
  :: asleep ->
    atomic { /* exchange */
      if
      :: asleep -> asleep = false; woke = true
      :: else -> woke = false
      fi
    };
    if
    :: woke -> eventfd = 1
    :: else
    fi
  :: else
  fi
}

proctype Thread(byte id) {
  byte f = 0;
  byte e = 0;
  bool mine = false;
  bool woke = false;

  if
  :: id == 0 -> goto adopt /* Runtime::run()'s thread */
  :: else
  fi;

pool:
  spares++;
end_in_pool:
  if
  :: atomic { offered -> offered = false; spares-- }
  :: atomic { finished -> goto done }
  fi;

adopt:
  atomic {
    own(id);
    carrier_lives[id] = true;
    carrier = id;
    epoch++;
    word = 0
  };

next:
  atomic { /* drain_inbox(): one exchange; all else up to the store in leave() is the owner's alone */
    assert(owner == id);
    f = 0;
    do
    :: f < FIBERS ->
      if
      :: inbox[f] -> inbox[f] = false; assert(!ready[f]); ready[f] = true
      :: else
      fi;
      f++
    :: else -> break
    od;
    if
    :: ready[0] -> f = 0
    :: ready[1] -> f = 1
    :: else -> goto idle
    fi;
    ready[f] = false;
    epoch++;
    e = epoch;
    assert(on[f] == NONE);
    on[f] = id;
    if
    :: came_home[f] -> came_home[f] = false; goto runtime_call
    :: else
    fi;
    owner = NONE;
    word = RUNNING(e) /* leave() */
  };

  /* User code of fiber f. */
  if
  :: f == 1 && rounds[1] == 0 -> (word != RUNNING(e)) /* a hog */
  :: else
  fi;

  /* enter() */
  atomic {
    mine = false;
    if
#ifdef BUG_NO_EPOCH
    :: word % 2 == 1 -> word = 0; own(id); mine = true
#else
    :: word == RUNNING(e) -> word = 0; own(id); mine = true
#endif
    :: else
    fi
  };
  if
  :: mine -> goto runtime_call
  :: else
  fi;

  /* go_home() */
#ifndef BUG_NO_STEALING_WINDOW
  !stealing;
#endif
  atomic {
    on[f] = NONE;
    came_home[f] = true;
    returns[f]++;
    carrier_lives[id] = false /* before the fiber is sent: then the thread is free for anything */
  };
  send(f);
  goto pool;

runtime_call:
  atomic { /* the owner's alone, but for the Waiter's state, which is one compare-and-swap */
    assert(owner == id && on[f] == id);
    on[f] = NONE;
    if
    :: rounds[f] == 0 -> live--
    :: rounds[f] > 0 ->
      rounds[f]--;
      if
      :: f == 0 -> ready[f] = true /* yield */
      :: f == 1 && tokens > 0 -> tokens--; ready[f] = true
      :: f == 1 && tokens == 0 -> parked[f] = true
      fi
    fi
  };
  goto next;

idle:
  if
  :: inbox[0] || inbox[1] -> goto next
  :: else
  fi;
  if
  :: live == 0 -> goto finish
  :: else
  fi;
  asleep = true;
#ifndef BUG_NO_SECOND_LOOK
  if
  :: inbox[0] || inbox[1] ->
#ifdef BUG_SHORT_SLEEP_FORGETS_THE_MONITOR
    asleep = false;
    goto next
#else
    goto awake
#endif
  :: else
  fi;
#endif
  atomic { eventfd > 0; eventfd = 0 }; /* epoll_wait and read */
awake: /* stop_sleeping() */
  asleep = false;
#ifndef BUG_MONITOR_SLEEPS_ON
  if
  :: wanted -> wanted = false
  :: else
  fi;
#endif
  goto next;

finish:
  atomic {
    assert(owner == id);
    owner = NONE;
    finished = true;
    wanted = false /* Monitor::watch(false) */
  };
done:
  skip
}

proctype Monitor() {
  byte seen = 0;
  byte hog = NONE;
  do
  :: finished -> break
  :: else ->
    seen = word;
    if
    :: seen % 2 == 1 && spares > 0 ->
      stealing = true;
      atomic {
        if
        :: word == seen ->
          word = seen + 1;
          if
          :: on[0] == carrier -> thefts[0]++
          :: else -> thefts[1]++
          fi
        :: else -> seen = 0
        fi
      };
      if
      :: seen != 0 ->
        hog = carrier;
        offered = true;
        assert(carrier_lives[hog]) /* hog->rescue = …, setpriority(hog->tid) */
      :: else
      fi;
      stealing = false
    :: asleep -> /* nothing to see: sleep until the loop wakes */
      wanted = true;
      if
#ifdef BUG_MONITOR_DOES_NOT_LOOK_AGAIN
      :: true -> (!wanted || finished)
#else
      :: asleep -> (!wanted || finished)
      :: else
#endif
      fi;
      wanted = false
    :: else
    fi
  od
}

proctype Waker() {
  bool parked_then = false;
  bool woke = false;
  byte times = 1;
  do
  :: times > 0 ->
    times--;
    atomic { /* Waiter::claim() */
      parked_then = parked[1];
      if
      :: parked[1] -> parked[1] = false
      :: else -> tokens++
      fi
    };
    if
    :: parked_then -> send(1)
    :: else
    fi
  :: else -> break
  od
}

proctype AtTheEnd() {
  finished;
  assert(live == 0 && owner == NONE);
  assert(thefts[0] == returns[0] && thefts[1] == returns[1]);
  assert(thefts[1] >= 1) /* the hog was rescued */
}

init {
  atomic {
    on[0] = NONE;
    on[1] = NONE;
    ready[0] = true;
    ready[1] = true;
    rounds[0] = 1;
    rounds[1] = 1;
    run Thread(0);
    run Thread(1);
#ifdef THREE_THREADS
    run Thread(2);
#endif
    run Monitor();
    run Waker();
    run AtTheEnd()
  }
}
