/* SPDX-License-Identifier: MIT */
/* Invitations on the hub: their rows, and how they begin and end. */

#include "mesh/invitation.h"

#include <sodium.h>
#include <stdio.h>

#include "proto/error.h"

static const char *const state_names[_INVITATION_STATE_MAX] = {
        [INVITATION_ISSUED] = "issued",   [INVITATION_CLAIMED] = "claimed",
        [INVITATION_HELD] = "held",       [INVITATION_SPENT] = "spent",
        [INVITATION_EXPIRED] = "expired", [INVITATION_WITHDRAWN] = "withdrawn",
};

const char *invitation_state_to_string(InvitationState state)
{
        return state_names[state];
}

static InvitationState state_from_string(const char *name)
{
        for (InvitationState state = 0; state < _INVITATION_STATE_MAX; state++)
                if (streq(name, state_names[state]))
                        return state;
        return _INVITATION_STATE_INVALID;
}

bool invitation_is_bound(const Invitation *invitation)
{
        return !sodium_is_zero(invitation->device_key_sha256, sizeof invitation->device_key_sha256);
}

bool invitation_is_open(const Invitation *invitation)
{
        return invitation->state <= INVITATION_HELD;
}

bool invitation_is_due(const Invitation *invitation, const MeshTime *time)
{
        const MeshTime *deadline = &invitation->deadline;

        return time->wall_ms >= deadline->wall_ms ||
               (streq(time->boot_id, deadline->boot_id) && time->boottime_ms >= deadline->boottime_ms);
}

/* ---- reading rows */

/* Null while it is still an address in the tunnel. */
#define SOURCE " CASE WHEN source IN (SELECT bootstrap_address FROM token) THEN NULL ELSE source END"

#define COLUMNS                                                                                             \
        "device, state, address, keepalive_sec, deadline_ms, deadline_boottime_ms, boot_id, claimed_at_ms," \
        " description," SOURCE                                                                              \
        ", lost_size, id, secret_sha256, root_sha256, device_key_sha256, claim_sha256,"                     \
        " device_key, wireguard_key, ephemeral_key, hub_nonce, hub_ephemeral, lost_head"

#define BLOB(column, member)                                                                                \
        {                                                                                                   \
                column, offsetof(Invitation, member), sizeof((Invitation *) 0)->member                      \
        }

/* Null is zeros. */
static const struct {
        int column;
        size_t offset, size;
} blobs[] = {
        BLOB(11, id),
        BLOB(12, secret_sha256),
        BLOB(13, root_sha256),
        BLOB(14, device_key_sha256),
        BLOB(15, claim_sha256),
        BLOB(16, device_key),
        BLOB(17, wireguard_key),
        BLOB(18, ephemeral_key),
        BLOB(19, hub_nonce),
        BLOB(20, hub_ephemeral),
        BLOB(21, lost_head),
};

static void copy_text(const Statement *row, int column, char *ret_text, size_t size)
{
        (void) snprintf(ret_text, size, "%s", strempty(statement_text(row, column)));
}

static int read_row(const Statement *row, Invitation *ret_invitation)
{
        Invitation invitation = { .state = state_from_string(strempty(statement_text(row, 1))),
                                  .keepalive_sec = (uint16_t) statement_integer(row, 3),
                                  .deadline = { .wall_ms = statement_integer(row, 4),
                                                .boottime_ms = statement_integer(row, 5) },
                                  .claimed_at_ms = statement_integer(row, 7),
                                  .lost_size = statement_integer(row, 10) };

        copy_text(row, 0, invitation.device, sizeof invitation.device);
        copy_text(row, 6, invitation.deadline.boot_id, sizeof invitation.deadline.boot_id);
        copy_text(row, 8, invitation.description, sizeof invitation.description);
        copy_text(row, 9, invitation.source, sizeof invitation.source);
        if (invitation.state < 0 ||
            ip_prefix_parse(strempty(statement_text(row, 2)), &invitation.address) < 0)
                return -EBADMSG;

        for (size_t i = 0; i < ELEMENTSOF(blobs); i++) {
                int r = 0;

                if (statement_bytes(row, blobs[i].column).size > 0)
                        r = statement_copy_bytes(row, blobs[i].column,
                                                 (uint8_t *) &invitation + blobs[i].offset, blobs[i].size);
                if (r < 0)
                        return r;
        }

        *ret_invitation = invitation;
        return 0;
}

/* The first row of a query that began with `r`. */
static int read_first(int r, Statement *rows, Invitation *ret_invitation)
{
        _cleanup_(statement_resetp) Statement *use = rows;

        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r;

        r = read_row(rows, ret_invitation);
        return r < 0 ? r : 1;
}

int invitation_find(const Hub *hub, const uint8_t id[static TOKEN_ID_SIZE], Invitation *ret_invitation)
{
        Statement *rows = NULL;
        int r = query(hub->store->database, &rows, "SELECT " COLUMNS " FROM token WHERE id = ?", "b",
                      BYTES(id, TOKEN_ID_SIZE));

        return read_first(r, rows, ret_invitation);
}

int invitation_find_device(const Hub *hub, const char *device, Invitation *ret_invitation)
{
        Statement *rows = NULL;
        int r = query(hub->store->database, &rows,
                      "SELECT " COLUMNS " FROM token WHERE device = ?"
                      " AND state IN ('issued', 'claimed', 'held', 'spent')"
                      " ORDER BY state = 'spent', claimed_at_ms DESC LIMIT 1",
                      "t", device);

        return read_first(r, rows, ret_invitation);
}

int invitation_list(const Hub *hub, Invitation **ret_invitations, size_t *ret_n)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(freep) Invitation *invitations = calloc(INVITATIONS_MAX, sizeof *invitations);
        size_t n = 0;

        if (!invitations)
                return -ENOMEM;
        int r = query(hub->store->database, &rows,
                      "SELECT " COLUMNS " FROM token WHERE state IN ('issued', 'claimed', 'held')"
                      " ORDER BY device",
                      "");
        while (r >= 0 && n < INVITATIONS_MAX && (r = statement_step(rows)) > 0)
                r = read_row(rows, &invitations[n++]);
        if (r < 0)
                return r;

        *ret_invitations = TAKE_PTR(invitations);
        *ret_n = n;
        return 0;
}

/* ---- ending */

static int withdraw(const Hub *hub, const Invitation *invitation)
{
        int r = query_run(hub->store->database,
                          "UPDATE token SET state = 'withdrawn', secret = NULL, bootstrap_key = NULL,"
                          " bootstrap_psk = NULL, bootstrap_address = NULL WHERE id = ?",
                          "b", BYTES_OF(invitation->id));

        return r < 0 ? r
                     : outbox_add_record(hub->store->database, MESH_EVENT_WITHDRAWN, invitation->device, "");
}

static int expire(const Hub *hub, const Invitation *invitation)
{
        int r = query_run(hub->store->database,
                          "UPDATE token SET state = 'expired', secret = NULL, deadline_ms = ?,"
                          " deadline_boottime_ms = ?, boot_id = ? WHERE id = ?",
                          "iitb", hub->time.wall_ms + INVITATION_GRACE_MS,
                          hub->time.boottime_ms + INVITATION_GRACE_MS, hub->time.boot_id,
                          BYTES_OF(invitation->id));

        return r < 0 ? r
                     : outbox_add_record(hub->store->database, MESH_EVENT_EXPIRED, invitation->device, "");
}

static int end(const Hub *hub, const Invitation *invitation,
               int (*how)(const Hub *hub, const Invitation *invitation))
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(hub->store->database, &transaction);
        if (r == 0)
                r = how(hub, invitation);
        return r < 0 ? r : transaction_commit(&transaction);
}

int invitation_expire(const Hub *hub, const Invitation *invitation)
{
        return end(hub, invitation, expire);
}

int invitation_withdraw(const Hub *hub, const char *device)
{
        Invitation invitation;

        int r = invitation_find_device(hub, device, &invitation);
        if (r < 0)
                return r;
        if (r == 0 || !invitation_is_open(&invitation))
                return DEVBOX_ERROR_PEER_UNKNOWN;

        return end(hub, &invitation, withdraw);
}

/* ---- adding */

/* Of this network and this hub, and for a name that a device can have. */
static int check_token(const Hub *hub, const Token *token)
{
        uint8_t claim_key[X25519_SIZE];

        int r = token_accept(hub->root, &hub->root_sha256, token, (uint64_t) hub->time.wall_ms);
        if (r != 0)
                return r;

        x25519_public(hub->claim_key, claim_key);
        if (memcmp(claim_key, token->hub_claim_key, sizeof claim_key) != 0 ||
            memcmp(hub->wireguard_key.bytes, token->hub_wireguard_key, WIREGUARD_KEY_SIZE) != 0)
                return DEVBOX_ERROR_BAD_SIG;

        return streq(token->device, HUB_NAME) ? DEVBOX_ERROR_BAD_REQUEST : 0;
}

/* Ends what was issued to the name before. */
static int replace_issued(const Hub *hub, const char *device)
{
        Invitation before;

        int r = invitation_find_device(hub, device, &before);
        if (r <= 0 || !invitation_is_open(&before))
                return MIN(r, 0);
        if (before.state != INVITATION_ISSUED)
                return DEVBOX_ERROR_BUSY;

        return withdraw(hub, &before);
}

/* The address of the bootstrap peer as text; returns it. */
static const char *format_bootstrap(const uint8_t id[static TOKEN_ID_SIZE],
                                    char ret_text[IP_PREFIX_TEXT_SIZE])
{
        uint8_t address[4];
        IpPrefix prefix;

        bootstrap_address(id, address);
        (void) ip_prefix_init(&prefix, AF_INET, address, 32);
        return ip_prefix_format_address(&prefix, ret_text);
}

static int check_limits(const Hub *hub, const Token *token)
{
        Database *database = hub->store->database;
        char address[IP_PREFIX_TEXT_SIZE];
        int64_t n = 0;

        int r = query_integer(database, &n,
                              "SELECT count(*) FROM token WHERE state IN ('issued', 'claimed', 'held')", "");
        if (r < 0 || n >= INVITATIONS_MAX)
                return r < 0 ? r : DEVBOX_ERROR_BUSY;

        r = query_exists(database, "SELECT 1 FROM token WHERE bootstrap_address = ?", "t",
                         format_bootstrap(token->id, address));
        return r > 0 ? DEVBOX_ERROR_BUSY : r;
}

/* The one that was asked for, the one that the name had, or the next free one. */
static int choose_address(const Hub *hub, const char *device, const IpPrefix *wanted, IpPrefix *ret_address)
{
        Database *database = hub->store->database;
        _cleanup_(freep) char *before = NULL;

        if (wanted->family != AF_UNSPEC) {
                int r = node_address_is_free(database, &hub->node->prefix, wanted, device);

                *ret_address = *wanted;
                return r < 0 ? r : r == 0 ? DEVBOX_ERROR_ADDRESS_TAKEN : 0;
        }

        int r = query_text(database, &before, "SELECT address FROM device WHERE name = ?", "t", device);
        if (r > 0)
                return ip_prefix_parse(before, ret_address) < 0 ? -EBADMSG : 0;

        if (r == 0)
                r = node_allocate_address(database, &hub->node->prefix, ret_address);
        return r == -EADDRNOTAVAIL ? DEVBOX_ERROR_NETWORK_FULL : r;
}

static int insert_row(const Hub *hub, const Invitation *invitation, const Bytes secret,
                      const Bootstrap *bootstrap)
{
        char address[IP_PREFIX_TEXT_SIZE], bootstrap_text[IP_PREFIX_TEXT_SIZE];
        uint8_t secret_box[STORE_BOX_SIZE], psk_box[STORE_BOX_SIZE];
        const MeshTime *deadline = &invitation->deadline;

        store_box_seal(hub->store, secret.data, secret_box);
        store_box_seal(hub->store, secret_bytes(bootstrap->preshared_key).data, psk_box);
        return query_run(hub->store->database,
                         "INSERT INTO token (id, device, state, secret_sha256, secret, root_sha256,"
                         " device_key_sha256, address, keepalive_sec, deadline_ms, deadline_boottime_ms,"
                         " boot_id, bootstrap_key, bootstrap_psk, bootstrap_address)"
                         " VALUES (?, ?, 'issued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                         "btbbbbtiiitbbt", BYTES_OF(invitation->id), invitation->device,
                         BYTES_OF(invitation->secret_sha256.bytes), BYTES_OF(secret_box),
                         BYTES_OF(invitation->root_sha256.bytes), BYTES_OF(invitation->device_key_sha256),
                         ip_prefix_format_address(&invitation->address, address),
                         (int64_t) invitation->keepalive_sec, deadline->wall_ms, deadline->boottime_ms,
                         deadline->boot_id, BYTES_OF(bootstrap->public_key), BYTES_OF(psk_box),
                         format_bootstrap(invitation->id, bootstrap_text));
}

static Invitation from_token(const Hub *hub, const Token *token, uint16_t keepalive_sec)
{
        int64_t left_ms = token->expires_at_sec * INT64_C(1000) - hub->time.wall_ms;
        Invitation invitation = { .root_sha256 = token->root_sha256,
                                  .keepalive_sec = keepalive_sec,
                                  .deadline = hub->time };

        left_ms = MIN(left_ms, INVITATION_LIFE_MS);
        invitation.deadline.wall_ms += left_ms;
        invitation.deadline.boottime_ms += left_ms;
        memcpy(invitation.id, token->id, sizeof invitation.id);
        memcpy(invitation.device, token->device, sizeof invitation.device);
        memcpy(invitation.device_key_sha256, token->device_key_sha256, sizeof invitation.device_key_sha256);
        sha256(BYTES_OF(token->secret), &invitation.secret_sha256);
        return invitation;
}

/* Inside the transaction. */
static int add(const Hub *hub, const Token *token, const InvitationOptions *options, Invitation *invitation)
{
        _cleanup_(bootstrap_done) Bootstrap bootstrap = BOOTSTRAP_NULL;

        int r = replace_issued(hub, token->device);
        if (r != 0)
                return r;
        r = check_limits(hub, token);
        if (r != 0)
                return r;
        r = choose_address(hub, token->device, &options->address, &invitation->address);
        if (r != 0)
                return r;
        r = bootstrap_derive(token->id, token->secret, &bootstrap);
        if (r < 0)
                return r;
        r = insert_row(hub, invitation, BYTES_OF(token->secret), &bootstrap);
        return r < 0 ? r : outbox_add_record(hub->store->database, MESH_EVENT_INVITED, token->device, "");
}

int invitation_add(const Hub *hub, const Token *token, const InvitationOptions *options,
                   Invitation *ret_invitation)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        Invitation invitation = from_token(hub, token, options->keepalive_sec), same;

        int r = check_token(hub, token);
        if (r != 0)
                return r;
        r = invitation_find(hub, token->id, &same);
        if (r > 0) {
                if (same.state != INVITATION_ISSUED ||
                    !sha256_equal(&same.secret_sha256, &invitation.secret_sha256))
                        return DEVBOX_ERROR_TOKEN_USED;
                *ret_invitation = same;
                return 0;
        }
        if (r < 0)
                return r;

        r = transaction_begin(hub->store->database, &transaction);
        if (r == 0)
                r = add(hub, token, options, &invitation);
        if (r == 0)
                r = transaction_commit(&transaction);
        if (r != 0)
                return r;

        *ret_invitation = invitation;
        return 0;
}

/* ---- expiry */

#define IS_DUE "(deadline_ms <= ? OR (boot_id = ? AND deadline_boottime_ms <= ?))"

static int find_due(const Hub *hub, Invitation *ret_invitation)
{
        Statement *rows = NULL;
        int r = query(hub->store->database, &rows,
                      "SELECT " COLUMNS " FROM token WHERE state IN ('issued', 'claimed', 'held')"
                      " AND " IS_DUE " LIMIT 1",
                      "iti", hub->time.wall_ms, hub->time.boot_id, hub->time.boottime_ms);

        return read_first(r, rows, ret_invitation);
}

int invitation_expire_next(const Hub *hub, char ret_device[static DEVICE_NAME_SIZE])
{
        Invitation invitation;

        int r = find_due(hub, &invitation);
        if (r <= 0)
                return r;
        r = invitation_expire(hub, &invitation);
        if (r < 0)
                return r;

        memcpy(ret_device, invitation.device, sizeof invitation.device);
        return 1;
}

int invitation_forget_ended(const Hub *hub)
{
        int r = query_run(hub->store->database,
                          "DELETE FROM token WHERE state NOT IN ('issued', 'claimed', 'held')"
                          " AND deadline_ms < ?",
                          "i", hub->time.wall_ms - INVITATION_REMEMBERED_MS);

        return r < 0 ? r
                     : query_exists(hub->store->database,
                                    "UPDATE token SET bootstrap_key = NULL, bootstrap_psk = NULL,"
                                    " bootstrap_address = NULL WHERE state IN ('spent', 'expired')"
                                    " AND bootstrap_key IS NOT NULL AND " IS_DUE " RETURNING 1",
                                    "iti", hub->time.wall_ms, hub->time.boot_id, hub->time.boottime_ms);
}
