/* SPDX-License-Identifier: MIT */
/* An approval: its table. */

#include "trust/approval.h"

#include "proto/id.h"

const char *const approval_tier_names[_APPROVAL_TIER_MAX + 1] = {
        [APPROVAL_NONE] = "none",
        [APPROVAL_REACTION] = "reaction",
        [APPROVAL_MESSAGE] = "message",
        [APPROVAL_SIGNED] = "signed",
};

static const char *const decision_names[] = { "approve", "deny", NULL };

static const char *check(const void *object)
{
        const Approval *approval = object;

        if (approval->tier == APPROVAL_NONE)
                return "has no tier";
        if (principal_is_matrix(approval->approver)) {
                if (approval->tier != APPROVAL_SIGNED && (!approval->approval_msg_id || !approval->room))
                        return "must name the message and the room it was given in";
        } else if (approval->tier == APPROVAL_REACTION || approval->approval_msg_id || approval->room)
                return "was not given in a room, by its approver";
        if (approval->expires_at_ms <= approval->decided_at_ms ||
            approval->expires_at_ms - approval->decided_at_ms > APPROVAL_LIFE_MAX_MS)
                return "must expire within five minutes after it was given";

        return NULL;
}

#define AT(member) offsetof(Approval, member)

/* clang-format off */
static const SchemaField fields[] = {
        { "v", SCHEMA_CONSTANT, true, .min = 1 },
        { "request_id", SCHEMA_STRING, true, AT(request_id), 26, 26, .valid = ulid_valid },
        { "request_sha256", SCHEMA_HEX, true, AT(request_sha256), .max = SHA256_SIZE },
        { "device", SCHEMA_STRING, true, AT(device), 1, 63, .valid = device_name_valid },
        { "tier", SCHEMA_NAME, true, AT(tier), .names = approval_tier_names },
        { "approver", SCHEMA_STRING, true, AT(approver), 1, 255, .valid = principal_valid },
        { "approver_device_fp", SCHEMA_STRING, false, AT(approver_device_fp), 1, 128 },
        { "approval_msg_id", SCHEMA_STRING, false, AT(approval_msg_id), 2, 255, .valid = event_id_valid },
        { "reaction_event_id", SCHEMA_STRING, false, AT(reaction_event_id), 2, 255,
          .valid = event_id_valid },
        { "room", SCHEMA_STRING, false, AT(room), 2, 255, .valid = room_id_valid },
        { "decision", SCHEMA_NAME, true, AT(decision), .names = decision_names },
        { "decided_at", SCHEMA_TIMESTAMP, true, AT(decided_at_ms), 0, SCHEMA_INTEGER_MAX },
        { "expires_at", SCHEMA_TIMESTAMP, true, AT(expires_at_ms), 0, SCHEMA_INTEGER_MAX },
};
/* clang-format on */

const Schema approval_schema = {
        .size = sizeof(Approval), .max_bytes = 4096, SCHEMA_TABLE(fields), .check = check
};
