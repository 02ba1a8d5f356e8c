/* SPDX-License-Identifier: MIT */
/* What a device keeps while it joins. */

#include "mesh/joining.h"

#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

void joining_done(Joining *joining)
{
        token_done(&joining->token);
        claim_done(&joining->claim);
        sodium_memzero(joining->body, sizeof joining->body);
        joining->ephemeral = secret_free(joining->ephemeral);
        joining->answer = answer_free(joining->answer);
}

static int open_box(const Store *store, const Statement *row, int column, Secret **ret_plain)
{
        return secretbox_open(store->box_key, statement_bytes(row, column), ret_plain);
}

static int read_joining(const Store *store, const Statement *row, Joining *joining)
{
        _cleanup_(secret_freep) Secret *token = NULL, *claim = NULL;

        int r = open_box(store, row, 0, &token);
        if (r == 0)
                r = open_box(store, row, 1, &claim);
        if (r == 0)
                r = open_box(store, row, 2, &joining->ephemeral);
        if (r < 0)
                return r;
        Bytes body = secret_bytes(claim);
        if (token_parse(secret_bytes(token), &joining->token) != 0 ||
            claim_body_parse(body, &joining->claim) != 0)
                return -EBADMSG;

        joining->body_size = body.size;
        memcpy(joining->body, body.data, body.size);
        joining->is_signed = statement_bytes(row, 3).size > 0;
        if (joining->is_signed)
                r = statement_copy_bytes(row, 3, joining->signature.bytes, SIGNATURE_SIZE);
        if (r == 0 && statement_text(row, 4))
                r = answer_parse(bytes_of_string(statement_text(row, 4)), &joining->answer, NULL);
        return r > 0 ? -EBADMSG : r;
}

int joining_load(const Store *store, Joining *joining)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(store->database, &row,
                      "SELECT token, claim, ephemeral, signature, answer FROM joining", "");
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r;

        r = read_joining(store, row, joining);
        return r < 0 ? r : 1;
}

static int seal_box(const Store *store, Bytes plain, uint8_t *ret_box, Bytes *ret_bytes)
{
        *ret_bytes = BYTES(ret_box, plain.size + SECRETBOX_OVERHEAD);
        return secretbox_seal(store->box_key, plain, ret_box);
}

int joining_store(const Store *store, const Joining *joining)
{
        uint8_t token[TOKEN_SIZE_MAX], token_box[TOKEN_SIZE_MAX + SECRETBOX_OVERHEAD];
        uint8_t claim_box[CLAIM_BODY_MAX + SECRETBOX_OVERHEAD], key_box[X25519_SIZE + SECRETBOX_OVERHEAD];
        Bytes token_bytes, claim_bytes, key_bytes;

        int r = seal_box(store, BYTES(token, token_format(&joining->token, token)), token_box, &token_bytes);
        sodium_memzero(token, sizeof token);
        if (r == 0)
                r = seal_box(store, BYTES(joining->body, joining->body_size), claim_box, &claim_bytes);
        if (r == 0)
                r = seal_box(store, secret_bytes(joining->ephemeral), key_box, &key_bytes);
        if (r < 0)
                return r;

        return query_run(store->database,
                         "REPLACE INTO joining (id, token, claim, ephemeral) VALUES (1, ?, ?, ?)", "bbb",
                         token_bytes, claim_bytes, key_bytes);
}

/* ---- key files */

static const char *const file_names[_JOINING_KEY_MAX] = {
        [JOINING_KEY_BOOTSTRAP] = "bootstrap",
        [JOINING_KEY_WIREGUARD] = "wireguard",
};

void joining_key_name(const Token *token, JoiningKey key, char ret_name[static JOINING_KEY_NAME_SIZE])
{
        (void) snprintf(ret_name, JOINING_KEY_NAME_SIZE, "%s-%08x.key", file_names[key],
                        get_be32(token->id));
}

int joining_key_write(const Store *store, const Token *token, JoiningKey key, const Secret *secret)
{
        char name[JOINING_KEY_NAME_SIZE];

        joining_key_name(token, key, name);
        return sealed_file_write(store->directory_fd, name, store->seal, secret);
}

void joining_key_remove(const Store *store, const Token *token, JoiningKey key)
{
        char name[JOINING_KEY_NAME_SIZE];

        joining_key_name(token, key, name);
        (void) unlinkat(store->directory_fd, name, 0);
}
