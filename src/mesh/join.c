/* SPDX-License-Identifier: MIT */
/* Joining a network, on the device. */

#include "mesh/join.h"

#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/time.h"
#include "mesh/joining.h"
#include "proto/error.h"

static const char *const state_names[_JOIN_STATE_MAX] = {
        [JOIN_STATE_NONE] = "",
        [JOIN_STATE_KEYS] = "keys",
        [JOIN_STATE_CLAIMED] = "claimed",
        [JOIN_STATE_ADMITTED] = "admitted",
        [JOIN_STATE_INSTALLED] = "installed",
        [JOIN_STATE_JOINED] = "joined",
};

JoinState join_state_of(const Node *node)
{
        for (JoinState state = 0; state < _JOIN_STATE_MAX; state++)
                if (streq(node->join_state, state_names[state]))
                        return state;
        return _JOIN_STATE_INVALID;
}

static void set_state(Node *node, JoinState state)
{
        (void) snprintf(node->join_state, sizeof node->join_state, "%s", state_names[state]);
}

/* Both rows, where they must be. Errors: DEVBOX_ERROR_REQUEST_STATE they are not. */
static int load_both(const Store *store, Node *node, Joining *joining)
{
        int r = node_load(store->database, node);
        if (r < 0)
                return r;

        r = joining_load(store, joining);
        return r < 0 ? r : r == 0 || node->role != NODE_ROLE_DEVICE ? DEVBOX_ERROR_REQUEST_STATE : 0;
}

/* ---- the hub as the only peer */

static int store_hub(const Store *store, const Token *token, const IpPrefix *address, uint16_t keepalive_sec,
                     const Secret *preshared_key)
{
        int64_t now_ms = (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);
        char text[IP_PREFIX_TEXT_SIZE];
        uint8_t box[STORE_BOX_SIZE];

        store_box_seal(store, secret_bytes(preshared_key).data, box);
        int r = query_run(store->database,
                          "INSERT INTO device (name, state, address, keepalive_sec, device_key, chain_id,"
                          " description, since_ms)"
                          " VALUES (?, 'joining', ?, ?, zeroblob(32), zeroblob(16), '', ?)"
                          " ON CONFLICT (name) DO UPDATE SET state = excluded.state,"
                          " address = excluded.address, keepalive_sec = excluded.keepalive_sec,"
                          " since_ms = excluded.since_ms",
                          "ttii", HUB_NAME, ip_prefix_format_address(address, text), (int64_t) keepalive_sec,
                          now_ms);
        if (r == 0)
                r = query_run(store->database,
                              "UPDATE wireguard_key SET use = 'retiring'"
                              " WHERE use = 'current' AND public_key != ?",
                              "b", BYTES_OF(token->hub_wireguard_key));
        if (r == 0)
                r = query_run(store->database,
                              "INSERT INTO wireguard_key VALUES (?, ?, 'current', ?, ?)"
                              " ON CONFLICT (public_key) DO UPDATE SET use = excluded.use,"
                              " psk = excluded.psk, since_ms = excluded.since_ms",
                              "btbi", BYTES_OF(token->hub_wireguard_key), HUB_NAME, BYTES_OF(box), now_ms);
        return r;
}

/* ---- start */

/* The node while it has nothing but the token. */
static void bootstrap_node(const Token *token, const Bootstrap *bootstrap, Node *ret_node)
{
        Node node = { .role = NODE_ROLE_DEVICE, .n_endpoints = token->n_endpoints };

        memcpy(node.network, token->network, sizeof node.network);
        memcpy(node.endpoints, token->endpoints, sizeof node.endpoints);
        (void) ip_prefix_init(&node.address, AF_INET, bootstrap->address, ENROLMENT_PREFIX_LENGTH);
        node.prefix = node.address;
        ip_prefix_mask(&node.prefix);
        (void) ip_prefix_parse(ENROLMENT_HUB_ADDRESS, &node.hub_address);
        joining_key_name(token, JOINING_KEY_BOOTSTRAP, node.private_key);
        set_state(&node, JOIN_STATE_KEYS);
        *ret_node = node;
}

static void copy_description(const char *text, char ret_text[static CLAIM_DESCRIPTION_MAX + 1])
{
        size_t n = strnlen(text, CLAIM_DESCRIPTION_MAX);

        for (size_t i = 0; i < n; i++)
                ret_text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
        ret_text[n] = '\0';
}

/* Makes the keys and the claim; the WireGuard key goes into its file. */
static int make_claim(const Store *store, const JoinRequest *request, Joining *joining)
{
        _cleanup_(secret_freep) Secret *wireguard_key = NULL;
        Claim *claim = &joining->claim;

        joining->token = *request->token;
        claim->device_key = *request->device_key;
        claim->device_time_ms = request->now_ms;
        copy_description(request->description, claim->description);
        memcpy(claim->token_id, request->token->id, sizeof claim->token_id);
        memcpy(claim->secret, request->token->secret, sizeof claim->secret);
        randombytes_buf(claim->nonce, sizeof claim->nonce);
        int r = x25519_generate(&wireguard_key, claim->wireguard_key);
        if (r == 0)
                r = x25519_generate(&joining->ephemeral, claim->ephemeral_key);
        if (r == 0)
                r = claim_prove(claim, wireguard_key, request->token->hub_claim_key);
        if (r == -EBADMSG)
                r = DEVBOX_ERROR_BAD_ENVELOPE;
        if (r == 0)
                r = joining_key_write(store, request->token, JOINING_KEY_WIREGUARD, wireguard_key);
        if (r != 0)
                return r;

        joining->body_size = claim_body_format(claim, joining->body);
        return 0;
}

static int store_start(const Store *store, const Node *node, const Joining *joining,
                       const Bootstrap *bootstrap)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(store->database, &transaction);
        if (r == 0)
                r = node_store(store->database, node);
        if (r == 0)
                r = store_hub(store, &joining->token, &node->hub_address, MESH_KEEPALIVE,
                              bootstrap->preshared_key);
        if (r == 0)
                r = joining_store(store, joining);
        return r < 0 ? r : transaction_commit(&transaction);
}

static int start_anew(const Store *store, const JoinRequest *request, Joining *joining)
{
        _cleanup_(bootstrap_done) Bootstrap bootstrap = BOOTSTRAP_NULL;
        Node node;

        int r = bootstrap_derive(request->token->id, request->token->secret, &bootstrap);
        if (r == 0)
                r = joining_key_write(store, request->token, JOINING_KEY_BOOTSTRAP, bootstrap.private_key);
        if (r == 0)
                r = make_claim(store, request, joining);
        if (r != 0)
                return r;

        bootstrap_node(request->token, &bootstrap, &node);
        return store_start(store, &node, joining, &bootstrap);
}

static void remove_key_files(const Store *store, const Token *token)
{
        joining_key_remove(store, token, JOINING_KEY_BOOTSTRAP);
        joining_key_remove(store, token, JOINING_KEY_WIREGUARD);
}

int join_start(const Store *store, const JoinRequest *request, uint8_t ret_body[static CLAIM_BODY_MAX],
               size_t *ret_size)
{
        _cleanup_(joining_done) Joining before = JOINING_NULL, joining = JOINING_NULL;
        const Joining *result = &before;
        Node node;

        int r = node_load(store->database, &node);
        if (r < 0)
                return r;
        int kept = joining_load(store, &before);
        if (kept < 0)
                return kept;

        if (!request->token && kept == 0)
                return DEVBOX_ERROR_NOT_FOUND;

        bool same = !request->token ||
                    (kept > 0 && memcmp(before.token.id, request->token->id, TOKEN_ID_SIZE) == 0);
        if (same ? !public_key_equal(&before.claim.device_key, request->device_key)
                 : node.role == NODE_ROLE_HUB || join_state_of(&node) >= JOIN_STATE_INSTALLED)
                return DEVBOX_ERROR_ENROLLED_OTHERWISE;

        if (!same) {
                r = start_anew(store, request, &joining);
                if (r != 0)
                        return r;
                if (kept > 0)
                        remove_key_files(store, &before.token);
                result = &joining;
        }
        memcpy(ret_body, result->body, result->body_size);
        *ret_size = result->body_size;
        return 0;
}

int join_invitation(const Store *store, JoinInvitation *ret_invitation)
{
        _cleanup_(joining_done) Joining joining = JOINING_NULL;

        int r = joining_load(store, &joining);
        if (r <= 0)
                return r;

        ret_invitation->root_sha256 = joining.token.root_sha256;
        memcpy(ret_invitation->device, joining.token.device, sizeof ret_invitation->device);
        return 1;
}

/* ---- sign */

static int store_state(const Store *store, Node *node, JoinState state)
{
        set_state(node, state);
        return node_store(store->database, node);
}

static int keep_signature(const Store *store, Node *node, const Signature *signature)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(store->database, &transaction);
        if (r == 0)
                r = query_run(store->database, "UPDATE joining SET signature = ?", "b",
                              BYTES_OF(signature->bytes));
        if (r == 0)
                r = store_state(store, node, JOIN_STATE_CLAIMED);
        return r < 0 ? r : transaction_commit(&transaction);
}

int join_sign(const Store *store, const Signature *signature, uint8_t ret_sealed[static CLAIM_SEALED_MAX],
              size_t *ret_size)
{
        _cleanup_(joining_done) Joining joining = JOINING_NULL;
        Node node;

        int r = load_both(store, &node, &joining);
        if (r != 0)
                return r;
        Bytes body = BYTES(joining.body, joining.body_size);
        r = claim_verify(body, &joining.claim.device_key, signature);
        if (r == 0 && !joining.is_signed) {
                joining.signature = *signature;
                r = keep_signature(store, &node, signature);
        }
        if (r == 0)
                r = claim_seal(body, &joining.signature, joining.token.hub_claim_key, ret_sealed, ret_size);
        return r;
}

/* ---- open */

static bool answer_fits(const Answer *answer, const Token *token)
{
        IpPrefix prefix, address, hub;

        if (answer->state == ANSWER_PENDING)
                return true;

        return streq(answer->network, token->network) && ip_prefix_parse(answer->prefix, &prefix) == 0 &&
               ip_prefix_parse(answer->address, &address) == 0 &&
               ip_prefix_parse(answer->hub_address, &hub) == 0 && ip_prefix_contains(&prefix, &address) &&
               ip_prefix_contains(&prefix, &hub) && ip_prefix_compare(&address, &hub) != 0;
}

static int keep_answer(const Store *store, Node *node, const Answer *answer)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(freep) char *text = NULL;

        int r = answer_format(answer, &text, NULL);
        if (r == 0)
                r = transaction_begin(store->database, &transaction);
        if (r == 0)
                r = query_run(store->database, "UPDATE joining SET answer = ?", "t", text);
        if (r == 0)
                r = store_state(store, node, JOIN_STATE_ADMITTED);
        return r != 0 ? r : transaction_commit(&transaction);
}

int join_open(const Store *store, Bytes box, Answer **ret_answer,
              char ret_digits[static ENROLMENT_DIGITS_SIZE])
{
        _cleanup_(joining_done) Joining joining = JOINING_NULL;
        _cleanup_(answer_freep) Answer *answer = NULL;
        _cleanup_(secret_freep) Secret *key = NULL;
        Sha256 digest;
        Node node;

        int r = load_both(store, &node, &joining);
        if (r == 0 && !joining.is_signed)
                r = DEVBOX_ERROR_REQUEST_STATE;
        if (r != 0)
                return r;
        claim_digest(BYTES(joining.body, joining.body_size), &joining.signature, &digest);
        r = answer_key(joining.ephemeral, joining.token.hub_claim_key, &digest, &key);
        if (r == 0)
                r = answer_open(box, key, &answer);
        if (r == 0 && !answer_fits(answer, &joining.token))
                r = DEVBOX_ERROR_BAD_ENVELOPE;
        if (r == 0 && answer->state == ANSWER_ADMITTED && join_state_of(&node) < JOIN_STATE_INSTALLED)
                r = keep_answer(store, &node, answer);
        if (r != 0)
                return r;

        ret_digits[0] = '\0';
        if (!sodium_is_zero(answer->nonce, sizeof answer->nonce))
                enrolment_digits(&digest, answer->nonce, ret_digits);
        *ret_answer = TAKE_PTR(answer);
        return 0;
}

/* ---- finish, confirm, leave */

static int derive_preshared_key(const Joining *joining, Secret **ret_key)
{
        Sha256 digest;

        claim_digest(BYTES(joining->body, joining->body_size), &joining->signature, &digest);
        return enrolment_preshared_key(
                &(PresharedKeyInput){ .ephemeral = joining->ephemeral,
                                      .other_ephemeral = joining->answer->hub_ephemeral,
                                      .hub_ephemeral = joining->answer->hub_ephemeral,
                                      .token_secret = joining->token.secret,
                                      .claim_sha256 = &digest },
                ret_key);
}

static int installed_node(const Joining *joining, Node *node)
{
        const Answer *answer = joining->answer;

        if (ip_prefix_parse(answer->prefix, &node->prefix) < 0 ||
            ip_prefix_parse(answer->address, &node->address) < 0 ||
            ip_prefix_parse(answer->hub_address, &node->hub_address) < 0)
                return -EBADMSG;

        node->address.length = node->prefix.length;
        joining_key_name(&joining->token, JOINING_KEY_WIREGUARD, node->private_key);
        return 0;
}

static int store_finish(const Store *store, Node *node, const Joining *joining, const Secret *preshared_key)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(store->database, &transaction);
        if (r == 0)
                r = store_state(store, node, JOIN_STATE_INSTALLED);
        if (r == 0)
                r = store_hub(store, &joining->token, &node->hub_address,
                              (uint16_t) joining->answer->keepalive_s, preshared_key);
        return r < 0 ? r : transaction_commit(&transaction);
}

int join_finish(const Store *store)
{
        _cleanup_(joining_done) Joining joining = JOINING_NULL;
        _cleanup_(secret_freep) Secret *preshared_key = NULL;
        Node node;

        int r = load_both(store, &node, &joining);
        if (r == DEVBOX_ERROR_REQUEST_STATE && join_state_of(&node) == JOIN_STATE_JOINED)
                return 0;
        if (r != 0)
                return r;
        if (!joining.answer)
                return DEVBOX_ERROR_REQUEST_STATE;

        r = derive_preshared_key(&joining, &preshared_key);
        if (r == 0)
                r = installed_node(&joining, &node);
        if (r == 0)
                r = store_finish(store, &node, &joining, preshared_key);
        return r < 0 ? r : node_write_file(store->directory_fd, &node);
}

/* Deletes what was kept while joining; the node is the caller's. */
static int store_end(const Store *store, const Node *node, const char *hub_state)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(store->database, &transaction);
        if (r == 0)
                r = node_store(store->database, node);
        if (r == 0)
                r = query_run(store->database, "UPDATE device SET state = ? WHERE name = ?", "tt", hub_state,
                              HUB_NAME);
        if (r == 0)
                r = query_run(store->database, "DELETE FROM joining", "");
        return r < 0 ? r : transaction_commit(&transaction);
}

int join_confirm(const Store *store)
{
        _cleanup_(joining_done) Joining joining = JOINING_NULL;
        Node node;

        int r = load_both(store, &node, &joining);
        if (r == DEVBOX_ERROR_REQUEST_STATE && join_state_of(&node) == JOIN_STATE_JOINED)
                return 0;
        if (r != 0)
                return r;
        if (join_state_of(&node) != JOIN_STATE_INSTALLED)
                return DEVBOX_ERROR_REQUEST_STATE;

        r = node_write_file(store->directory_fd, &node); /* again: a crash may have come between */
        if (r < 0)
                return r;
        set_state(&node, JOIN_STATE_JOINED);
        r = store_end(store, &node, "active");
        if (r < 0)
                return r;

        joining_key_remove(store, &joining.token, JOINING_KEY_BOOTSTRAP);
        return 0;
}

int join_leave(const Store *store)
{
        _cleanup_(joining_done) Joining joining = JOINING_NULL;
        Node node, none = NODE_NULL;

        int r = node_load(store->database, &node);
        if (r == 0)
                r = MIN(joining_load(store, &joining), 0);
        if (r < 0)
                return r;
        if (node.role == NODE_ROLE_HUB)
                return DEVBOX_ERROR_REQUEST_STATE;

        r = store_end(store, &none, "revoked");
        if (r < 0)
                return r;

        remove_key_files(store, &joining.token);
        if (node.private_key[0] != '\0')
                (void) unlinkat(store->directory_fd, node.private_key, 0);
        return node_write_file(store->directory_fd, &none);
}
