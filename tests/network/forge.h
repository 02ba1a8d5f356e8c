/* SPDX-License-Identifier: MIT */
#pragma once

/* The tools of an attacker who has the hub of an installed network: its address in the mesh, its keys and
 * its files. Signs documents as it likes, sends them to a device's agent, and reads in the device's chain
 * what became of them. What must work and does not ends the program. */

#include <curl/curl.h>
#include <systemd/sd-bus.h>

#include "basic/text.h"
#include "trust/accept.h"
#include "trust/result.h"

typedef enum Signer {
        DISPATCHER,
        ATTESTER,
        OPERATOR,
        BEN, /* an approver's own key */
        STRANGER,
        _SIGNER_MAX,
} Signer;

/* One replacement in a text; a `from` that is not there ends the program. */
typedef struct Edit {
        const char *from, *to;
} Edit;

#define EDITS_MAX 3

typedef struct Edits {
        Edit items[EDITS_MAX];
} Edits;

/* What is delivered: envelopes as text, and what is in them. */
typedef struct Bundle {
        char *request, *delivery, *approvals[2];
        size_t n_approvals;
        char id[ULID_SIZE], nonce[33];
        Sha256 digest; /* of the request */
} Bundle;

void bundle_done(Bundle *bundle);

/* Ends the program unless r is 0. */
void must(int r, const char *what);

typedef struct Forge {
        const char *device, *agent; /* its name; the address and the port of its agent */
        uint64_t ahead_ms;          /* how far the device's clock is ahead */
        KeyPair *keys[_SIGNER_MAX];
        sd_bus *bus;
        CURL *curl;

        /* Of the device. */
        char *manifest_text; /* the envelope */
        Envelope *manifest_envelope, *root_envelope;
        Manifest *manifest;
        Root *root;
        char session[33];
        int64_t counter; /* of the last delivery */
        uint64_t size;   /* of its chain, as far as it was read */
} Forge;

void forge_init(Forge *forge, const char *device, const char *agent);

/* Also the operator's key, which the passphrase opens; or that of the file $OPERATOR_KEY. */
void forge_take_operator(Forge *forge, const char *passphrase);
void forge_done(Forge *forge);
void forge_begin_session(Forge *forge);

/* A text in which a name in percent signs is replaced by its value: of the bundle (id, nonce, request), of
 * the session (session, counter), of manifest and root (device, manifest, epoch, version, next, previous,
 * root), a public key (stranger …), or a time in seconds from now (t-60, t+60). The caller frees it. */
char *forge_text(const Forge *forge, const Bundle *bundle, const char *text, const Edits *edits);
char *forge_edit(const char *text, const Edits *edits);
char *forge_sign(const Forge *forge, const char *type, const char *payload, Signer signer);

/* What a request asks for in forge_request: to make a file that shows that it was done. */
#define FORGE_ARGUMENTS                                                                                     \
        "{\"root\":\"free\",\"path\":\"canary\",\"mode\":\"create\",\"content_b64\":\"aGk=\"}"
extern const char forge_request[], forge_delivery[], forge_approval[];

/* Sends bytes as the body of a request to the agent, and receives the response. Returns its status. */
long forge_exchange(Forge *forge, const char *path, const char *body, Text *response);

/* What the device answered: a code of its rejection, "known", or nothing if it ran to its end. */
typedef struct Answer {
        char outcome[16], reason[64];
        Result *result; /* signed by the device; NULL: none */
        Text output;
} Answer;

void answer_done(Answer *answer);
void forge_deliver(Forge *forge, const Bundle *bundle, Answer *answer);

/* The names of the entries about requests that are new in the device's chain, with a blank between them, and
 * the reason in the last one. */
void forge_read_entries(Forge *forge, Text *names, char reason[static 64]);

/* Gives a device a root or a manifest; `reason` is the code of its rejection, or empty. */
void forge_install(Forge *forge, const char *root, const char *manifest, char reason[static 64]);

/* The hub keeps the manifest, too, and it becomes the one in force. */
void forge_publish(Forge *forge, const char *manifest);
