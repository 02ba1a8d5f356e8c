/* SPDX-License-Identifier: MIT */
#pragma once

/* A hub and devices that join it, without daemons: two folders with their databases, and each step as one
 * call. Time is what the test says. */

#include "mesh/admission.h"
#include "mesh/claim.h"

#include "trust/world.h"

#define ENROL_WORLD_PATH_SIZE 64

typedef struct EnrolWorld {
        char hub_directory[ENROL_WORLD_PATH_SIZE], device_directory[ENROL_WORLD_PATH_SIZE];
        Store hub_store, device_store;
        Node node;
        Root *root;
        char *root_text;
        Secret *claim_key, *wireguard_key;
        RateLimit rejections, alarms;
        Hub hub;
} EnrolWorld;

/* Of cmocka; *state is the world. */
int enrol_world_up(void **state);
int enrol_world_down(void **state);

/* Closes both databases, as a crash does between two steps, and opens them again. */
void enrol_world_crash(EnrolWorld *world);

/* Moves both clocks of the hub; or only the wall clock, as a step does. */
void enrol_world_wait(EnrolWorld *world, int64_t ms);
void enrol_world_step(EnrolWorld *world, int64_t ms);

/* A signed token for that name; `number` makes its id and secret. `bound` may be NULL. */
void enrol_world_token(const EnrolWorld *world, const char *device, unsigned number, const PublicKey *bound,
                       Token *ret_token);
int enrol_world_invite(EnrolWorld *world, const Token *token);

/* What the operator signs for that key; the caller frees it. Version 0: the next one. */
char *enrol_world_manifest(EnrolWorld *world, const char *device, WorldKey key, WorldKey signer);

/* ---- a claim without a device's database: as of a thief, or of one of many */

typedef struct Claimant {
        Secret *wireguard_key, *ephemeral;
        Claim claim;
        uint8_t body[CLAIM_BODY_MAX], sealed[CLAIM_SEALED_MAX];
        size_t body_size, sealed_size;
        Signature signature;
        Sha256 digest;
} Claimant;

void claimant_init(Claimant *claimant, const Token *token, const KeyPair *device_key);
void claimant_done(Claimant *claimant);

/* Sends the claim; on success the answer is opened if `ret_answer` is not NULL. */
int claimant_ask(EnrolWorld *world, const Claimant *claimant, Answer **ret_answer, MeshEvent *ret_event);

/* ---- rows */

int64_t enrol_world_count(const Store *store, const char *sql);
void enrol_world_check(const EnrolWorld *world); /* what holds at every moment */

/* Whether any file of either side has these bytes. */
bool enrol_world_has_bytes(const EnrolWorld *world, Bytes bytes);
