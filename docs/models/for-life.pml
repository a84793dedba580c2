/*
 * Leader for life, as a model for Spin. README.md says what is modelled, what is not, and what each
 * step is in lib/protocol/for-life.ts. Each atomic step is one request as the API server carries it
 * out, or one thing that happens in the world; anything may happen between any two.
 *
 * Wrong versions, each of which Spin has to refute:
 *   NO_PRECONDITION      the lock is deleted, whichever it is by now
 *   NAME_FOR_UID         Pods are told apart by their names
 *   TERMINATING_IS_OVER  a Pod that is being deleted counts as ended
 *   PHASE_IS_ENOUGH      so does a terminal phase, although a container runs
 *   REWRITE              the lock is taken over in place, as by an update
 *   NO_RECLAIM           candidates leave everything to the garbage collector
 */
#ifndef RESTARTS
#define RESTARTS 1              /* how many containers restart, in all */
#endif
#ifndef RELEASES
#define RELEASES 1              /* how often leadership is given up early, in all */
#endif

/*
 * Three Pods: 0 and 1 come and go; 2 takes the name of 0 when that is gone, as in a StatefulSet, and
 * stays. What the API server says of each, and what is true of its process, are two things.
 */
#define PODS 3
mtype = { unborn, alive, terminating, finishing, finished, gone };
mtype pod[PODS] = unborn;
bool running[PODS];
byte process[PODS];             /* which of the Pod's processes runs: containers restart */
bool leads[PODS];

/* The lock. A UID is never used again. */
#define UIDS 12
bool exists;
byte uid;
byte owner;

bool collecting = true;         /* the garbage collector has not been stopped */
byte restarts, releases;

#define RUNS (running[me] && process[me] == mine)

#ifdef NAME_FOR_UID
#define NAME(who) ((who) == 2 -> 0 : (who))
#define CURRENT(who) (NAME(who) == 0 && pod[2] != unborn -> 2 : (who))
#define IS_ME(who) (NAME(who) == NAME(me))
#define SAID(who) (pod[CURRENT(who)])
#else
#define IS_ME(who) ((who) == me)
#define SAID(who) (pod[who])
#endif

#ifdef TERMINATING_IS_OVER
#define OVER(state) ((state) == finished || (state) == gone || (state) == terminating)
#else
#ifdef PHASE_IS_ENOUGH
#define OVER(state) ((state) == finished || (state) == gone || (state) == finishing)
#else
#define OVER(state) ((state) == finished || (state) == gone)
#endif
#endif

inline delete_lock(which) {
#ifdef NO_PRECONDITION
  exists = false
#else
  if
  :: exists && uid == which -> exists = false
  :: else
  fi
#endif
}

/* At most one leader: all there is to safety. */
inline become_leader() {
  leads[me] = true;
  assert(leads[0] + leads[1] + leads[2] <= 1)
}

proctype candidate(byte me; byte mine) {
  byte seen_uid, seen_owner;
  mtype holder;

attempt:
  atomic {
    if
    :: !RUNS -> goto dead
    :: RUNS && exists -> goto inspect                     /* attempted: exists */
    :: RUNS && !exists ->
       assert(uid < UIDS - 1);
       exists = true; uid++; owner = me;
       if
       :: goto lead                                       /* attempted: created */
       :: goto inspect                                    /* created; the answer was lost */
       fi
    fi
  }

inspect:
  atomic {                                                /* the lock is read */
    if
    :: !RUNS -> goto dead
    :: RUNS && !exists -> goto attempt
    :: RUNS && exists && IS_ME(owner) -> goto lead
    :: RUNS && exists && !IS_ME(owner) -> seen_uid = uid; seen_owner = owner
    fi
  }
  atomic {                                                /* then its holder: later */
    if
    :: !RUNS -> goto dead
    :: else -> holder = SAID(seen_owner)
    fi
  }
#ifndef NO_RECLAIM
  if
  :: OVER(holder) -> goto reclaim
  :: else
  fi;
#endif
  atomic {                                                /* wait for a hint, or for the poll */
    (!RUNS || !exists || uid != seen_uid || owner != seen_owner || SAID(seen_owner) != holder);
    goto inspect
  }

reclaim:
  atomic {
    if
    :: !RUNS -> goto dead
    :: else
    fi;
#ifdef REWRITE
    if
    :: exists && uid == seen_uid && owner == seen_owner -> owner = me; goto lead
    :: else -> goto inspect
    fi
#else
    delete_lock(seen_uid);
    goto attempt
#endif
  }

lead:
  atomic {
    if
    :: !RUNS -> goto dead
    :: else -> become_leader()
    fi
  }
  if
  :: atomic { !RUNS -> goto dead }
  :: atomic {                                             /* release(): the work has ended */
       RUNS && me != 2 && releases < RELEASES ->
       releases++; leads[me] = false;
       if
       :: exists && owner == me -> seen_uid = uid
       :: else -> goto retired
       fi
     }
     atomic {
       if
       :: RUNS -> delete_lock(seen_uid)
       :: else
       fi
     }
  fi;

retired:                                                  /* it does not ask again */
  !RUNS;

dead:
  skip
}

/* What the promise rests on: an object goes only after the process that it stands for. */
inline live(me) {
  do
  :: atomic {                                             /* created; the name has to be free */
       pod[me] == unborn && (me != 2 || pod[0] == gone) ->
       pod[me] = alive; running[me] = true; process[me] = 1; run candidate(me, 1)
     }
  :: atomic { pod[me] == alive && me != 2 -> pod[me] = terminating }
  :: atomic { me != 2 && running[me] && (pod[me] == alive || pod[me] == terminating) ->
       pod[me] = finishing                                /* evicted: said before it is true */
     }
  :: atomic { running[me] && (pod[me] == terminating || pod[me] == finishing) ->
       running[me] = false; leads[me] = false
     }
  :: atomic { !running[me] && (pod[me] == terminating || pod[me] == finishing) ->
       pod[me] = finished
     }
  :: atomic { !running[me] && (pod[me] == finished || pod[me] == terminating) ->
       pod[me] = gone; break
     }
  :: atomic {                                             /* same Pod, same UID, new process */
       running[me] && pod[me] == alive && restarts < RESTARTS ->
       restarts++; process[me]++; leads[me] = false; run candidate(me, process[me])
     }
  od
}

active proctype pod_0() { live(0) }
active proctype pod_1() { live(1) }
active proctype pod_2() {
end:
  live(2)
}

/* It looks, and deletes later what it saw. Since Kubernetes 1.36 with a resourceVersion; if that is
 * refused, and always before 1.36, by the UID alone. */
active proctype garbage_collector() {
  byte doomed;
end:
  do
  :: atomic { collecting && exists && pod[owner] == gone -> doomed = uid }
     atomic {
       if
       :: exists && uid == doomed -> exists = false
       :: else
       fi
     }
  :: atomic { collecting -> collecting = false; break }
  od
}

/* When nothing is left that could happen, the Pod that stays leads. */
active proctype liveness() {
  timeout ->
  assert(leads[2])
}
