/* SPDX-License-Identifier: MIT */
/* A delivery: its table. */

#include "trust/delivery.h"

#include "proto/id.h"

#define AT(member) offsetof(Delivery, member)

/* clang-format off */
static const SchemaField fields[] = {
        { "v",              SCHEMA_CONSTANT, true, .min = 1 },
        { "device",         SCHEMA_STRING,   true, AT(device), 1, 63, .valid = device_name_valid },
        { "session",        SCHEMA_HEX,      true, AT(session), .max = SESSION_NONCE_SIZE },
        { "ctr",            SCHEMA_INTEGER,  true, AT(counter), 1, SCHEMA_INTEGER_MAX },
        { "request_sha256", SCHEMA_HEX,      true, AT(request_sha256), .max = SHA256_SIZE },
};
/* clang-format on */

const Schema delivery_schema = { .size = sizeof(Delivery), .max_bytes = 1024, SCHEMA_TABLE(fields) };
