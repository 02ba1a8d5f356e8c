/* SPDX-License-Identifier: MIT */
#pragma once

/* Brings what a device's chain has grown by, with the signed documents behind it, to the hub's ledger, which
 * checks, keeps and countersigns it, and the countersignature to the device: Ledger1.GetReplica, GET
 * /v1/entries, Ledger1.Witness, POST /v1/cosignature. */

#include "bus/client.h"
#include "http/client.h"

/* The reply of GetReplica; the text is borrowed. Errors: those of bus_dictionary_read(). */
typedef struct WitnessedChain {
        uint64_t size;
        const char *quarantine; /* the code of what the device did; NULL: nothing */
} WitnessedChain;

int witnessed_chain_read(sd_bus_message *reply, WitnessedChain *ret_chain);

typedef struct Witness Witness;

/* `device` is borrowed. */
int witness_new(HttpClient *http, BusClient *ledger, const char *device, Witness **ret_witness);
Witness *witness_free(Witness *witness);
DEFINE_CLEANUP(Witness, witness_free);

/* What the device states about all of its chain at the beginning of a session. It counts where the device
 * has fewer entries than the hub, which cannot happen to a chain that only grows. */
void witness_set_checkpoint(Witness *witness, const char *checkpoint);

/* Begins with the agent at this URL, unless it is under way; then once more at its end. Errors: -ENOMEM. */
int witness_start(Witness *witness, const char *url);
bool witness_is_running(const Witness *witness);

/* How many entries the hub has countersigned, as far as was seen here. */
uint64_t witness_entries(const Witness *witness);

/* Why the last attempt failed, static; NULL: it did not, or there was none, and it is not known. */
const char *witness_problem(const Witness *witness);
bool witness_is_known(const Witness *witness);
