/* SPDX-License-Identifier: MIT */
#pragma once

/* Bodies of entries: one struct for all types, one table of fields for each type. Times are in the entry,
 * not in the body. */

#include "audit/entry.h"
#include "trust/manifest.h"
#include "trust/request.h"

/* What a hub's chain records beside requests; by whom, is in src/ledger/methods-hub.c. */
typedef enum AuditEventKind {
        AUDIT_EVENT_INVITED,
        AUDIT_EVENT_WITHDRAWN, /* an invitation, or a pending device */
        AUDIT_EVENT_EXPIRED,   /* likewise */
        AUDIT_EVENT_CLAIMED,
        AUDIT_EVENT_CLAIM_REJECTED,
        AUDIT_EVENT_HELD, /* a second device claimed the invitation of a pending one */
        AUDIT_EVENT_TOKEN_REUSED,
        AUDIT_EVENT_ADMITTED,
        AUDIT_EVENT_ACTIVE, /* the first handshake */
        AUDIT_EVENT_REVOKED,
        AUDIT_EVENT_REVOKE_REQUESTED, /* by whom */
        AUDIT_EVENT_STALE,            /* no handshake for a day */
        AUDIT_EVENT_DRIFT,            /* running state differed from the desired state */
        AUDIT_EVENT_MANIFEST_PUBLISHED,
        AUDIT_EVENT_MANIFEST_REJECTED,
        AUDIT_EVENT_MANIFEST_EXPIRING,
        AUDIT_EVENT_CONNECTED, /* the dispatcher began a session with a device */
        AUDIT_EVENT_APPROVAL_REQUESTED,
        AUDIT_EVENT_APPROVED,
        AUDIT_EVENT_APPROVAL_DENIED,
        AUDIT_EVENT_APPROVAL_WITHDRAWN,
        AUDIT_EVENT_APPROVAL_EXPIRED,
        AUDIT_EVENT_UNPINNED, /* the ledger no longer witnesses the device */
        _AUDIT_EVENT_MAX,
} AuditEventKind;

extern const char *const audit_event_names[_AUDIT_EVENT_MAX + 1]; /* ends with NULL */

#define AUDIT_DETAILS_MAX     8   /* of an event */
#define AUDIT_DETAIL_SIZE_MAX 512 /* bytes of a value */

typedef struct AuditApproval {
        char *approver, *approval_msg_id; /* the latter NULL for a signed one without a message */
        int tier;
        Sha256 sha256;
} AuditApproval;

typedef struct AuditBody {
        /* req.*: the request */
        char *request_id;
        Sha256 request_sha256;
        char *capability, *entry, *principal, *room, *event_id; /* entry: the id in the manifest */
        char *arguments;                                        /* JSON, after audit_redact() */
        Sha256 arguments_sha256;
        RequestManifest manifest; /* in force when it was judged */
        LIST_OF(AuditApproval) approvals;

        /* req.denied, req.finished, suppressed, quarantine, revoke: the outcome */
        char *status; /* "rejected_nonce", "finished" */
        char *reason; /* a code of proto/error.h */
        char *subject;
        int64_t exit_code, exit_signal;
        Sha256 stdout_sha256, stderr_sha256;
        int64_t stdout_size, stderr_size;
        int64_t count;

        /* genesis, enroll, adopt, root, manifest, session, clock, checkpoint, confirmation: the device */
        char *device;
        ChainId chain;
        PublicKey key, old_key;
        Sha256 sha256; /* of the root, manifest, token; adopt: of the manifest that names the new key;
                        * confirmation: of the manifest */
        int64_t epoch, version;
        bool gap;
        uint8_t session[16];
        char *boot_id;
        int64_t from_ms, to_ms; /* clock: stepped from, to */
        int64_t confirmed_at_ms;
        int64_t size; /* checkpoint, adopt: of the chain; genesis: of the chain that was lost */
        Sha256 head;
        PublicKey witness;
        Signature signature; /* of the witness */

        /* event */
        int event;       /* AuditEventKind */
        char *record_id; /* of the component that recorded it; NULL: the ledger itself */
        LIST_OF(SchemaPair) details;
} AuditBody;

/* The caller frees the text. Errors: DEVBOX_ERROR_BAD_SCHEMA a required field is missing, or a value is out
 * of range; -ENOMEM. */
int audit_body_format(AuditType type, const AuditBody *body, char **ret_text, SchemaFault *ret_fault);

/* Errors: DEVBOX_ERROR_BAD_SCHEMA, -ENOMEM. */
int audit_body_parse(AuditType type, Bytes text, AuditBody **ret_body, SchemaFault *ret_fault);
AuditBody *audit_body_free(AuditType type, AuditBody *body);

/* Of an accepted request: whether some of its arguments are recorded as digests only. */
bool audit_body_is_redacted(const AuditBody *body);

/* The arguments as the chain records them: values of the keys in the capability's redact list, and content
 * of files always, are replaced by {"sha256":…,"size":…}. Returns a JSON text that the caller frees, and the
 * digest of the unredacted one. `capability` NULL (a denied request): every value is replaced. Errors:
 * -ENOMEM. */
int audit_redact(const Request *request, const Capability *capability, char **ret_arguments,
                 Sha256 *ret_sha256);

/* The arguments for who decides on the request: only content of files is a digest. The caller frees the
 * text. Errors: -ENOMEM. */
int audit_show_arguments(const Request *request, char **ret_arguments);
