/* SPDX-License-Identifier: MIT */
/* The pre-authentication encoding of DSSE v1, and signatures over it. */

#include "crypto/dsse.h"

#include <stdio.h>

#define HEAD_MAX 192 /* "DSSEv1 ", two lengths, three blanks, and a type of up to 128 bytes */

/* All of the encoding but the payload. */
static size_t format_head(const char *type, size_t payload_size, char head[HEAD_MAX])
{
        int n = snprintf(head, HEAD_MAX, "DSSEv1 %zu %s %zu ", strlen(type), type, payload_size);

        assert(n > 0 && n < HEAD_MAX);
        return (size_t) n;
}

int dsse_pae(const char *type, Bytes payload, uint8_t **ret_pae, size_t *ret_size)
{
        char head[HEAD_MAX];
        size_t head_size = format_head(type, payload.size, head);

        uint8_t *pae = malloc(head_size + payload.size);
        if (!pae)
                return -ENOMEM;

        memcpy(pae, head, head_size);
        if (payload.size > 0)
                memcpy(pae + head_size, payload.data, payload.size);

        *ret_pae = pae;
        *ret_size = head_size + payload.size;
        return 0;
}

void dsse_digest(const char *type, Bytes payload, Sha256 *ret_digest)
{
        char head[HEAD_MAX];
        size_t head_size = format_head(type, payload.size, head);

        sha256_of_parts((Bytes[]){ BYTES(head, head_size), payload }, 2, ret_digest);
}

int dsse_sign(const KeyPair *pair, const char *type, Bytes payload, Signature *ret_signature)
{
        _cleanup_(freep) uint8_t *pae = NULL;
        size_t size;

        int r = dsse_pae(type, payload, &pae, &size);
        if (r < 0)
                return r;

        ed25519_sign(pair, BYTES(pae, size), ret_signature);
        return 0;
}
