/* SPDX-License-Identifier: MIT */
#pragma once

/* From what a person typed to a request, with the help of the hub's copy of the device's manifest: which
 * program `ls` is, which root a path is below, and which approval it needs. Nothing is judged here: what no
 * entry allows is sent as well, so that the device rejects it and its chain has it. */

#include "proto/id.h"
#include "trust/manifest.h"
#include "trust/request.h"

typedef struct ComposeInput {
        const char *device;
        const char *capability; /* "shell.exec"; any name */
        char *const *words;     /* what follows it */
        size_t n_words;
        const SchemaBlob *content; /* fs.write; NULL: the words after the path, with blanks between */
        bool replace;              /* fs.write */

        const Manifest *manifest;
        Sha256 manifest_sha256;
        const RequestOrigin *origin;
        RequestLimits limits;
        uint64_t now_ms;
} ComposeInput;

typedef struct Composed {
        char *payload;     /* the request's JSON; these two are owned */
        char *description; /* request_describe() */
        char request_id[ULID_SIZE];
        char subject[64];             /* "shell.exec.rm" */
        const Capability *capability; /* the entry that allows it, in the manifest; NULL: none */
        uint64_t expires_at_ms;
} Composed;

#define COMPOSED_NULL ((Composed){ .payload = NULL })

static inline void composed_done(Composed *composed)
{
        free(composed->payload);
        free(composed->description);
}

/* Errors: DEVBOX_ERROR_BAD_REQUEST, then `ret_why` says what is missing; -ENOMEM. */
int compose_request(const ComposeInput *input, Composed *ret_composed, const char **ret_why);

/* A request that a device must reject as a replay: another id, and all that `used` asked for, with its
 * nonce. Of `input` device, manifest, origin and time are read. Dated so far back that a device that has
 * never seen the nonce rejects it for that: it is never run. Errors: -ENOMEM; -EINVAL. */
int compose_replay(const ComposeInput *input, const Request *used, Composed *ret_composed);
