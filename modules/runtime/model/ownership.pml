/* Who owns the event loop, and who a fiber away from it: a model of modules/runtime (loop.hpp, side.cpp,
 * carrier_pool.cpp, monitor.cpp) for spin. docs/runtime-ownership.md explains it; `run` beside it checks
 * it, and that each of the mutants below is found.
 *
 * Two fibers, two threads (three with -DTHREE_THREADS), the monitor, and one plain thread that wakes
 * fiber 1. Fiber 0 yields. Fiber 1 is a hog: it computes until the loop is stolen from it. It waits to be
 * woken before that, while the loop may sleep (with -DWAITS_FIRST), or after it, and then yields. All
 * this on the loop or on the side, as a fiber is exiled by then or not: a theft exiles its fiber, and
 * whoever looks may find it pardoned since. A side carrier may be too slow to go on (demoted). Every line that another thread can see is a step
 * of its own unless it is one atomic instruction; what only the owner sees, or only the holder of the
 * side's lock, is joined, and so is taking the lock with what comes next, and giving it back with what
 * came before.
 *
 * Checked: never two owners of the loop; no fiber on two threads, or in two places; a fiber is taken up
 * where its place is; the side has never more carriers than are counted; the monitor looks at a hog's
 * Carrier only while it lives; a stolen fiber leaves its thread once for each theft; and no wake-up is
 * lost: a state in which nothing can happen although fibers are alive is an invalid end state.
 */
#define FIBERS 2
#define THREADS 3
#define NONE 255
#define RUNNING(e) (2 * (e) + 1)
#define STOLEN(e) (2 * (e) + 2)
#define LIMIT 1      /* side carriers that may compute; a rescued hog comes on top */

#define LOOP 0       /* places */
#define SIDE 1

/* What fiber 1 does at the end of a slice, by the rounds that are left; see init. */
#ifdef WAITS_FIRST
#define ROUNDS 1
#define HOGS(r) (r == 0)
#define WAITS(r) (r == 1)
#else
#define ROUNDS 2
#define HOGS(r) (r == 2)
#define WAITS(r) (r == 2)
#endif

#define NODE_NONE 0  /* what is in an inbox for a fiber */
#define NODE_READY 1
#define NODE_ENDED 2

byte word = 0;       /* 0: in runtime */
byte epoch = 0;
bool stealing = false;
byte carrier = NONE; /* Loop::carrier_ */
bool offered = false;
byte side_offers = 0;
byte spares = 0;     /* threads that wait in the pool */
bool asleep = false;
byte eventfd = 0;
bool wanted = false; /* Loop::monitor_wanted */
byte inbox[FIBERS];
bool ready[FIBERS];
bool parked[FIBERS];
byte tokens = 0;     /* notifications that found fiber 1 not parked */
byte live = FIBERS;
bool finished = false;

bool place[FIBERS];
bool exiled[FIBERS];
bool side_lock = false;
bool side_inbox[FIBERS];
bool side_ready[FIBERS];
byte side_running = 0;

/* What no thread reads: for the assertions. */
byte owner = NONE;
byte on[FIBERS];
bool carrier_lives[THREADS];
byte thefts[FIBERS];
byte departures[FIBERS];
byte side_carriers = 0;

/* Fibers' own state. */
byte rounds[FIBERS];

inline own(id) {
  assert(owner == NONE);
  owner = id
}

/* Exiles::holds(): it may have been pardoned at any time before. */
inline look_for_exile(f) {
  if
  :: exiled[f] -> exiled[f] = false
  :: true
  fi
}

/* Loop::send() */
inline send(f, what) {
  atomic { assert(inbox[f] == NODE_NONE); inbox[f] = what };
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

/* Side::wake(): one compare-and-swap, then the pool is asked. */
inline side_wake() {
  atomic {
    woke = false;
    if
    :: side_running < LIMIT -> side_running++; woke = true
    :: else
    fi
  };
  if
  :: woke -> side_offers++
  :: else
  fi
}

/* Side::send() */
inline side_send(f) {
  atomic { assert(!side_inbox[f]); side_inbox[f] = true };
  side_wake()
}

/* Side::drain_inbox(), with the lock held. */
inline drain_side() {
  assert(side_carriers <= side_running);
  f = 0;
  do
  :: f < FIBERS ->
    if
    :: side_inbox[f] ->
      side_inbox[f] = false;
      assert(!side_ready[f] && place[f] == SIDE);
      side_ready[f] = true
    :: else
    fi;
    f++
  :: else -> break
  od
}

proctype Thread(byte id) {
  byte f = 0;
  byte e = 0;
  byte left = NONE; /* Carrier::left: who is sent aside */
  bool mine = false;
  bool woke = false;
  bool stays = false;

  if
  :: id == 0 -> goto adopt /* Runtime::run()'s thread */
  :: else
  fi;

pool:
  spares++;
end_in_pool:
  if
  :: atomic { offered -> offered = false; spares-- }
  :: atomic { !offered && side_offers > 0 -> side_offers--; spares--; side_carriers++ }; goto side_next
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
      :: inbox[f] == NODE_READY ->
        inbox[f] = NODE_NONE;
        assert(!ready[f] && place[f] == LOOP);
        ready[f] = true
      :: inbox[f] == NODE_ENDED -> inbox[f] = NODE_NONE; live--
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
    look_for_exile(f);
    if
    :: exiled[f] -> left = f /* pick() finds it exiled: nobody is on its stack */
    :: else ->
      epoch++;
      e = epoch;
      assert(on[f] == NONE && place[f] == LOOP);
      on[f] = id;
      owner = NONE;
      word = RUNNING(e) /* leave() */
    fi
  };
  if
  :: left != NONE -> /* send_aside() */
    place[left] = SIDE;
    side_send(left);
    left = NONE;
    goto next
  :: else
  fi;

  /* User code of fiber f. */
  if
  :: f == 1 && HOGS(rounds[1]) -> (word != RUNNING(e))
  :: else
  fi;

  /* enter() */
  atomic {
    if
#ifdef BUG_NO_EPOCH
    :: word % 2 == 1 -> word = 0; own(id); goto runtime_call
#else
    :: word == RUNNING(e) -> word = 0; own(id); goto runtime_call
#endif
    :: else
    fi
  };

  /* The loop was stolen: run_after_theft(). */
#ifndef BUG_NO_STEALING_WINDOW
  !stealing;
#endif
  atomic {
    departures[f]++;
    carrier_lives[id] = false; /* the monitor's entry is not touched any more */
    side_carriers++
  };
  goto side_call;

runtime_call:
  atomic { /* the owner's alone, but for the Waiter's state, which is one compare-and-swap */
    assert(owner == id && on[f] == id);
    on[f] = NONE;
    if
    :: rounds[f] == 0 -> live--
    :: f == 1 && WAITS(rounds[f]) ->
      rounds[f]--;
      if
      :: tokens > 0 -> tokens--; ready[f] = true
      :: else -> parked[f] = true
      fi
    :: else -> rounds[f]--; ready[f] = true /* yield */
    fi
  };
  goto next;

idle:
  if
  :: inbox[0] != NODE_NONE || inbox[1] != NODE_NONE -> goto next
  :: else
  fi;
  if
  :: live == 0 -> goto finish
  :: else
  fi;
  asleep = true;
#ifndef BUG_NO_SECOND_LOOK
  if
  :: inbox[0] != NODE_NONE || inbox[1] != NODE_NONE ->
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

/* ---- The side. Side::leave(), on the thread's own stack. */
side_call:
  if
  :: rounds[f] == 0 ->
#ifndef BUG_SENT_BEFORE_OFF_THE_STACK
    on[f] = NONE;
#endif
#ifdef BUG_ENDS_WITHOUT_THE_OWNER
    live--
#else
    send(f, NODE_ENDED)
#endif
  :: f == 1 && WAITS(rounds[f]) -> /* park_fiber() */
    rounds[f]--;
    on[f] = NONE;
    atomic {
      !side_lock;
      side_lock = true;
#ifndef BUG_PLACE_AFTER_THE_WAIT
      place[f] = SIDE
#endif
    };
    atomic {
      mine = false;
      if
      :: tokens > 0 -> tokens--; mine = true /* it need not wait, and goes on here */
      :: else -> parked[f] = true
      fi;
#ifndef BUG_PLACE_AFTER_THE_WAIT
      side_lock = false
#endif
    };
#ifdef BUG_PLACE_AFTER_THE_WAIT
    atomic { place[f] = SIDE; side_lock = false };
#endif
    if
    :: mine -> goto side_slice
    :: else
    fi
  :: else -> /* yield */
    atomic { look_for_exile(f); stays = exiled[f]; rounds[f]-- };
#ifndef BUG_SENT_BEFORE_OFF_THE_STACK
    on[f] = NONE;
#endif
    if
    :: stays ->
      atomic { !side_lock; place[f] = SIDE; assert(!side_ready[f]); side_ready[f] = true }
    :: else ->
#ifndef BUG_COMES_HOME_FROM_THE_SIDE
      place[f] = LOOP;
#endif
      send(f, NODE_READY)
    fi
#ifdef BUG_SENT_BEFORE_OFF_THE_STACK
    ; on[f] = NONE
#endif
  fi;

side_next: /* Side::next() */
  atomic { !side_lock; side_lock = true; drain_side() };
  if
  :: mine = side_running <= LIMIT /* it may stay */
  :: mine = false                 /* demoted */
  fi;
  do
  :: mine && (side_ready[0] || side_ready[1]) ->
    atomic {
      if
      :: side_ready[0] -> f = 0
      :: else -> f = 1
      fi;
      side_ready[f] = false;
      look_for_exile(f)
    };
    if
    :: exiled[f] ->
      if
      :: side_ready[0] || side_ready[1] -> side_wake()
      :: else
      fi;
      side_lock = false;
      goto side_slice
    :: else -> /* pardoned: it comes home */
      place[f] = LOOP;
      send(f, NODE_READY)
    fi
  :: else -> break
  od;
  atomic { side_running--; side_carriers-- };
  if
#ifdef BUG_SIDE_LEAVES_THE_READY_BEHIND
  :: side_inbox[0] || side_inbox[1] -> side_wake()
#else
#ifdef BUG_SIDE_LEAVES_WHAT_CAME_BEHIND
  :: side_ready[0] || side_ready[1] -> side_wake()
#else
  :: side_ready[0] || side_ready[1] || side_inbox[0] || side_inbox[1] -> side_wake()
#endif
#endif
  :: else
  fi;
  side_lock = false;
  goto pool;

side_slice: /* run_slice(); user code that does nothing, and its next call */
  atomic { assert(on[f] == NONE && place[f] == SIDE); on[f] = id };
  goto side_call;

finish:
  atomic {
    assert(owner == id && live == 0);
    assert(thefts[0] == departures[0] && thefts[1] == departures[1]);
    assert(thefts[1] >= 1); /* the hog was rescued */
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
          :: on[0] == carrier -> thefts[0]++; exiled[0] = true
          :: else -> thefts[1]++; exiled[1] = true
          fi
        :: else -> seen = 0
        fi
      };
      if
      :: seen != 0 ->
#ifndef BUG_THE_STOLEN_IS_NOT_COUNTED
        side_running++; /* Side::stolen() */
#endif
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
  bool where = LOOP;
  atomic { /* Waiter::claim() */
    parked_then = parked[1];
    if
    :: parked[1] -> parked[1] = false
    :: else -> tokens++
    fi
  };
  if
  :: parked_then -> /* Fiber::unpark() */
    where = place[1];
    if
    :: where == LOOP -> send(1, NODE_READY)
    :: else -> side_send(1)
    fi
  :: else
  fi
}

init {
  atomic {
    on[0] = NONE;
    on[1] = NONE;
    ready[0] = true;
    ready[1] = true;
    rounds[0] = 1;
    rounds[1] = ROUNDS;
    run Thread(0);
    run Thread(1);
#ifdef THREE_THREADS
    run Thread(2);
#endif
    run Monitor();
    run Waker()
  }
}
