/* SPDX-License-Identifier: MIT */
/* Bodies of entries: one table of fields for each type. */

#include "audit/body.h"

#include "codec/binary-text.h"
#include "codec/strict-json.h"
#include "proto/error.h"
#include "schema/list.h"

#define AT(member) offsetof(AuditBody, member)

static bool code_valid(const char *text)
{
        return strspn(text, "abcdefghijklmnopqrstuvwxyz_") == strlen(text);
}

const char *const audit_event_names[_AUDIT_EVENT_MAX + 1] = {
        [AUDIT_EVENT_INVITED] = "invited",
        [AUDIT_EVENT_WITHDRAWN] = "withdrawn",
        [AUDIT_EVENT_EXPIRED] = "expired",
        [AUDIT_EVENT_CLAIMED] = "claimed",
        [AUDIT_EVENT_CLAIM_REJECTED] = "claim_rejected",
        [AUDIT_EVENT_HELD] = "held",
        [AUDIT_EVENT_TOKEN_REUSED] = "token_reused",
        [AUDIT_EVENT_ADMITTED] = "admitted",
        [AUDIT_EVENT_ACTIVE] = "active",
        [AUDIT_EVENT_REVOKED] = "revoked",
        [AUDIT_EVENT_REVOKE_REQUESTED] = "revoke_requested",
        [AUDIT_EVENT_STALE] = "stale",
        [AUDIT_EVENT_DRIFT] = "drift",
        [AUDIT_EVENT_MANIFEST_PUBLISHED] = "manifest_published",
        [AUDIT_EVENT_MANIFEST_REJECTED] = "manifest_rejected",
        [AUDIT_EVENT_MANIFEST_EXPIRING] = "manifest_expiring",
        [AUDIT_EVENT_CONNECTED] = "connected",
        [AUDIT_EVENT_APPROVAL_REQUESTED] = "approval_requested",
        [AUDIT_EVENT_APPROVED] = "approved",
        [AUDIT_EVENT_APPROVAL_DENIED] = "approval_denied",
        [AUDIT_EVENT_APPROVAL_WITHDRAWN] = "approval_withdrawn",
        [AUDIT_EVENT_APPROVAL_EXPIRED] = "approval_expired",
        [AUDIT_EVENT_UNPINNED] = "unpinned",
};

/* clang-format off */
static const SchemaField approval_fields[] = {
        { "approver", SCHEMA_STRING, true, offsetof(AuditApproval, approver), 1, 255,
          .valid = principal_valid },
        { "approval_msg_id", SCHEMA_STRING, false, offsetof(AuditApproval, approval_msg_id), 2, 255,
          .valid = event_id_valid },
        { "tier", SCHEMA_NAME, true, offsetof(AuditApproval, tier), .names = approval_tier_names },
        { "sha256", SCHEMA_HEX, true, offsetof(AuditApproval, sha256), .max = SHA256_SIZE },
};
static const Schema approval_entry_schema = { .size = sizeof(AuditApproval), SCHEMA_TABLE(approval_fields) };

static const SchemaField manifest_fields[] = {
        { "epoch",   SCHEMA_INTEGER, true, offsetof(RequestManifest, epoch), 0, INT32_MAX },
        { "version", SCHEMA_INTEGER, true, offsetof(RequestManifest, version), 0, INT32_MAX },
        { "sha256",  SCHEMA_HEX,     true, offsetof(RequestManifest, sha256), .max = SHA256_SIZE },
};
static const Schema reference_schema = { .size = sizeof(RequestManifest), SCHEMA_TABLE(manifest_fields) };

#define REQUEST(required) \
        { "request_id", SCHEMA_STRING, required, AT(request_id), 26, 26, .valid = ulid_valid }, \
        { "request_sha256", SCHEMA_HEX, true, AT(request_sha256), .max = SHA256_SIZE }
#define DECISION(required) \
        { "capability", SCHEMA_STRING, required, AT(capability), 1, 64 }, \
        { "entry", SCHEMA_STRING, required, AT(entry), 1, 63, .valid = label_valid }, \
        { "mxid", SCHEMA_STRING, required, AT(principal), 1, 255, .valid = principal_valid }, \
        { "room", SCHEMA_STRING, false, AT(room), 2, 255, .valid = room_id_valid }, \
        { "event_id", SCHEMA_STRING, false, AT(event_id), 2, 255, .valid = event_id_valid }, \
        { "args", SCHEMA_JSON, required, AT(arguments) }, \
        { "args_sha256", SCHEMA_HEX, required, AT(arguments_sha256), .max = SHA256_SIZE }, \
        { "manifest", SCHEMA_OBJECT, required, AT(manifest), .nested = &reference_schema }, \
        { "approvals", SCHEMA_OBJECTS, false, AT(approvals), 0, 4, .nested = &approval_entry_schema }
#define STATUS   { "status", SCHEMA_STRING, true, AT(status), 1, 64, .valid = code_valid }
#define REASON(required) { "reason", SCHEMA_STRING, required, AT(reason), 1, 64, .valid = code_valid }
#define DIGEST(key, required, member) { key, SCHEMA_HEX, required, AT(member), .max = 32 }
#define COUNT(key, required, member)  { key, SCHEMA_INTEGER, required, AT(member), 0, SCHEMA_INTEGER_MAX }
#define BOOT_ID  { "boot_id", SCHEMA_STRING, false, AT(boot_id), 32, 32 }
#define DEVICE   { "device", SCHEMA_STRING, true, AT(device), 1, 63, .valid = device_name_valid }

static const SchemaField genesis_fields[] = {
        DEVICE,
        { "chain_id", SCHEMA_HEX, true, AT(chain), .max = CHAIN_ID_SIZE },
        DIGEST("dev_pub", true, key), DIGEST("root_sha256", true, sha256), BOOT_ID,
        COUNT("lost_size", false, size), DIGEST("lost_head", false, head),
};
static const SchemaField enroll_fields[] = {
        DEVICE, DIGEST("dev_pub", true, key), DIGEST("token_sha256", false, sha256),
};
static const SchemaField adopt_fields[] = {
        DIGEST("old_pub", true, old_key), DIGEST("new_pub", true, key), DIGEST("sha256", false, sha256),
        COUNT("size", true, size), DIGEST("head", true, head),
};
static const SchemaField root_fields[] = {
        COUNT("version", true, version), COUNT("epoch", true, epoch), DIGEST("sha256", true, sha256),
};
static const SchemaField manifest_entry_fields[] = {
        COUNT("epoch", true, epoch), COUNT("version", true, version), DIGEST("sha256", true, sha256),
        { "gap", SCHEMA_BOOLEAN, false, AT(gap) },
};
static const SchemaField accepted_fields[] = { REQUEST(true), DECISION(true) };
static const SchemaField started_fields[] = { REQUEST(true) };
static const SchemaField finished_fields[] = {
        REQUEST(true), STATUS, REASON(false),
        { "exit_code",   SCHEMA_INTEGER, true, AT(exit_code), -1, 255 },
        { "exit_signal", SCHEMA_INTEGER, true, AT(exit_signal), 0, 64 },
        DIGEST("stdout_sha256", false, stdout_sha256), COUNT("stdout_len", false, stdout_size),
        DIGEST("stderr_sha256", false, stderr_sha256), COUNT("stderr_len", false, stderr_size),
};
static const SchemaField denied_fields[] = {
        REQUEST(false), DECISION(false), STATUS, REASON(true),
        { "subject", SCHEMA_STRING, false, AT(subject), 1, 255 },
};
static const SchemaField session_fields[] = {
        { "session", SCHEMA_HEX, true, AT(session), .max = 16 }, BOOT_ID,
};
static const SchemaField clock_fields[] = { COUNT("from", true, from_ms), COUNT("to", true, to_ms) };
static const SchemaField suppressed_fields[] = { REASON(true), COUNT("count", true, count) };
static const SchemaField checkpoint_fields[] = {
        COUNT("size", true, size), DIGEST("head", true, head), DIGEST("witness", true, witness),
        { "sig", SCHEMA_HEX, true, AT(signature), .max = SIGNATURE_SIZE },
};
static const SchemaField quarantine_fields[] = { DEVICE, REASON(true) };
static const SchemaField revoke_fields[] = { DIGEST("sha256", false, sha256), REASON(false) };
static const SchemaField confirmation_fields[] = {
        DIGEST("sha256", true, sha256), COUNT("at", true, confirmed_at_ms),
};
static const SchemaField event_fields[] = {
        { "event", SCHEMA_NAME, true, AT(event), .names = audit_event_names },
        { "device", SCHEMA_STRING, false, AT(device), 1, 63, .valid = device_name_valid },
        { "id", SCHEMA_STRING, false, AT(record_id), 26, 26, .valid = ulid_valid },
        { "details", SCHEMA_MAP, false, AT(details), 0, AUDIT_DETAILS_MAX, .valid = code_valid },
};
/* clang-format on */

#define TYPE(fields)                                                                                        \
        {                                                                                                   \
                .size = sizeof(AuditBody), .max_bytes = AUDIT_BODY_MAX, SCHEMA_TABLE(fields)                \
        }

static const Schema schemas[_AUDIT_TYPE_MAX] = {
        [AUDIT_GENESIS] = TYPE(genesis_fields),
        [AUDIT_ENROLL] = TYPE(enroll_fields),
        [AUDIT_ADOPT] = TYPE(adopt_fields),
        [AUDIT_ROOT] = TYPE(root_fields),
        [AUDIT_MANIFEST] = TYPE(manifest_entry_fields),
        [AUDIT_REQUEST_ACCEPTED] = TYPE(accepted_fields),
        [AUDIT_REQUEST_STARTED] = TYPE(started_fields),
        [AUDIT_REQUEST_FINISHED] = TYPE(finished_fields),
        [AUDIT_REQUEST_DENIED] = TYPE(denied_fields),
        [AUDIT_SESSION] = TYPE(session_fields),
        [AUDIT_CLOCK] = TYPE(clock_fields),
        [AUDIT_SUPPRESSED] = TYPE(suppressed_fields),
        [AUDIT_CHECKPOINT] = TYPE(checkpoint_fields),
        [AUDIT_QUARANTINE] = TYPE(quarantine_fields),
        [AUDIT_REVOKE] = TYPE(revoke_fields),
        [AUDIT_CONFIRMATION] = TYPE(confirmation_fields),
        [AUDIT_EVENT] = TYPE(event_fields),
};

int audit_body_format(AuditType type, const AuditBody *body, char **ret_text, SchemaFault *ret_fault)
{
        assert(type >= 0 && type < _AUDIT_TYPE_MAX);
        return schema_format(&schemas[type], body, ret_text, ret_fault);
}

int audit_body_parse(AuditType type, Bytes text, AuditBody **ret_body, SchemaFault *ret_fault)
{
        assert(type >= 0 && type < _AUDIT_TYPE_MAX);
        return schema_parse(&schemas[type], text, (void **) ret_body, ret_fault);
}

AuditBody *audit_body_free(AuditType type, AuditBody *body)
{
        assert(type >= 0 && type < _AUDIT_TYPE_MAX);
        return schema_free(&schemas[type], body);
}

bool audit_body_is_redacted(const AuditBody *body)
{
        Sha256 written;

        sha256(bytes_of_string(body->arguments), &written);
        return !sha256_equal(&written, &body->arguments_sha256);
}

/* {"sha256":…,"size":…} of a string itself, or of the JSON text of another value. */
static cJSON *make_digest(Bytes value)
{
        _cleanup_(json_deletep) cJSON *object = cJSON_CreateObject();
        char hex[HEX_SIZE(SHA256_SIZE)];
        Sha256 digest;

        sha256(value, &digest);
        hex_format(BYTES_OF(digest.bytes), hex);
        if (!object || !cJSON_AddStringToObject(object, "sha256", hex) ||
            !cJSON_AddNumberToObject(object, "size", (double) value.size))
                return NULL;

        return TAKE_PTR(object);
}

static int redact_member(cJSON *arguments, cJSON *member, const Request *request)
{
        _cleanup_(freep) char *text = NULL;
        Bytes value;

        if (request->kind == CAPABILITY_FS_WRITE && streq(member->string, "content_b64"))
                value = BYTES(request->arguments.content.data, request->arguments.content.size);
        else if (cJSON_IsString(member))
                value = bytes_of_string(member->valuestring);
        else {
                int r = strict_json_format(member, &text);
                if (r < 0)
                        return r;
                value = bytes_of_string(text);
        }

        cJSON *digest = make_digest(value);
        if (!digest)
                return -ENOMEM;
        if (!cJSON_ReplaceItemInObjectCaseSensitive(arguments, member->string, digest)) {
                cJSON_Delete(digest);
                return -ENOMEM;
        }

        return 0;
}

static bool must_redact(const Capability *capability, const char *key)
{
        return !capability || streq(key, "content_b64") || LIST_CONTAINS(capability->redact, key);
}

int audit_redact(const Request *request, const Capability *capability, char **ret_arguments,
                 Sha256 *ret_sha256)
{
        _cleanup_(json_deletep) cJSON *arguments = NULL;
        _cleanup_(freep) char *plain = NULL;
        Sha256 digest;

        int r = request->kind >= 0 ? schema_build(&arguments_schemas[request->kind], &request->arguments,
                                                  &arguments, NULL)
                                   : strict_json_parse(bytes_of_string(request->unknown_arguments), SIZE_MAX,
                                                       &arguments, NULL);
        if (r != 0)
                return r > 0 ? -EINVAL : r;

        r = strict_json_format(arguments, &plain);
        if (r < 0)
                return r;
        sha256(bytes_of_string(plain), &digest);

        for (cJSON *member = arguments->child, *next; member; member = next) {
                next = member->next;
                if (must_redact(capability, member->string)) {
                        r = redact_member(arguments, member, request);
                        if (r < 0)
                                return r;
                }
        }

        char *redacted;
        r = strict_json_format(arguments, &redacted);
        if (r < 0)
                return r;

        *ret_arguments = redacted;
        *ret_sha256 = digest;
        return 0;
}

int audit_show_arguments(const Request *request, char **ret_arguments)
{
        static const Capability hides_nothing = { .kind = _CAPABILITY_KIND_INVALID };
        Sha256 digest;

        return audit_redact(request, &hides_nothing, ret_arguments, &digest);
}
