/* SPDX-License-Identifier: MIT */
/* One request from the hub's queue to a worker and back, while everything may die at any step.
 *
 * dispatch (durable queue) -> agent (nothing durable) -> ledger (durable) -> worker (one use) and back.
 * The network loses, repeats and delays. Crashes are a budget; when it is spent, all must end well.
 *
 * Checked, exhaustively (run: tests/model/check):
 *   once      the command runs at most once
 *   honest    "finished" means it ran; "interrupted" and "failed" mean that it did not; "unknown" may be either
 *   reported  the hub always learns an end
 *
 * -DHOSTILE replaces the agent by one that calls anything with anything it has seen; then once and honest must hold.
 * -DNO_PERMIT shows what the permit is for: the same attacker runs the command twice.
 * -DNO_MAC shows what the MAC of the worker's end is for: the same attacker reports a run that never was.
 * -DNO_WATCH shows what the ledger's watch of the agent's connection is for: a request stays open for ever. */

#ifndef CRASHES
#define CRASHES 3
#endif
#define WORKERS 3

mtype = { none, accepted, started, finished, failed, interrupted, unknown };

mtype state = none;     /* ledger, durable */
byte ran = 0;           /* how often the command ran */
byte crashes = CRASHES;
byte n_workers = 0;
byte permit[WORKERS];   /* 1: this worker holds a permit over its own bytes */
byte spent[WORKERS];    /* 1: this worker has run or is gone */
byte ended[WORKERS];    /* 1: it has sent its end, with the MAC of its permit */

mtype hub = none;       /* what the hub has reported; durable */
chan to_device = [2] of { byte };
chan to_hub = [2] of { mtype };

/* ---- ledger: each operation is one commit */

inline ledger_recover() {
        if
        :: state == accepted -> state = interrupted
        :: state == started -> state = unknown
        :: else
        fi
}

/* The answer may be lost although the commit is there. `ok` is false then. */
#define CALL(operation, ok)                                                         \
        atomic {                                                                    \
                if                                                                  \
                :: operation; ok = true                                             \
                :: crashes > 0 -> crashes--; operation; ledger_recover(); ok = false \
                :: crashes > 0 -> crashes--; ledger_recover(); ok = false           \
                fi                                                                  \
        }

inline accept(was) { was = state; if :: state == none -> state = accepted :: else fi }
inline start_it(worker, may) {
        may = false;
        if :: state == accepted -> state = started; may = true :: else fi
}
inline finish_without_end() {
        if :: state == accepted -> state = failed :: state == started -> state = unknown :: else fi
}
inline finish_with_end() { if :: state == started -> state = finished :: else fi }

/* ---- worker: runs once, only with a permit over its own bytes */

proctype Worker(byte me) {
end:    if
        :: atomic {
                permit[me] == 1 && spent[me] == 0 -> ran++; assert(ran <= 1);
                assert(state != failed && state != interrupted);
                if :: ended[me] = 1 :: crashes > 0 -> crashes-- fi;     /* killed while it ran */
                spent[me] = 1
           }
        :: spent[me] == 1                   /* hung up before it ran */
        :: atomic { crashes > 0 && spent[me] == 0 -> crashes--; spent[me] = 1 }
        fi
}

/* ---- agent */

#ifndef HOSTILE
inline answer(what) {
        if
        :: to_hub!what
        :: crashes > 0 -> crashes--         /* lost on the way */
        :: hub != none                      /* it did not wait */
        fi
}

proctype Agent() {
        mtype was;
        bool ok, may;
        byte worker;

endwait:
        atomic {
                if
                :: to_device?_
                :: crashes > 0 -> crashes--; goto dead
                :: (hub != none) -> goto end
                fi
        }
        CALL(accept(was), ok);
        if
        :: !ok -> goto endwait                 /* the hub asks again */
        :: ok && was != none ->
                if
                :: was == accepted || was == started -> skip    /* under way: the end will be sent */
                :: else -> answer(was)
                fi;
                goto endwait
        :: else
        fi;
        if :: crashes > 0 -> crashes--; goto dead :: skip fi;

        atomic {
                if
                :: n_workers < WORKERS -> worker = n_workers; n_workers++; run Worker(worker)
                :: else -> goto refuse
                fi
        }
        CALL(start_it(worker, may), ok);
        if
        :: !ok || !may -> spent[worker] = 1; goto endwait          /* hangs up; the ledger knows the end or recovers */
        :: else
        fi;
        if :: crashes > 0 -> crashes--; goto dead :: skip fi;
        permit[worker] = 1;
        if :: crashes > 0 -> crashes--; goto dead :: skip fi;

        (spent[worker] == 1);               /* its end, or its connection's */
        if
        :: ended[worker] -> CALL(finish_with_end(), ok)
        :: else -> CALL(finish_without_end(), ok)       /* it died with the permit in its hand */
        fi;
        if :: ok -> answer(state) :: else fi;
        goto endwait;

refuse: CALL(finish_without_end(), ok);
        goto endwait;

dead:   atomic {
                /* its connections close: workers without a permit end, the ledger sees the name go */
                byte i = 0;
                do
                :: i < WORKERS -> if :: i < n_workers && permit[i] == 0 -> spent[i] = 1 :: else fi; i++
                :: else -> break
                od;
#ifndef NO_WATCH
                ledger_recover();
#endif
                i = 0
        }
        goto endwait;
end:    skip
}
#else
/* Holds the agent's uid and sockets: starts workers, calls the ledger, replays what it has seen. It cannot make a
 * permit; it can hand any permit it holds to any worker, which takes only the one over its own bytes. */
inline honest() {
        assert(state != finished || ran == 1);
        assert((state != failed && state != interrupted) || ran == 0)
}

proctype Agent() {
        mtype was;
        bool may;
        byte worker, other;
        bool seen[WORKERS];

end:    do
        :: atomic { accept(was) }
        :: atomic { n_workers < WORKERS -> run Worker(n_workers); n_workers++ }
        :: atomic {
                if :: worker = 0 :: worker = 1 :: worker = 2 fi;
                if :: other = 0 :: other = 1 :: other = 2 fi;
                start_it(worker, may);
                if :: may -> seen[worker] = true :: else fi;
#ifdef NO_PERMIT
                if :: (seen[0] || seen[1] || seen[2]) && other < n_workers -> permit[other] = 1 :: else fi
#else
                if :: seen[other] && other < n_workers -> permit[other] = 1 :: else fi
#endif
           }
        :: atomic { true -> finish_without_end(); honest() }
#ifdef NO_MAC
        :: atomic { true -> finish_with_end(); honest() }
#else
        :: atomic { ended[0] || ended[1] || ended[2] -> finish_with_end(); honest() }
#endif
        :: atomic { crashes > 0 -> crashes--; ledger_recover(); honest() }
        od
}
#endif

/* ---- dispatch: asks until it knows an end; a crash forgets nothing */

active proctype Dispatch() {
        mtype what;

        run Agent();
#ifndef HOSTILE
        do
        :: nfull(to_device) -> to_device!1          /* first time, again, or twice */
        :: to_hub?what ->
                assert(what == finished || what == failed || what == interrupted || what == unknown);
                assert(what != finished || ran == 1);
                assert((what != failed && what != interrupted) || ran == 0);
                hub = what;
                break
        od;
#endif
        skip
}

#ifdef LIVENESS
ltl reported { <> (hub != none) }
#endif

