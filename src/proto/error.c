/* SPDX-License-Identifier: MIT */
/* Every reason that a person can act on, in one table. The codes and sentences with a name of their own in
 * the first documents of the project (nonce_replay, "capability not in manifest") keep it. */

#include "proto/error.h"

#include <stdio.h>

typedef struct ErrorRow {
        const char *code, *bus_name, *sentence;
        int http_status, error;
        const char *audit_status; /* NULL: "failed" */
        const char *about;        /* the sentence with its subject in place of {}; may be NULL */
} ErrorRow;

#define ROW(number, name, bus, status, negative_errno, text)                                                \
        [DEVBOX_ERROR_##number] = { .code = name,                                                           \
                                    .bus_name = "org.devbox.Error." bus,                                    \
                                    .http_status = status,                                                  \
                                    .error = negative_errno,                                                \
                                    .sentence = text }

/* A rejection of a signed document. */
#define REFUSAL(number, name, bus, status, negative_errno, audit, text, ...)                                \
        [DEVBOX_ERROR_##number] = { .code = name,                                                           \
                                    .bus_name = "org.devbox.Error." bus,                                    \
                                    .http_status = status,                                                  \
                                    .error = negative_errno,                                                \
                                    .audit_status = audit,                                                  \
                                    .sentence = text,                                                       \
                                    .about = __VA_ARGS__ }

/* clang-format off */
static const ErrorRow rows[_DEVBOX_ERROR_MAX] = {
        ROW(BAD_REQUEST,           "bad_request",           "BadRequest",           400, -EBADMSG,
            "the request is malformed"),
        ROW(HOST_NOT_ALLOWED,      "host_not_allowed",      "HostNotAllowed",       421, -EACCES,
            "the Host header must name this machine's loopback, for example 127.0.0.1 or localhost"),
        ROW(ORIGIN_NOT_ALLOWED,    "origin_not_allowed",    "OriginNotAllowed",     403, -EACCES,
            "actions from web pages of another origin are denied"),
        ROW(TOKEN_REQUIRED,        "token_required",        "TokenRequired",        401, -EACCES,
            "send the token of /etc/devbox/config.yaml (auth.token) in the header X-Devbox-Token"),
        ROW(TOKEN_INVALID,         "token_invalid",         "TokenInvalid",         401, -EACCES,
            "the token is not the one in /etc/devbox/config.yaml (auth.token)"),
        ROW(TOKEN_PLACEHOLDER,     "token_placeholder",     "TokenPlaceholder",     403, -EACCES,
            "actions are off until auth.token in /etc/devbox/config.yaml is a token of your own"),
        ROW(ACCESS_DENIED,         "access_denied",         "AccessDenied",         403, -EACCES,
            "this needs root or a member of the group devbox-admin"),
        ROW(NOT_FOUND,             "not_found",             "NotFound",             404, -ENOENT,
            "there is nothing at this path; GET /openapi.json lists what there is"),
        ROW(JOB_NOT_FOUND,         "job_not_found",         "JobNotFound",          404, -ENOENT,
            "no such run, or a later one has replaced it"),
        ROW(METHOD_NOT_ALLOWED,    "method_not_allowed",    "MethodNotAllowed",     405, -EOPNOTSUPP,
            "this path does not take that method; the header Allow names those it takes"),
        ROW(LENGTH_REQUIRED,       "length_required",       "LengthRequired",       411, -EBADMSG,
            "send the body with a Content-Length, not in chunks"),
        ROW(BODY_TOO_LARGE,        "body_too_large",        "BodyTooLarge",         413, -EFBIG,
            "the request's body is larger than this path takes"),
        ROW(BUSY,                  "busy",                  "Busy",                 503, -EBUSY,
            "too much is under way; try again in a moment"),
        ROW(CONFIG_INVALID,        "config_invalid",        "ConfigInvalid",        503, -EINVAL,
            "mend the configuration, then run "
            "'systemctl try-reload-or-restart devbox-api devbox-collector'; it has an error"),
        ROW(COLLECTOR_UNAVAILABLE, "collector_unavailable", "CollectorUnavailable", 503, -EHOSTDOWN,
            "devbox-collector does not answer; see: systemctl status devbox-collector"),
        ROW(COLLECTOR_TIMEOUT,     "collector_timeout",     "CollectorTimeout",     503, -ETIMEDOUT,
            "devbox-collector took too long to answer; see: journalctl -u devbox-collector"),
        ROW(SYSTEMD_UNAVAILABLE,   "systemd_unavailable",   "SystemdUnavailable",   503, -EHOSTDOWN,
            "systemd does not answer on the system bus"),
        ROW(MESH_UNAVAILABLE,      "mesh_unavailable",      "MeshUnavailable",      503, -EHOSTDOWN,
            "devbox-mesh does not answer; see: systemctl status devbox-mesh"),
        ROW(MESH_TIMEOUT,          "mesh_timeout",          "MeshTimeout",          503, -ETIMEDOUT,
            "devbox-mesh took too long to answer; see: journalctl -u devbox-mesh"),
        ROW(DISPATCH_UNAVAILABLE,  "dispatch_unavailable",  "DispatchUnavailable",  503, -EHOSTDOWN,
            "devbox-dispatch does not answer; see: systemctl status devbox-dispatch"),
        ROW(BUS_UNAVAILABLE,       "bus_unavailable",       "BusUnavailable",       503, -EHOSTDOWN,
            "the system bus cannot be reached; see: systemctl status dbus"),
        ROW(SAMPLE_FAILED,         "sample_failed",         "SampleFailed",         503, -EIO,
            "the kernel's figures could not be read; see: journalctl -u devbox-collector"),
        ROW(INTERNAL,              "internal_error",        "InternalError",        500, -EIO,
            "something went wrong inside devbox; see: journalctl -u 'devbox-*'"),
        REFUSAL(BAD_ENVELOPE, "bad_envelope", "BadEnvelope", 400, -EBADMSG, "rejected_malformed",
            "this is not a signed envelope of devbox, or it is larger than allowed", NULL),
        REFUSAL(BAD_SIG, "bad_sig", "BadSig", 403, -EKEYREJECTED, "rejected_signature",
            "the signature does not fit what was signed, or too few of the keys signed", NULL),
        REFUSAL(UNKNOWN_KEY, "unknown_key", "UnknownKey", 403, -ENOKEY, "rejected_signature",
            "it was signed with a key that is not authorised here", NULL),
        REFUSAL(BAD_SCHEMA, "bad_schema", "BadSchema", 400, -EBADMSG, "rejected_malformed",
            "its signature is valid, but its content does not follow the schema", NULL),
        REFUSAL(WRONG_DEVICE, "wrong_device", "WrongDevice", 403, -EXDEV, "rejected_device",
            "it is meant for another device", NULL),
        REFUSAL(PEER_REVOKED, "peer_revoked", "PeerRevoked", 403, -EKEYREVOKED, "rejected_revoked",
            "peer_revoked: this device was revoked; to readmit it: devboxctl invite NAME, and on "
            "it devboxctl leave, devboxctl enroll", NULL),
        REFUSAL(SESSION_MISMATCH, "session_mismatch", "SessionMismatch", 409, -ESTALE, "rejected_session",
            "it belongs to another session of the device; deliver the request anew", NULL),
        REFUSAL(REQUEST_WITHDRAWN, "request_withdrawn", "RequestWithdrawn", 409, -ECANCELED,
            "rejected_withdrawn",
            "the hub has withdrawn it: it was cancelled, or has expired there", NULL),
        REFUSAL(REQUEST_ID_CONFLICT, "request_id_conflict", "RequestIdConflict", 409, -EEXIST,
            "rejected_nonce",
            "another request already has this id", NULL),
        REFUSAL(NONCE_REPLAY, "nonce_replay", "NonceReplay", 409, -EEXIST, "rejected_nonce",
            "nonce_replay: a request with this nonce was already judged", NULL),
        REFUSAL(CLOCK_ROLLBACK, "clock_rollback", "ClockRollback", 409, -ETIME, "rejected_time",
            "the device's clock is before a time it has already acted at; set the clock", NULL),
        REFUSAL(CLOCK_UNSYNCED, "clock_unsynced", "ClockUnsynced", 409, -ETIME, "rejected_time",
            "the device's clock is not synchronised: until it is, the device only answers questions; on it: "
            "devboxctl doctor", NULL),
        REFUSAL(NOT_YET_VALID, "not_yet_valid", "NotYetValid", 409, -ETIME, "rejected_time",
            "it is dated in the future; compare the clocks of hub and device", NULL),
        REFUSAL(EXPIRED, "expired", "Expired", 410, -ETIME, "rejected_time",
            "it has expired; send it again", NULL),
        REFUSAL(STALE_MANIFEST, "stale_manifest", "StaleManifest", 409, -ESTALE, "rejected_manifest",
            "it was made for an older manifest than the device has", NULL),
        REFUSAL(MANIFEST_NEEDED, "manifest_needed", "ManifestNeeded", 409, -ESTALE, "rejected_manifest",
            "it was made for a manifest that the device does not have yet", NULL),
        REFUSAL(MANIFEST_MISSING, "manifest_missing", "ManifestMissing", 409, -ENODATA, "rejected_manifest",
            "the device has no manifest: it does nothing; sign one: devboxctl manifest publish NAME", NULL),
        REFUSAL(MANIFEST_UNCONFIRMED, "manifest_unconfirmed", "ManifestUnconfirmed", 409, -ESTALE,
            "rejected_manifest",
            "the hub has not confirmed the manifest for too long, and this capability is strict", NULL),
        REFUSAL(MANIFEST_EXPIRED, "manifest_expired", "ManifestExpired", 403, -EKEYEXPIRED,
            "rejected_manifest",
            "the manifest has expired; renew it with: devboxctl manifest publish NAME, or without a hub: "
            "devboxctl manifest sign", NULL),
        REFUSAL(MANIFEST_INVALID_SIGNATURE, "manifest_invalid_signature", "ManifestInvalidSignature",
            403, -EKEYREJECTED, "rejected_manifest",
            "manifest_invalid_signature: the manifest is not signed by an operator of the current root",
            NULL),
        REFUSAL(MANIFEST_ROLLBACK, "manifest_rollback", "ManifestRollback", 409, -ESTALE,
            "rejected_manifest",
            "the manifest is older than one that the device already had", NULL),
        REFUSAL(MANIFEST_FORK, "manifest_fork", "ManifestFork", 409, -EEXIST, "rejected_manifest",
            "there are two different manifests with this version; sign one with a higher version", NULL),
        REFUSAL(MANIFEST_CEILING, "manifest_ceiling", "ManifestCeiling", 403, -EPERM, "rejected_manifest",
            "the manifest goes beyond the device's /etc/devbox/ceiling.yaml",
            "the manifest goes beyond the device's /etc/devbox/ceiling.yaml: {}"),
        REFUSAL(ROOT_CHAIN, "root_chain", "RootChain", 403, -EKEYREJECTED, "rejected_root",
            "the root does not follow the one before: exactly one version more, signed by old and new keys",
            NULL),
        REFUSAL(ROOT_EXPIRED, "root_expired", "RootExpired", 403, -EKEYEXPIRED, "rejected_root",
            "the root has expired; make the next one with: devboxctl operator rotate", NULL),
        REFUSAL(ROOT_NEEDED, "root_needed", "RootNeeded", 409, -ESTALE, "rejected_root",
            "it belongs to a newer root than the device has; send the root first", NULL),
        REFUSAL(UNAUTHORIZED, "unauthorized", "Unauthorized", 401, -EACCES, "rejected_token",
            "this is not an invitation of this network, or it is not signed by its operator", NULL),
        REFUSAL(TOKEN_EXPIRED, "token_expired", "TokenExpired", 401, -EKEYEXPIRED, "rejected_token",
            "the invitation has expired; make a new one with: devboxctl invite NAME", NULL),
        REFUSAL(TOKEN_USED, "token_used", "TokenUsed", 409, -EEXIST, "rejected_token",
            "the invitation was already used", NULL),
        REFUSAL(OPERATOR_UNKNOWN, "operator_unknown", "OperatorUnknown", 403, -EACCES, "rejected_operator",
            "this is not an operator of the device",
            "{} is not an operator of the device"),
        REFUSAL(UNKNOWN_CAPABILITY, "unknown_capability", "UnknownCapability", 403, -EPERM,
            "rejected_capability",
            "capability not in manifest", NULL),
        REFUSAL(DISPATCHER_SCOPE, "dispatcher_scope", "DispatcherScope", 403, -EPERM, "rejected_capability",
            "this dispatcher may not ask for that capability",
            "this dispatcher may not ask for {}"),
        REFUSAL(BINARY_NOT_ALLOWED, "binary_not_allowed", "BinaryNotAllowed", 403, -EPERM,
            "rejected_capability",
            "capability rejected: not in manifest",
            "capability rejected: {} not in manifest"),
        REFUSAL(ARGS_DENIED, "args_denied", "ArgsDenied", 403, -EPERM, "rejected_capability",
            "capability rejected: these arguments are not in the manifest",
            "capability rejected: {} is not allowed with these arguments"),
        REFUSAL(PATH_DENIED, "path_denied", "PathDenied", 403, -EPERM, "rejected_capability",
            "capability rejected: this path is not in the manifest",
            "capability rejected: {} is not allowed on this path"),
        REFUSAL(OUTSIDE_WINDOW, "outside_window", "OutsideWindow", 403, -EPERM, "rejected_capability",
            "the manifest does not allow it at this hour",
            "the manifest does not allow {} at this hour"),
        REFUSAL(RATE_LIMITED, "rate_limited", "RateLimited", 429, -EBUSY, "rejected_rate",
            "too many requests of this kind; try again later",
            "too many requests for {}; try again later"),
        REFUSAL(APPROVAL_MISSING, "approval_missing", "ApprovalMissing", 403, -EACCES, "rejected_approval",
            "an approval that it needs is missing",
            "{} needs an approval and came without"),
        REFUSAL(APPROVAL_MISMATCH, "approval_mismatch", "ApprovalMismatch", 403, -EACCES,
            "rejected_approval",
            "the approval does not count for this request", NULL),
        REFUSAL(APPROVAL_EXPIRED, "approval_expired", "ApprovalExpired", 403, -ETIME, "rejected_approval",
            "the approval has expired; ask again", NULL),
        REFUSAL(APPROVAL_DENIED, "approval_denied", "ApprovalDenied", 403, -EACCES, "rejected_approval",
            "it was denied, or not approved by people who may", NULL),
        REFUSAL(APPROVAL_REUSED, "approval_reused", "ApprovalReused", 409, -EEXIST, "rejected_approval",
            "the approval was already used", NULL),
        REFUSAL(AUDIT_UNAVAILABLE, "audit_unavailable", "AuditUnavailable", 503, -EIO, "failed",
            "the audit chain cannot be written, so nothing is done; see: journalctl -u devbox-ledger",
            NULL),
        REFUSAL(WITNESS_STALE, "witness_stale", "WitnessStale", 409, -ESTALE, "rejected_witness",
            "the witness already knows more of the device's audit chain than this statement says", NULL),
        REFUSAL(WITNESS_ROLLBACK, "witness_rollback", "WitnessRollback", 409, -ESTALE, "rejected_witness",
            "the device's audit chain is shorter than a witness has seen it, and was never like this", NULL),
        REFUSAL(WITNESS_FORK, "witness_fork", "WitnessFork", 409, -EEXIST, "rejected_witness",
            "the device's audit chain differs from what a witness has seen", NULL),
        REFUSAL(MESH_UNREACHABLE, "mesh_unreachable", "MeshUnreachable", 503, -EHOSTUNREACH, "failed",
            "mesh_unreachable: the device does not answer over the mesh; see: devboxctl peers; on the "
            "device: devboxctl doctor", NULL),
        REFUSAL(CAPABILITY_UNAVAILABLE, "capability_unavailable", "CapabilityUnavailable", 503, -ENOLINK,
            "failed",
            "the device has no worker for this capability, or it is stopped or cannot start; on the device: "
            "systemctl status 'devbox-worker-*.socket', journalctl -u 'devbox-worker-*'", NULL),
        ROW(OOM,                   "oom",                   "Oom",                  503, -ENOMEM,
            "the program used more memory than its worker may have, and the kernel killed it"),
        ROW(NOT_ENROLLED,          "not_enrolled",          "NotEnrolled",          409, -ENODATA,
            "this machine is not enrolled; run: devboxctl device enroll, or see devboxctl-device(1)"),
        ROW(ENROLLED_OTHERWISE,    "enrolled_otherwise",    "EnrolledOtherwise",    409, -EEXIST,
            "this machine is enrolled already, under another name, chain or root"),
        ROW(REQUEST_UNKNOWN,       "request_unknown",       "RequestUnknown",       404, -ENOENT,
            "no request of this id was accepted here, or it is long over; of an id at least the last 6 "
            "characters are needed"),
        ROW(REQUEST_STATE,         "request_state",         "RequestState",         409, -EALREADY,
            "the request was started before, or has ended; nothing runs twice"),
        ROW(PEER_UNKNOWN,          "peer_unknown",          "PeerUnknown",          404, -ENOENT,
            "no device of this name is enrolled here"),
        ROW(NETWORK_MISSING,       "network_missing",       "NetworkMissing",       409, -ENODATA,
            "this machine belongs to no network; run: devboxctl hub init, or devboxctl enroll"),
        ROW(ADDRESS_TAKEN,         "address_taken",         "AddressTaken",         409, -EEXIST,
            "this address is not free, or not one of the network"),
        ROW(ADDRESS_IN_USE,        "address_in_use",        "AddressInUse",         409, -EBUSY,
            "the device has joined with its address; another one takes effect when it joins again: "
            "devboxctl invite NAME --address ADDRESS"),
        ROW(NETWORK_FULL,          "network_full",          "NetworkFull",          409, -ENOSPC,
            "each address of the network belongs to a device or an invitation"),
        ROW(MATRIX_UNAVAILABLE,    "matrix_unavailable",    "MatrixUnavailable",    503, -EHOSTDOWN,
            "devbox-matrix does not answer; see: systemctl status devbox-matrix"),
        ROW(MATRIX_UNREACHABLE,    "matrix_unreachable",    "MatrixUnreachable",    503, -EHOSTUNREACH,
            "no Matrix homeserver answers at this address"),
        ROW(MATRIX_REFUSED,        "matrix_refused",        "MatrixRefused",        403, -EACCES,
            "the Matrix homeserver refuses it"),
        ROW(MATRIX_OTHER,          "matrix_other",          "MatrixOther",          409, -EEXIST,
            "an account is logged in, or the store is of another one; first run: devboxctl matrix logout"),
        ROW(MATRIX_LOGGED_OUT,     "matrix_logged_out",     "MatrixLoggedOut",      409, -ENODATA,
            "no Matrix account is logged in; run: devboxctl matrix login"),
        ROW(PERSON_UNKNOWN,        "person_unknown",        "PersonUnknown",        404, -ENOENT,
            "the Matrix homeserver has no cross-signing identity of this user"),
        ROW(PERSON_UNPINNED,       "person_unpinned",       "PersonUnpinned",       409, -EPERM,
            "no manifest pins the identity that this user has, so they can read nothing here; first run: "
            "devboxctl person add, then devboxctl manifest publish"),
        ROW(VERIFICATION_STATE,    "verification_state",    "VerificationState",    409, -EALREADY,
            "no verification of this id waits for that; it may have ended: devboxctl matrix verify"),
};
/* clang-format on */

static const ErrorRow *row_of(DevboxError error)
{
        return (int) error > 0 && error < _DEVBOX_ERROR_MAX ? &rows[error] : &rows[DEVBOX_ERROR_INTERNAL];
}

const char *devbox_error_code(DevboxError error)
{
        return row_of(error)->code;
}

const char *devbox_error_bus_name(DevboxError error)
{
        return row_of(error)->bus_name;
}

int devbox_error_http_status(DevboxError error)
{
        return row_of(error)->http_status;
}

int devbox_error_errno(DevboxError error)
{
        return row_of(error)->error;
}

const char *devbox_error_sentence(DevboxError error)
{
        return row_of(error)->sentence;
}

const char *devbox_error_audit_status(DevboxError error)
{
        const char *status = row_of(error)->audit_status;

        return status ? status : "failed";
}

bool devbox_error_is_replay(DevboxError error)
{
        return streq(devbox_error_audit_status(error), "rejected_nonce");
}

void devbox_error_sentence_about(DevboxError error, const char *subject, char *ret_text, size_t size)
{
        const ErrorRow *row = row_of(error);
        const char *hole = row->about ? strstr(row->about, "{}") : NULL;

        if (!hole || !subject || *subject == '\0')
                (void) snprintf(ret_text, size, "%s", row->sentence);
        else
                (void) snprintf(ret_text, size, "%.*s%s%s", (int) (hole - row->about), row->about, subject,
                                hole + strlen("{}"));
}

int devbox_error_from_code(const char *code, DevboxError *ret_error)
{
        for (int i = 1; i < _DEVBOX_ERROR_MAX; i++)
                if (streq(rows[i].code, code)) {
                        *ret_error = (DevboxError) i;
                        return 0;
                }

        return -ENOENT;
}

int devbox_error_from_bus_name(const char *bus_name, DevboxError *ret_error)
{
        for (int i = 1; i < _DEVBOX_ERROR_MAX; i++)
                if (streq(rows[i].bus_name, bus_name)) {
                        *ret_error = (DevboxError) i;
                        return 0;
                }

        return -ENOENT;
}
