/* SPDX-License-Identifier: MIT */
#pragma once

/* What people, devboxctl and devbox-api do while a device joins (two-machines.h), as calls. `wanted` is the
 * last part of the name of the error that a call must end with; NULL: none. */

#include "trust/claim.h"
#include "trust/world.h"
#include "two-machines.h"

/* ---- the hub and its operator */

/* The hub of the network "home", with a root and one invitation. */
void enrol_start_hub(Token *ret_token);

/* The root with this member, which must follow the one before; a token under the one in force. */
void enrol_set_root(const char *version);
void enrol_make_token(uint8_t id, Token *ret_token);
void enrol_invite(const Token *token, const char *wanted);

/* A manifest for the key that the laptop claimed with; `version` is its member as text. */
void enrol_admit(WorldKey key, const char *version, WorldKey signer, const char *wanted);

/* The next one, once it was admitted. */
void enrol_publish(WorldKey key, const char *version);

/* One value of the first pending device; empty: none waits. */
const char *enrol_pending(const char *key);

/* ---- the device */

/* Join and SignJoin; without a token by the one that is kept. Returns the size of the sealed claim. */
size_t enrol_join(WorldKey key, const Token *token, uint8_t sealed[static CLAIM_SEALED_MAX]);

/* The same of a machine that has nothing but the token. */
size_t enrol_claim(const KeyPair *key, const Token *token, uint8_t sealed[static CLAIM_SEALED_MAX]);

/* Claim at the hub; what it answers is opened on the device. The caller unrefs the reply. */
sd_bus_message *enrol_ask(const uint8_t *sealed, size_t size, const char *wanted);

/* A method without arguments. */
void enrol_step(const Machine *machine, const char *member);

/* All of it, to the end: the laptop is a device of a hub that is started for it. */
void enrol_device(void);

/* For mesh_world_until(): the hub counts the laptop as a device; the device has a way through the tunnel to
 * who listens there. */
#define ENROL_HUB_ADDRESS "10.42.0.1"
#define ENROL_HTTP_PORT   8080
bool enrol_is_active(const MeshWorld *world, const void *argument);
bool enrol_reaches_hub(const MeshWorld *world, const void *argument);

/* ---- replies that are dictionaries */

void enrol_read_bytes(sd_bus_message *reply, const char *key, void *ret_bytes, size_t size);
void enrol_assert_value(sd_bus_message *reply, const char *key, const char *wanted);
