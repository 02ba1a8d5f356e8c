/* SPDX-License-Identifier: MIT */
/* Judges acceptances by what their entries record. */

#include "audit/recorded-request.h"

#include "codec/strict-json.h"
#include "proto/error.h"
#include "schema/list.h"

#define CONTENT "content_b64"

const Capability *recorded_request_capability(const RecordedRequest *recorded)
{
        const Manifest *manifest = recorded->manifest;

        for (size_t i = 0; i < manifest->capabilities.n; i++) {
                const Capability *capability = &manifest->capabilities.items[i];

                if (streq(capability->id, recorded->body->entry) &&
                    capability->kind == (int) capability_kind_from_name(recorded->body->capability))
                        return capability;
        }

        return NULL;
}

/* ---- arguments */

static bool is_redacted(const cJSON *value)
{
        return cJSON_IsString(cJSON_GetObjectItemCaseSensitive(value, "sha256")) &&
               cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(value, "size"));
}

static bool may_redact(const Capability *capability, const char *key)
{
        return streq(key, CONTENT) || LIST_CONTAINS(capability->redact, key);
}

/* Content is never recorded; only its size is judged. */
static int take_content(cJSON *arguments, const Capability *capability)
{
        cJSON *content = cJSON_GetObjectItemCaseSensitive(arguments, CONTENT);

        if (!content || !is_redacted(content))
                return 0;
        if (cJSON_GetObjectItemCaseSensitive(content, "size")->valuedouble > (double) capability->max_bytes)
                return DEVBOX_ERROR_ARGS_DENIED;

        return cJSON_ReplaceItemInObjectCaseSensitive(arguments, CONTENT, cJSON_CreateString("")) ? 0
                                                                                                  : -ENOMEM;
}

static int match(const RecordedRequest *recorded, const Capability *capability, const cJSON *arguments)
{
        const Schema *schema = &arguments_schemas[capability->kind];
        void *parsed;

        int r = schema_bind(schema, arguments, &parsed, NULL);
        if (r != 0)
                return r;

        r = capability_match(capability, &recorded->manifest->roots, parsed);
        schema_free(schema, parsed);
        return r;
}

static int check_arguments(const RecordedRequest *recorded, const Capability *capability, bool *ret_redacted)
{
        _cleanup_(json_deletep) cJSON *arguments = NULL;
        bool missing = false;

        int r = strict_json_parse(bytes_of_string(recorded->body->arguments), SIZE_MAX, &arguments, NULL);
        if (r != 0)
                return r < 0 ? r : DEVBOX_ERROR_BAD_SCHEMA;
        if (!audit_body_is_redacted(recorded->body)) {
                *ret_redacted = false;
                return match(recorded, capability, arguments);
        }

        *ret_redacted = true;
        r = take_content(arguments, capability);
        for (cJSON *member = arguments->child; r == 0 && member; member = member->next)
                if (is_redacted(member)) {
                        missing = true;
                        *ret_redacted = *ret_redacted && may_redact(capability, member->string);
                }
        if (r != 0 || missing)
                return r;

        return match(recorded, capability, arguments);
}

/* ---- approvals: keys and binding were the device's to verify */

static bool is_repeated(const RecordedRequest *recorded, size_t at)
{
        const AuditBody *body = recorded->body;

        for (size_t i = 0; i < at; i++)
                if (manifest_same_person(recorded->manifest, body->approvals.items[i].approver,
                                         body->approvals.items[at].approver))
                        return true;

        return false;
}

static int check_approvals(const RecordedRequest *recorded, const Capability *capability)
{
        const AuditBody *body = recorded->body;

        if (capability->approval == APPROVAL_NONE)
                return 0;

        for (size_t i = 0; i < body->approvals.n; i++) {
                const AuditApproval *approval = &body->approvals.items[i];

                if (!manifest_find_approver(recorded->manifest, approval->approver) ||
                    is_repeated(recorded, i) || approval->tier < capability->approval ||
                    (!capability->approval_self &&
                     manifest_same_person(recorded->manifest, approval->approver, body->principal)))
                        return DEVBOX_ERROR_APPROVAL_DENIED;
        }

        return body->approvals.n < (size_t) capability->approval_count ? DEVBOX_ERROR_APPROVAL_MISSING : 0;
}

int recorded_request_check(const RecordedRequest *recorded, bool *ret_redacted)
{
        const Manifest *manifest = recorded->manifest;

        if (recorded->time_ms >= (uint64_t) manifest->expires_at_ms)
                return DEVBOX_ERROR_MANIFEST_EXPIRED;
        if (!manifest_find_operator(manifest, recorded->body->principal))
                return DEVBOX_ERROR_OPERATOR_UNKNOWN;

        const Capability *capability = recorded_request_capability(recorded);
        if (!capability)
                return DEVBOX_ERROR_UNKNOWN_CAPABILITY;

        int r = check_arguments(recorded, capability, ret_redacted);
        if (r != 0)
                return r;
        if (!capability_window_open(capability, recorded->time_ms))
                return DEVBOX_ERROR_OUTSIDE_WINDOW;

        return check_approvals(recorded, capability);
}
