/* SPDX-License-Identifier: MIT */
/* Requests for one device that wait on the hub while the device is away, and people who withdraw their approvals.
 *
 * dispatch (durable queue, one connection per delivery) -> device (ledger durable; the run of a request goes on, or is
 * cancelled, when the connection is lost). What happens to one request on the device is request.pml.
 * The mesh goes down, and dispatch crashes: a budget; when it is spent, all must end.
 *
 * A request that may have arrived is withdrawn by a delivery that says so: the device denies it, or answers with what
 * it knows. Its expiry on the hub is the same. Deliveries overtake each other; the device may
 * not store what it denies, but takes no delivery from before one that withdraws.
 *
 * Checked, exhaustively (run: tests/model/check):
 *   once       each request runs at most once
 *   in order   none runs before those that were submitted earlier have ended, on the device or by a person
 *   withdrawn  a request whose approval was withdrawn before it was sent never runs
 *   truthful   what the hub reports as withdrawn has not run, and never will
 *   drained    the hub reports an end of each
 *
 * -DALL_AT_ONCE sends all that waits when the device is back, and waits for no end in between.
 * -DOVERTAKE goes on with the next request when a connection is lost.
 * -DNO_RECHECK reads the approval when the request is queued, not again before it is sent.
 * -DGUESS withdraws what may have arrived without asking the device.
 * -DNO_FLOOR takes deliveries from before one that withdraws. */

#ifndef OUTAGES
#define OUTAGES 3
#endif
#define N 3

mtype = { none, accepted, started, over };              /* on the device, durable */
mtype = { waiting, sent, reported, cancelled };         /* on the hub, durable; "sent": it may have arrived */

mtype device[N] = none;
mtype hub[N] = waiting;
byte ran[N];
byte outages = OUTAGES;
bool withdrawn[N];
bool late[N];           /* it was withdrawn before it was sent */
bool connected[N];      /* the hub still listens to the run of this request */
bool denied[N];         /* the answer on this connection */
byte counter;           /* of the last delivery */
byte floor;             /* on the device: that of the last one that withdrew */
chan request = [N] of { byte, bool, byte };     /* a delivery; it withdraws the request; its counter */

/* ---- people, and the clock */

proctype Person() {
        byte i = 0;

end:    do
        :: i < N -> if :: withdrawn[i] = true :: skip fi; i++
        :: else -> break
        od
}

/* ---- device */

inline assert_in_order(me) {
        byte before = 0;
        do
        :: before < me ->
                assert(device[before] == over || denied[before] || hub[before] == cancelled); before++
        :: else -> break
        od;
        before = 0
}

proctype Run(byte me) {
        if
        :: atomic { device[me] == accepted ->
                        device[me] = started; ran[me]++; assert(ran[me] <= 1);
                        assert(!late[me]);
                        assert(hub[me] != cancelled);
                        assert_in_order(me) }
           device[me] = over
        :: atomic { !connected[me] || withdrawn[me] -> device[me] = over }      /* hung up, cancelled before it ran */
        fi
}

#ifdef NO_FLOOR
#define IS_DEAD(c) false
#else
#define IS_DEAD(c) (c < floor)
#endif

/* Whichever arrives first. */
#define ARRIVES(i, withdraws)                                                           \
        :: atomic { request??i, withdraws, c ->                                         \
                if                                                                      \
                :: IS_DEAD(c)                                                           \
                :: !IS_DEAD(c) && device[i] == none && withdraws ->                     \
                        denied[i] = true;                                               \
                        if :: c > floor -> floor = c :: else fi                         \
                :: !IS_DEAD(c) && device[i] == none && !withdraws ->                    \
                        device[i] = accepted; run Run(i)                                \
                :: !IS_DEAD(c) && device[i] != none     /* known: its end is the answer */ \
                fi }

proctype Agent() {
        byte c;

end:    do
        ARRIVES(0, false)
        ARRIVES(0, true)
        ARRIVES(1, false)
        ARRIVES(1, true)
        ARRIVES(2, false)
        ARRIVES(2, true)
        od
}

/* ---- dispatch */

#define ENDED(i) (hub[i] == reported || hub[i] == cancelled)

/* The approval counts at the moment of sending. */
#ifdef NO_RECHECK
#define IS_REFUSED(i) was[i]
#else
#define IS_REFUSED(i) withdrawn[i]
#endif

/* Only what has not left the hub ends without the device. */
#ifdef GUESS
#define ENDS_HERE(i) (IS_REFUSED(i))
#else
#define ENDS_HERE(i) (IS_REFUSED(i) && hub[i] == waiting)
#endif

inline begin(i) {
        if :: hub[i] == waiting -> late[i] = withdrawn[i] :: else fi;
        withdraws = IS_REFUSED(i);
        hub[i] = sent;
        denied[i] = false;
        connected[i] = true
}

/* One delivery, until its end or the loss of its connection. */
inline deliver(i) {
        if
        :: atomic { nfull(request) -> counter++; request!i, withdraws, counter }
        :: atomic { outages > 0 -> outages--; connected[i] = false }            /* it never arrived */
        fi;
        if
        :: atomic { device[i] == over && connected[i] -> hub[i] = reported }
        :: atomic { denied[i] && connected[i] -> assert(ran[i] == 0); hub[i] = cancelled }
        :: atomic { connected[i] && outages > 0 -> outages--; connected[i] = false }    /* on the way, or while it runs */
        :: atomic { connected[i] && !withdraws && IS_REFUSED(i) -> connected[i] = false }       /* hangs up */
        :: !connected[i]
        fi
}

#ifdef ALL_AT_ONCE
proctype Delivery(byte i) {
        bool withdraws;

        do
        :: ENDED(i) -> break
        :: atomic { !ENDED(i) && ENDS_HERE(i) -> hub[i] = cancelled }
        :: atomic { !ENDED(i) && !ENDS_HERE(i) -> begin(i) }; deliver(i)
        od
}
#endif

active proctype Dispatch() {
        byte i = 0;
        bool withdraws;
#ifdef NO_RECHECK
        bool was[N];
        do :: i < N -> was[i] = withdrawn[i]; i++ :: else -> break od;
        i = 0;
#endif

        run Person();
        run Agent();
#ifdef ALL_AT_ONCE
        do :: i < N -> run Delivery(i); i++ :: else -> break od;
        i = N;
#endif
        do
        :: i >= N -> break
        :: i < N && ENDED(i) -> i++
        :: atomic { i < N && !ENDED(i) && ENDS_HERE(i) -> assert(ran[i] == 0); hub[i] = cancelled }
        :: atomic { i < N && !ENDED(i) && !ENDS_HERE(i) -> begin(i) }; deliver(i)
#ifdef OVERTAKE
        :: atomic { i + 1 < N && hub[i] == sent && hub[i + 1] == waiting && !IS_REFUSED(i + 1) -> begin(i + 1) };
           deliver(i + 1)
#endif
        od
}

#ifdef LIVENESS
ltl drained { <> (ENDED(0) && ENDED(1) && ENDED(2)) }
#endif
