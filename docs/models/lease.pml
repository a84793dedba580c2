/*
 * Lease mode, as a model for Spin. README.md says what is modelled, what is not, and what each step
 * is in lib/protocol/lease.ts. Each atomic step is one thing that an elector, the API server or the
 * world does; anything may happen between any two, and any time may pass.
 *
 * Wrong versions, each of which Spin has to refute:
 *   NO_PRECONDITION    writes replace whatever is stored
 *   NO_LOCAL_EXPIRY    a leader leads until it is told that it does not
 *   FROM_THE_ANSWER    a renewal counts from when it was answered
 *   LATE_ANSWER        the answer to a write that was given up counts
 *   SHORT_EXPIRY       others take over before the leader has stopped: by their own duration, say
 *   BY_RENEW_TIME      others judge by the wall clock, which says anything
 *   RELEASE_UNCHECKED  a release does not look whose lock it is
 *   CREATE_AT_ONCE     a lock that was deleted under its leader is created at once
 *   MINE_IS_MINE       whoever finds a lock anew, free or his own, forgets whom he had seen
 */
#ifndef RESTARTS
#define RESTARTS 1              /* how many electors restart, in all, under their old identity */
#endif
#ifndef DELETIONS
#define DELETIONS 1             /* how often somebody deletes the lock */
#endif

/*
 * Time, in true ticks. VALID: for how many a renewal counts for a leader, whose clock may be the
 * slowest; EXPIRY: after how many others take over, whose clocks may be the fastest. That
 * VALID <= EXPIRY is what leaseDuration > renewDeadline, and the bound on clock rates, mean.
 */
#define VALID 2
#ifdef SHORT_EXPIRY
#define EXPIRY 1
#else
#define EXPIRY 2
#endif

#define N 2
#ifdef THREE
#undef N
#define N 3
#endif
#define NOBODY 7
#define UNREAD 6
#define MAX(a, b) ((a) > (b) -> (a) : (b))

/* The lock. Its version is not counted: all that matters is who knows the latest. */
bool exists;
byte holder = NOBODY;

mtype = { nothing, put, post, release };

/* An elector: what it last saw, whether that is the latest version, and for how long it has known. */
typedef Elector {
  byte seen = UNREAD;
  bool latest;
  bool same;                    /* what was seen has not been deleted since: its UID is the same */
  bool gone;                    /* it was there, and is not any more */
  bool rival;                   /* another may lead on the strength of what was seen */
  byte since;                   /* for how long that has been known */
  bool leading;
  byte proven;                  /* ticks since the last renewal that was answered was decided */
  /* the request under way */
  mtype write = nothing;
  bool current;                 /* the version it is conditional on, then the one it made, is the latest */
  bool carried_out;
  bool won;
  byte age;
  /* one that was given up, and may be carried out all the same */
  mtype late = nothing;
  bool late_current;
};
Elector e[N];
byte restarts, deletions;

#ifdef NO_LOCAL_EXPIRY
#define LEADS(i) (e[i].leading)
#else
#define LEADS(i) (e[i].leading && e[i].proven < VALID)
#endif

#ifdef THREE
#define LEADERS (LEADS(0) + LEADS(1) + LEADS(2))
#else
#define LEADERS (LEADS(0) + LEADS(1))
#endif

/* Whatever anybody knew is not the latest any more. */
inline changed() {
  e[0].latest = false; e[0].current = false; e[0].late_current = false;
  e[1].latest = false; e[1].current = false; e[1].late_current = false;
#ifdef THREE
  e[2].latest = false; e[2].current = false; e[2].late_current = false;
#endif
}

#ifdef NO_PRECONDITION
#define ALLOWED(kind, is_current) (exists || kind == post)
#else
#ifdef RELEASE_UNCHECKED
#define ALLOWED(kind, is_current) (kind == post -> !exists : exists && (is_current || kind == release))
#else
#define ALLOWED(kind, is_current) (kind == post -> !exists : exists && is_current)
#endif
#endif

inline store(kind) {
  changed();
  exists = true;
  if
  :: kind == release -> holder = NOBODY
  :: else -> holder = me
  fi
}

/* What has just been read or written is known as of now. */
inline observe(who, news, same_uid) {
  if
  :: who != NOBODY && who != me && (news || e[me].gone) -> e[me].rival = true; e[me].since = 0
#ifndef MINE_IS_MINE
  :: (who == NOBODY || who == me) && e[me].seen != UNREAD && !same_uid ->
     if
     :: !e[me].gone -> e[me].rival = true; e[me].since = 0
     :: else                    /* its time began when it was found to be gone */
     fi
  :: who == NOBODY && (e[me].seen == UNREAD || same_uid) -> e[me].rival = false; e[me].since = 0
  :: else                       /* mine, perhaps by a write that was given up: a rival stays one */
#else
  :: who == NOBODY || who == me -> e[me].rival = false; e[me].since = 0
  :: else
#endif
  fi;
  e[me].seen = who; e[me].gone = false; e[me].same = true
}

/* Whoever had it may have taken it over unseen. */
inline observe_gone() {
  if
  :: e[me].seen != UNREAD && !e[me].gone -> e[me].gone = true; e[me].rival = true; e[me].since = 0
  :: else
  fi
}

#ifdef BY_RENEW_TIME
#define FREE true
#else
#define FREE (!e[me].rival || e[me].since >= EXPIRY)
#endif
#ifdef CREATE_AT_ONCE
#define MAY_CREATE true
#else
#define MAY_CREATE FREE
#endif

inline send(kind) {
  e[me].write = kind; e[me].current = e[me].latest; e[me].carried_out = false; e[me].age = 0
}

proctype elector(byte me) {
  byte read_holder, read_deleted, made;
  bool read_exists, read_news, read_same;

end:
  do
  /* get: the answer may be old when it arrives, but then a write on its word is refused */
  :: atomic {
       e[me].write == nothing ->
       read_exists = exists; read_holder = holder; read_deleted = deletions; read_news = !e[me].latest; read_same = e[me].same;
       e[me].latest = true
     }
     atomic {
       if
       :: read_exists -> observe(read_holder, read_news, read_same); e[me].same = (read_deleted == deletions)
       :: else -> observe_gone()
       fi;
       if
       :: e[me].leading && read_exists && read_holder != me -> e[me].leading = false
       :: else
       fi;
       read_holder = 0; read_exists = false; read_news = false; read_same = false; read_deleted = 0
     }

  /* decide: follow */
  :: atomic {
       e[me].write == nothing && !e[me].leading && (e[me].gone || e[me].seen == UNREAD) && MAY_CREATE ->
       send(post)
     }
  :: atomic {
       e[me].write == nothing && !e[me].leading && !e[me].gone && e[me].seen != UNREAD && FREE ->
       send(put)
     }

  /* decide: keep */
  :: atomic {
       e[me].write == nothing && LEADS(me) ->
       if
       :: e[me].gone -> send(post)
       :: else -> send(put)
       fi
     }

  /* the API server carries it out */
  :: atomic {
       e[me].write != nothing && !e[me].carried_out ->
       e[me].carried_out = true;
       if
       :: ALLOWED(e[me].write, e[me].current) -> store(e[me].write); e[me].won = true; e[me].current = true; made = deletions
       :: else -> e[me].won = false
       fi
     }

  /* and answers */
  :: atomic {
       e[me].carried_out && e[me].write == release ->
       if
       :: e[me].won -> observe(NOBODY, true, true); e[me].latest = e[me].current; e[me].same = (made == deletions)
       :: else
       fi;
       e[me].write = nothing; e[me].carried_out = false; e[me].won = false; e[me].current = false; e[me].age = 0
     }
  :: atomic {
       e[me].carried_out && (e[me].write == put || e[me].write == post) ->
       if
       :: e[me].won ->
          observe(me, true, true); e[me].latest = e[me].current; e[me].same = (made == deletions);
#ifdef FROM_THE_ANSWER
          e[me].age = 0;
#endif
          if
          :: (LEADS(me) || !e[me].leading) && e[me].age < VALID ->
             e[me].leading = true; e[me].proven = e[me].age
          :: else -> e[me].leading = false
          fi
       :: else
       fi;
       e[me].write = nothing; e[me].carried_out = false; e[me].won = false; e[me].current = false; e[me].age = 0
     }

  /* or the answer is not waited for any longer: what becomes of the write is not known */
  :: atomic {
       e[me].write != nothing && e[me].late == nothing ->
       if
       :: !e[me].carried_out -> e[me].late = e[me].write; e[me].late_current = e[me].current
       :: else
       fi;
       e[me].write = nothing; e[me].carried_out = false; e[me].won = false; e[me].current = false; e[me].age = 0
     }
  :: atomic {
       e[me].late != nothing ->
       if
       :: ALLOWED(e[me].late, e[me].late_current) ->
          store(e[me].late);
#ifdef LATE_ANSWER
          if
          :: e[me].late != release -> e[me].leading = true; e[me].proven = 0; e[me].seen = me; e[me].latest = true
          :: else
          fi
#endif
       :: else
       fi;
       e[me].late = nothing; e[me].late_current = false
     }
  :: atomic { e[me].late != nothing -> e[me].late = nothing; e[me].late_current = false }

  /* lose: the clock says so */
  :: atomic { e[me].leading && e[me].proven >= VALID -> e[me].leading = false }

  /* finish: the work has ended, and so has leading, before the lock is given up */
  :: atomic {
       e[me].leading && e[me].write == nothing && !e[me].gone -> e[me].leading = false;
       send(release)
     }

  /* the process dies and starts anew, under its old identity, knowing nothing */
  :: atomic {
       restarts < RESTARTS && (e[me].write == nothing || e[me].late == nothing) ->
       restarts++;
       if
       :: e[me].write != nothing && !e[me].carried_out ->
          e[me].late = e[me].write; e[me].late_current = e[me].current
       :: else
       fi;
       e[me].write = nothing; e[me].carried_out = false; e[me].won = false; e[me].current = false; e[me].age = 0;
       e[me].leading = false; e[me].proven = 0; e[me].seen = UNREAD; e[me].latest = false;
       e[me].same = false; e[me].gone = false; e[me].rival = false; e[me].since = 0
     }
  od
}

#define OLDER(age, limit) age = (age < (limit) -> age + 1 : age)

inline tick(i) {
  if
  :: e[i].rival -> OLDER(e[i].since, EXPIRY)
  :: else
  fi;
  if
  :: e[i].leading -> OLDER(e[i].proven, VALID)
  :: else -> e[i].proven = 0
  fi;
  if
  :: e[i].write != nothing -> OLDER(e[i].age, VALID)
  :: else
  fi
}

/* Time passes, as long as it likes between any two steps: that is also what a stall is. */
active proctype world() {
  atomic {
    run elector(0); run elector(1);
#ifdef THREE
    run elector(2);
#endif
  }
end:
  do
  :: atomic {
       tick(0); tick(1);
#ifdef THREE
       tick(2);
#endif
     }
  /* Somebody deletes the lock. Of one that had not seen its holder nothing can be asked. */
  :: atomic {
       deletions < DELETIONS && exists && holder != NOBODY && e[0].seen == holder && e[1].seen == holder ->
#ifdef THREE
       if
       :: e[2].seen == holder -> skip
       :: else -> goto end
       fi;
#endif
       deletions++; restarts = RESTARTS; exists = false; holder = NOBODY; changed();
       e[0].same = false; e[1].same = false;
#ifdef THREE
       e[2].same = false
#endif
     }
  od
}

/* At most one leader at any time: looked at whenever anything has happened. */
active proctype safety() {
end:
  do
  :: atomic { LEADERS > 1 -> assert(false) }
  od
}
