/* SPDX-License-Identifier: MIT */
/* One invitation: a device, a hub, an operator at the hub, and a thief who has the token, too; then a revocation. The hub's
 * side is src/mesh/{claim,admission}.c, where `held` ends when the operator withdraws it; the device's is src/mesh/join.c,
 * and what an admitted one installs, in the order of src/ctl/join/join.c, src/ledger/enroll.c.
 * Hub and device may die at any step, messages may be lost. Kernel peers are gone after a crash of the hub.
 *
 * Checked, exhaustively (tests/model/check):
 *   one        at most one of the two is ever admitted, and it is never the thief
 *   peers      a peer is in the kernel only if it is admitted and not revoked, at every moment
 *   revoked    once revoking has answered, the peer never comes back, whatever dies
 *   installed  the device opens its own tunnel, and forgets the token, with a chain and a manifest in its ledger only
 *   ends       without a thief, the device always ends up active, or the token expires
 *
 * Variants that must fail: -DGRIND (digits that a claimant can compute before the hub has answered: a thief searches until
 * its own equal those that the device shows), -DNO_REPLAY (the same claim is not answered again once it was admitted),
 * -DNO_JOURNAL (revoking writes the database only), -DLOAD_FIRST (at start, peers are loaded before the journal is applied),
 * -DTUNNEL_FIRST (the device's own tunnel before its ledger has anything: whoever goes on after a crash takes that for done),
 * -DMANIFEST_FIRST (the manifest before Enroll, which begins the chain that takes it). */

#ifndef CRASHES
#define CRASHES 3
#endif

#define DEV 1
#define THIEF 2

mtype = { issued, claimed, held, spent, expired };
mtype = { no_keys, keys, pending, installing, joined };

/* hub, durable */
mtype token = issued;
byte claimant = 0, admitted = 0;
bool journal = false;                   /* the device's key is in the revocation journal */
bool database = false;                  /* ... and in the database */
/* hub, kernel */
bool peer[3];
bool revoke_done = false;
/* device, durable */
mtype device = no_keys;                 /* without a crash, how far devboxctl enroll is */
bool chain = false, manifest = false;   /* in its ledger */
bool tunnel = false;                    /* its own key and address (FinishJoin) */
/* what each screen shows: equal means the operator sees the same digits */
byte hub_digits = 0, device_digits = 0;

byte crashes = CRASHES;

#ifdef GRIND
#define SHOWN(who) 7                    /* the thief searched until they fit */
#else
#define SHOWN(who) (who)                /* a hash of the claim and of a nonce drawn after the claim was committed */
#endif

#ifdef TUNNEL_FIRST
#define MAY_INSTALL tunnel
#define MAY_FINISH  true
#else
#define MAY_INSTALL true
#define MAY_FINISH  (chain && manifest)
#endif
#ifdef MANIFEST_FIRST
#define MAY_ENROLL manifest
#else
#define MAY_ENROLL true
#endif

#define REVOKED (journal || database)
#define SAFE (!peer[THIEF] && (!peer[DEV] || admitted == DEV) && (!revoke_done || !peer[DEV]))

inline hub_restarts() {
        peer[DEV] = false; peer[THIEF] = false;
#ifdef LOAD_FIRST
        if :: admitted != 0 && !database -> peer[admitted] = true :: else fi;
        assert(SAFE);
        if :: journal -> peer[DEV] = false :: else fi
#else
        if :: admitted != 0 && !REVOKED -> peer[admitted] = true :: else fi
#endif
}

/* One compare-and-set transaction. The nonce that makes the digits is drawn after the claim is committed. */
inline claim(who, answered) {
        answered = false;
        if
        :: token == issued -> token = claimed; claimant = who; answered = true
        :: token == claimed && claimant == who -> answered = true       /* the same claim again */
#ifndef NO_REPLAY
        :: token == spent && claimant == who -> answered = true         /* ... also after it was admitted */
#endif
        :: token == claimed && claimant != who -> token = held          /* alarm */
        :: else
        fi;
        hub_digits = SHOWN(claimant)
}

active proctype Device() {
        bool answered;

end:    do
        :: device == no_keys -> device = keys                           /* made and on the disk before the first byte */
        :: device == keys && token != expired && token != held ->
                atomic {
                        if
                        :: claim(DEV, answered)
                        :: crashes > 0 -> crashes--; answered = false           /* lost, or kept back by the thief */
#ifdef GRIND
                                ; device_digits = 7
#endif
                        fi;
                        if
                        :: answered -> device = pending; device_digits = SHOWN(DEV)
                        :: answered && crashes > 0 -> crashes--                 /* the answer is lost; asked again */
                        :: !answered
                        fi
                }
        :: device == pending && admitted == DEV -> device = installing
        :: device == installing && MAY_INSTALL && MAY_ENROLL && !chain -> chain = true
        :: device == installing && MAY_INSTALL && chain && !manifest -> manifest = true
#ifdef MANIFEST_FIRST
        :: device == installing && !chain -> device = keys                              /* rejected: there is no chain */
#endif
        :: device == installing && MAY_FINISH && !tunnel -> tunnel = true
        :: device == installing && tunnel && chain && manifest -> device = joined       /* confirmed from inside it */
        :: atomic { crashes > 0 && (device == pending || device == installing) -> crashes--; device = keys }
        :: atomic { device == keys && tunnel -> device = joined; assert(chain && manifest) }    /* goes on from there */
        :: device == joined || token == expired || token == held -> break
        od
}

#ifdef WITH_THIEF
active proctype Thief() {
        bool answered;

end:    do
        :: atomic { token == issued || token == claimed -> claim(THIEF, answered) }
        :: atomic { token != issued && token != claimed -> break }
        od
}
#endif

active proctype Operator() {
end:    do
        :: atomic { token == claimed && device_digits != 0 && hub_digits == device_digits ->    /* compares, then signs */
                admitted = claimant; token = spent; assert(admitted == DEV); peer[admitted] = true; assert(SAFE) }
        :: atomic { token == claimed && device_digits != 0 && hub_digits != device_digits -> token = held }
#ifndef LIVENESS
        :: atomic { token == issued -> token = expired }
#endif
        :: token == held || token == expired -> break
        :: token == spent && device == joined -> goto revoke
        od;
        goto done;

revoke:
#ifndef LIVENESS
#ifndef NO_JOURNAL
        journal = true;
        if :: atomic { crashes > 0 -> crashes--; hub_restarts(); assert(SAFE) } :: skip fi;
#endif
        peer[DEV] = false;
        revoke_done = true;                                             /* answered: the database may be locked or full */
        assert(SAFE);
        if :: atomic { crashes > 0 -> crashes--; hub_restarts(); assert(SAFE) } :: skip fi;
        if :: database = true :: skip fi;
        if :: atomic { crashes > 0 -> crashes--; hub_restarts(); assert(SAFE) } :: skip fi;
#endif
done:   skip
}

active proctype Crash() {
end:    do
        :: atomic { crashes > 0 -> crashes--; hub_restarts(); assert(SAFE) }
        od
}

#ifdef LIVENESS
ltl ends { <> (device == joined) }
#endif
