/* SPDX-License-Identifier: MIT */
#pragma once

/* The JSON bodies of the agent's HTTP interface (devbox-agent(8)). Envelopes are objects in them. */

#include "schema/schema.h"

#define BODY_MAX (1024 * 1024)

typedef struct BodyDocument {
        char *envelope;
} BodyDocument;

typedef struct RunBody {
        char *request, *delivery;
        LIST_OF(BodyDocument) approvals;
} RunBody;

typedef struct DocumentsBody {
        LIST_OF(BodyDocument) roots; /* in their order */
        char *manifest;              /* NULL: none */
        int64_t keepalive_sec;       /* of the tunnel to the hub */
} DocumentsBody;

typedef struct CosignatureBody {
        char *checkpoint;
} CosignatureBody;

extern const Schema run_body_schema;
extern const Schema documents_body_schema;
extern const Schema cosignature_body_schema;
DEFINE_DOCUMENT(RunBody, run_body);
DEFINE_DOCUMENT(DocumentsBody, documents_body);
DEFINE_DOCUMENT(CosignatureBody, cosignature_body);
