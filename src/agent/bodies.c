/* SPDX-License-Identifier: MIT */
/* The tables of the agent's bodies. */

#include "agent/bodies.h"

#include "trust/accept.h"

/* clang-format off */
static const SchemaField document_fields[] = {
        { "envelope", SCHEMA_JSON, true, offsetof(BodyDocument, envelope) },
};
static const Schema document_schema = { .size = sizeof(BodyDocument), SCHEMA_TABLE(document_fields) };

static const SchemaField run_fields[] = {
        { "request",   SCHEMA_JSON,    true,  offsetof(RunBody, request) },
        { "delivery",  SCHEMA_JSON,    true,  offsetof(RunBody, delivery) },
        { "approvals", SCHEMA_OBJECTS, false, offsetof(RunBody, approvals), 0, APPROVALS_MAX,
          .nested = &document_schema },
};
static const SchemaField documents_fields[] = {
        { "roots",    SCHEMA_OBJECTS, false, offsetof(DocumentsBody, roots), 0, 64,
          .nested = &document_schema },
        { "manifest", SCHEMA_JSON,    false, offsetof(DocumentsBody, manifest) },
        { "keepalive_sec", SCHEMA_INTEGER, true, offsetof(DocumentsBody, keepalive_sec), 0, UINT16_MAX },
};
static const SchemaField cosignature_fields[] = {
        { "checkpoint", SCHEMA_JSON, true, offsetof(CosignatureBody, checkpoint) },
};
/* clang-format on */

const Schema run_body_schema = { .size = sizeof(RunBody), .max_bytes = BODY_MAX, SCHEMA_TABLE(run_fields) };
const Schema documents_body_schema = { .size = sizeof(DocumentsBody),
                                       .max_bytes = BODY_MAX,
                                       SCHEMA_TABLE(documents_fields) };
const Schema cosignature_body_schema = { .size = sizeof(CosignatureBody),
                                         .max_bytes = BODY_MAX,
                                         SCHEMA_TABLE(cosignature_fields) };
