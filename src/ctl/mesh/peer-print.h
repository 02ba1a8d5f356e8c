/* SPDX-License-Identifier: MIT */
#pragma once

/* Peers for a person and as JSON, with the members that GET /mesh/peers has. Errors: -ENOMEM, of writing. */

#include "codec/json.h"
#include "ctl/mesh/mesh-client.h"
#include "ctl/print.h"

#define PEER_EXPIRY_WARNING_MS UINT64_C(604800000) /* 7 days */

/* "12 s ago", "never". Returns `buffer`. */
const char *format_ago(char buffer[static FIGURE_MAX], uint64_t time_ms, uint64_t now_ms);

/* "v3, 12 days left", "v3, expired", "ended", "none". Returns `buffer`. */
const char *format_manifest(char buffer[static FIGURE_MAX], const MeshPeer *peer, uint64_t now_ms);

/* Marks one that expires within days. */
Style manifest_style(const MeshPeer *peer, uint64_t now_ms);

/* Of what STATE shows: "online", "joining". */
const char *peer_state(const MeshPeer *peer);
Style peer_style(const MeshPeer *peer);

/* An object with all of it; or members of one. */
void peer_add_json(Json *json, const MeshPeer *peer);
void peer_add_presence(Json *json, const MeshPeer *peer);
void peer_add_manifest(Json *json, const MeshPeer *peer);
