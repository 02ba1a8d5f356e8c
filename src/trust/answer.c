/* SPDX-License-Identifier: MIT */
/* The hub's answer to a claim: its table and its box. */

#include "trust/answer.h"

#include <sodium.h>

#include "basic/ip-prefix.h"
#include "proto/error.h"

static const char *const state_names[_ANSWER_STATE_MAX + 1] = {
        [ANSWER_PENDING] = "pending",
        [ANSWER_ADMITTED] = "admitted",
};

const char *answer_state_to_string(AnswerState state)
{
        return state_names[state];
}

static bool ip_prefix_valid(const char *text)
{
        char again[IP_PREFIX_TEXT_SIZE];
        IpPrefix prefix;

        if (ip_prefix_parse(text, &prefix) < 0 || prefix.family != AF_INET)
                return false;

        ip_prefix_mask(&prefix);
        return streq(ip_prefix_format(&prefix, again), text);
}

static bool ip_address_valid(const char *text)
{
        char again[IP_PREFIX_TEXT_SIZE];
        IpPrefix prefix;

        return ip_prefix_parse(text, &prefix) == 0 && prefix.family == AF_INET &&
               streq(ip_prefix_format_address(&prefix, again), text);
}

static const char *check(const void *object)
{
        const Answer *answer = object;
        const bool parts[] = {
                answer->network != NULL,  answer->prefix != NULL,
                answer->address != NULL,  answer->hub_address != NULL,
                answer->mtu > 0,          answer->roots.n > 0,
                answer->manifest != NULL, !sodium_is_zero(answer->chain_id, sizeof answer->chain_id),
        };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                n += parts[i];
        if (answer->state == ANSWER_PENDING)
                return n > 0 ? "is pending, but has parts of an admission" : NULL;
        if (n < ELEMENTSOF(parts))
                return "lacks parts of an admission";
        if (!x25519_key_is_canonical(answer->hub_ephemeral) || !x25519_key_is_valid(answer->hub_ephemeral))
                return "has an invalid key";

        return (answer->lost_size > 0) == sha256_is_null(&answer->lost_head)
                       ? "has a lost chain without its head, or a head without a chain"
                       : NULL;
}

#define AT(member) offsetof(Answer, member)

/* clang-format off */
static const SchemaField root_fields[] = {
        { "envelope", SCHEMA_STRING, true, offsetof(AnswerRoot, envelope), 2, ANSWER_SIZE_MAX },
};
static const Schema root_schema_of_answer = { .size = sizeof(AnswerRoot), SCHEMA_TABLE(root_fields) };

static const SchemaField fields[] = {
        { "v",             SCHEMA_CONSTANT,  true,  .min = 1 },
        { "state",         SCHEMA_NAME,      true,  AT(state), .names = state_names },
        { "nonce",         SCHEMA_HEX,       false, AT(nonce), .max = ENROLMENT_NONCE_SIZE },
        { "retry_ms",      SCHEMA_INTEGER,   false, AT(retry_ms), 0, 60 * 1000 },
        { "hub_time_ms",   SCHEMA_TIMESTAMP, true,  AT(hub_time_ms), 0, SCHEMA_INTEGER_MAX },
        { "hub_ephemeral", SCHEMA_HEX,       false, AT(hub_ephemeral), .max = X25519_SIZE },
        { "network",       SCHEMA_STRING,    false, AT(network), 1, 63, .valid = label_valid },
        { "prefix",        SCHEMA_STRING,    false, AT(prefix), 1, 18, .valid = ip_prefix_valid },
        { "address",       SCHEMA_STRING,    false, AT(address), 1, 15, .valid = ip_address_valid },
        { "hub_address",   SCHEMA_STRING,    false, AT(hub_address), 1, 15, .valid = ip_address_valid },
        { "keepalive_s",   SCHEMA_INTEGER,   false, AT(keepalive_s), 0, UINT16_MAX },
        { "mtu",           SCHEMA_INTEGER,   false, AT(mtu), 576, UINT16_MAX },
        { "chain",         SCHEMA_HEX,       false, AT(chain_id), .max = ANSWER_CHAIN_SIZE },
        { "lost_size",     SCHEMA_INTEGER,   false, AT(lost_size), 0, SCHEMA_INTEGER_MAX },
        { "lost_head",     SCHEMA_HEX,       false, AT(lost_head), .max = SHA256_SIZE },
        { "roots",         SCHEMA_OBJECTS,   false, AT(roots), 0, ANSWER_ROOTS_MAX,
          .nested = &root_schema_of_answer },
        { "manifest",      SCHEMA_STRING,    false, AT(manifest), 2, ANSWER_SIZE_MAX },
};
/* clang-format on */

const Schema answer_schema = { .size = sizeof(Answer),
                               .max_bytes = ANSWER_SIZE_MAX - SECRETBOX_OVERHEAD,
                               SCHEMA_TABLE(fields),
                               .check = check };

int answer_key(const Secret *secret, const uint8_t other[static X25519_SIZE], const Sha256 *claim_sha256,
               Secret **ret_key)
{
        return enrolment_agree(secret, other, "answer", BYTES_OF(claim_sha256->bytes), ret_key);
}

int answer_seal(const Answer *answer, const Secret *key, uint8_t **ret_box, size_t *ret_size)
{
        _cleanup_(freep) char *text = NULL;
        _cleanup_(freep) uint8_t *box = NULL;

        int r = answer_format(answer, &text, NULL);
        if (r != 0)
                return r;

        size_t size = strlen(text) + SECRETBOX_OVERHEAD;
        if (size > ANSWER_SIZE_MAX)
                return -EFBIG;
        box = malloc(size);
        if (!box)
                return -ENOMEM;
        r = secretbox_seal(key, bytes_of_string(text), box);
        if (r < 0)
                return r;

        *ret_box = TAKE_PTR(box);
        *ret_size = size;
        return 0;
}

int answer_open(Bytes box, const Secret *key, Answer **ret_answer)
{
        _cleanup_(secret_freep) Secret *text = NULL;

        if (box.size > ANSWER_SIZE_MAX)
                return DEVBOX_ERROR_BAD_ENVELOPE;
        int r = secretbox_open(key, box, &text);
        if (r < 0)
                return r == -EBADMSG ? DEVBOX_ERROR_BAD_ENVELOPE : r;

        return answer_parse(secret_bytes(text), ret_answer, NULL);
}
