/* SPDX-License-Identifier: MIT */
/* Requests for one device that wait on the hub while the device is away, and people who withdraw their approvals.
 *
 * dispatch (durable queue, one connection per delivery) -> device (ledger durable; the run of a request goes on, or is
 * cancelled, when the connection is lost). What happens to one request on the device is request.pml.
 * The mesh goes down, and dispatch crashes: a budget; when it is spent, all must end.
 *
 * Checked, exhaustively (run: tests/model/check):
 *   once       each request runs at most once
 *   in order   none runs before those that were submitted earlier have ended, on the device or by a person
 *   withdrawn  a request whose approval was withdrawn before it was sent never runs
 *   drained    the hub reports an end of each
 *
 * "cancelled" says nothing about what ran: the connection may have been lost after the request had arrived.
 *
 * -DALL_AT_ONCE sends all that waits when the device is back, and waits for no end in between.
 * -DOVERTAKE goes on with the next request when a connection is lost.
 * -DNO_RECHECK reads the approval when the request is queued, not again before it is sent. */

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
chan request = [N] of { byte };

/* ---- people */

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
        :: before < me -> assert(device[before] == over || hub[before] == cancelled); before++
        :: else -> break
        od;
        before = 0
}

proctype Run(byte me) {
        if
        :: atomic { device[me] == accepted ->
                        device[me] = started; ran[me]++; assert(ran[me] <= 1);
                        assert(!late[me]);
                        assert_in_order(me) }
           device[me] = over
        :: atomic { !connected[me] || withdrawn[me] -> device[me] = over }      /* hung up, cancelled before it ran */
        fi
}

proctype Agent() {
        byte i;

end:    do
        :: atomic { request?i ->
                if
                :: device[i] == none -> device[i] = accepted; run Run(i)
                :: else         /* known: its end will be told */
                fi }
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

inline begin(i) {
        if :: hub[i] == waiting -> late[i] = withdrawn[i] :: else fi;
        hub[i] = sent;
        connected[i] = true
}

/* One delivery, until its end or the loss of its connection. */
inline deliver(i) {
        if
        :: request!i
        :: atomic { outages > 0 -> outages--; connected[i] = false }            /* it never arrived */
        fi;
        if
        :: atomic { device[i] == over && connected[i] -> hub[i] = reported }
        :: atomic { connected[i] && outages > 0 -> outages--; connected[i] = false }    /* on the way, or while it runs */
        :: !connected[i]
        fi
}

#ifdef ALL_AT_ONCE
proctype Delivery(byte i) {
        do
        :: ENDED(i) -> break
        :: atomic { !ENDED(i) && IS_REFUSED(i) -> hub[i] = cancelled }
        :: atomic { !ENDED(i) && !IS_REFUSED(i) -> begin(i) }; deliver(i)
        od
}
#endif

active proctype Dispatch() {
        byte i = 0;
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
        :: atomic { i < N && !ENDED(i) && IS_REFUSED(i) -> hub[i] = cancelled }
        :: atomic { i < N && !ENDED(i) && !IS_REFUSED(i) -> begin(i) }; deliver(i)
#ifdef OVERTAKE
        :: atomic { i + 1 < N && hub[i] == sent && hub[i + 1] == waiting && !IS_REFUSED(i + 1) -> begin(i + 1) };
           deliver(i + 1)
#endif
        od
}

#ifdef LIVENESS
ltl drained { <> (ENDED(0) && ENDED(1) && ENDED(2)) }
#endif
