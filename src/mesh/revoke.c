/* SPDX-License-Identifier: MIT */
/* Revoking devices:
 *
 *     journal, on the disk ──► devbox-dispatch hangs up ──► removed from the kernel ──► read back ──► reply
 *         ──► database, ledger
 *
 * A removed peer hears nothing any more, so what it runs for this hub is cancelled before. That may take a
 * moment, and the removal comes whether or not it has succeeded.
 *
 * What follows the journal is done whether or not the caller waits, and again after a crash: the journal is
 * applied before any peer is loaded. The database may be locked, full or gone. */

#include <stdlib.h>

#include "basic/parse.h"
#include "bus/error.h"
#include "log/log.h"
#include "mesh/daemon-internal.h"

#define DEADLINE_USEC (20 * USEC_PER_SEC) /* of the read-back; the removal goes on afterwards */

/* For the answer of devbox-dispatch; then, if it has hung up, for its last packets on their way through the
 * link. Longer would be seen in the time that a revocation takes, of which 50 ms are the goal. */
#define HANG_UP_USEC (15 * USEC_PER_MSEC)
#define FLUSH_USEC   (10 * USEC_PER_MSEC)

typedef struct Revocation {
        BusCall kept;
        MeshDaemon *owner;
        JournalEntry *entries;
        size_t n_entries;
        bool all;
        int journal_error;    /* 0 or -errno */
        usec_t began_at_usec; /* CLOCK_MONOTONIC */
        BusRequest hang_up;
        bool removed;
        sd_event_source *removal, *deadline;
} Revocation;

static int append_names(const Revocation *self, sd_bus_message *message)
{
        int r = sd_bus_message_open_container(message, 'a', "s");

        for (size_t i = 0; r >= 0 && i < self->n_entries; i++)
                r = sd_bus_message_append(message, "s", self->entries[i].device);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

/* ---- the removal */

static void remove_peers(Revocation *self)
{
        MeshDaemon *owner = self->owner;

        if (TAKE(self->removed, true))
                return;

        bus_request_cancel(&self->hang_up);
        for (size_t i = 0; i < self->n_entries; i++) {
                desired_remove_peer(&owner->desired, &self->entries[i].key);
                if (reconciler_remove_peers(owner->reconciler, &self->entries[i].key, 1) < 0)
                        reconciler_kick(owner->reconciler); /* the difference removes it, too */
        }
}

static int on_removal(sd_event_source *source, uint64_t due_usec, void *userdata)
{
        remove_peers(userdata);
        return 0;
}

static void on_hung_up(BusRequest *request, const BusReply *reply)
{
        Revocation *self = CONTAINER_OF(request, Revocation, hang_up);
        uint32_t n = 0;

        if (reply->reason != 0 || sd_bus_message_read(reply->message, "u", &n) < 0 || n == 0 ||
            sd_event_source_set_time_relative(self->removal, FLUSH_USEC) < 0)
                remove_peers(self);
}

static sd_bus_message *new_hang_up(const Revocation *self)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call =
                bus_client_new_call(&self->owner->dispatch, "HangUp", NULL);

        /* A dispatcher that does not run has no connection. */
        int r = call ? sd_bus_message_set_auto_start(call, false) : -ENOTCONN;
        if (r >= 0)
                r = append_names(self, call);
        return r < 0 ? NULL : TAKE_PTR(call);
}

void mesh_revocation_free(BusCall *kept)
{
        Revocation *self = CONTAINER_OF(kept, Revocation, kept);

        bus_call_done(kept);
        remove_peers(self);
        sd_event_source_disable_unref(self->removal);
        sd_event_source_disable_unref(self->deadline);
        free(self->entries);
        free(self);
}

/* ---- the reply */

static int reply_names(const Revocation *self)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(self->kept.message, &reply);
        if (r >= 0)
                r = append_names(self, reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void complete(Revocation *self)
{
        uint64_t elapsed = time_now(CLOCK_MONOTONIC) - self->began_at_usec;
        int r = 0;

        if (self->journal_error < 0)
                bus_reply_error(self->kept.message, DEVBOX_ERROR_MESH_UNAVAILABLE,
                                "removed, but the journal cannot be written, so only until the next start");
        else
                r = self->all ? reply_names(self)
                              : bus_reply(self->kept.message, "a{sv}", 1, "elapsed_usec", "t", elapsed);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot reply to a revocation, ignoring");
        for (size_t i = 0; i < self->n_entries; i++)
                mesh_announce(self->owner, MESH_EVENT_REVOKED, self->entries[i].device, "");
        mesh_revocation_free(&self->kept);
}

static int on_deadline(sd_event_source *source, uint64_t due_usec, void *userdata)
{
        Revocation *self = userdata;

        log_error("A removal could not be read back; it is tried again");
        bus_reply_error(self->kept.message, DEVBOX_ERROR_MESH_UNAVAILABLE,
                        "the revocation is recorded, but the removal could not be read back yet");
        mesh_revocation_free(&self->kept);
        return 0;
}

static bool is_gone(const Revocation *self, const WireguardDevice *running)
{
        for (size_t i = 0; running && i < self->n_entries; i++)
                if (wireguard_device_find_peer(running, &self->entries[i].key))
                        return false;
        return true;
}

void mesh_revocations_check(MeshDaemon *self, const WireguardDevice *running)
{
        bool completed = false;
        BusCall *next;

        for (BusCall *kept = LIST_FIRST(&self->revocations.list); kept; kept = next) {
                Revocation *revocation = CONTAINER_OF(kept, Revocation, kept);

                next = LIST_NEXT(kept, entry);
                if (is_gone(revocation, running)) {
                        complete(revocation);
                        completed = true;
                }
        }

        if (!completed)
                return;
        mesh_record_revocations(self);
        outbox_send(&self->outbox);
}

/* ---- the database */

static int store_revocation(Database *database, const JournalEntry *entry)
{
        int64_t now_ms = (int64_t) entry->time_ms;

        int r = query_exists(database,
                             "SELECT 1 FROM wireguard_key WHERE public_key = ? AND use != 'revoked'", "b",
                             BYTES_OF(entry->key.bytes));
        if (r <= 0)
                return r; /* the database has it already, or never had the key */

        r = peer_store_tombstone(database, &entry->key, now_ms);
        if (r >= 0)
                r = query_run(database,
                              "UPDATE token SET state = 'withdrawn', secret = NULL, bootstrap_key = NULL,"
                              " bootstrap_psk = NULL, bootstrap_address = NULL"
                              " WHERE device = ? AND state IN ('issued', 'claimed', 'held')",
                              "t", entry->device);
        if (r >= 0)
                r = outbox_add_unpin(database, entry->device);
        if (r >= 0)
                r = outbox_add_record(database, MESH_EVENT_REVOKED, entry->device, "");
        return r;
}

static int store_revocations(MeshDaemon *self)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(self->store.database, &transaction);
        for (size_t i = 0; r >= 0 && i < self->n_unrecorded; i++)
                r = store_revocation(self->store.database, &self->unrecorded[i]);
        return r < 0 ? r : transaction_commit(&transaction);
}

void mesh_record_revocations(MeshDaemon *self)
{
        if (self->n_unrecorded == 0 || mesh_need_store(self) != 0 ||
            mesh_after_write(self, store_revocations(self)) != 0)
                return; /* the next tick tries again */

        free(TAKE_PTR(self->unrecorded)); /* what is in memory says the same already */
        self->n_unrecorded = 0;
}

static int add_unrecorded(MeshDaemon *self, const JournalEntry *entries, size_t n)
{
        JournalEntry *grown = reallocarray(self->unrecorded, self->n_unrecorded + n, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        memcpy(grown + self->n_unrecorded, entries, n * sizeof *entries);
        self->unrecorded = grown;
        self->n_unrecorded += n;
        return 0;
}

int mesh_recover_revocations(MeshDaemon *self)
{
        size_t n;
        const JournalEntry *entries = journal_entries(self->journal, &n);

        return n == 0 ? 0 : add_unrecorded(self, entries, n);
}

int mesh_remove_revoked(MeshDaemon *self)
{
        size_t n;
        const JournalEntry *entries = journal_entries(self->journal, &n);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = reconciler_remove_peers(self->reconciler, &entries[i].key, 1);
        return r;
}

/* ---- the beginning */

static int revocation_new(MeshDaemon *self, const Peer *const *peers, size_t n, Revocation **ret_revocation)
{
        Revocation *revocation = calloc(1, sizeof *revocation);

        if (!revocation)
                return -ENOMEM;
        revocation->owner = self;
        revocation->began_at_usec = time_now(CLOCK_MONOTONIC);
        revocation->entries = calloc(MAX(n, (size_t) 1), sizeof *revocation->entries);
        if (!revocation->entries) {
                free(revocation);
                return -ENOMEM;
        }

        for (size_t i = 0; i < n; i++) {
                JournalEntry *entry = &revocation->entries[revocation->n_entries++];

                entry->key = peers[i]->key;
                entry->time_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
                memcpy(entry->device, peers[i]->name, sizeof entry->device);
        }
        *ret_revocation = revocation;
        return 0;
}

/* From here on it happens, whatever fails. */
static void commit(MeshDaemon *self, Revocation *revocation)
{
        revocation->journal_error =
                journal_append(self->journal, revocation->entries, revocation->n_entries);
        if (revocation->journal_error < 0)
                (void) log_full(LOG_CRIT, revocation->journal_error, NULL,
                                "The revocation journal cannot be written");
        if (add_unrecorded(self, revocation->entries, revocation->n_entries) < 0)
                (void) log_full(LOG_CRIT, -ENOMEM, NULL, "A revocation stays in the journal only");

        for (size_t i = 0; i < revocation->n_entries; i++) {
                Peer *peer = peer_table_find(&self->peers, revocation->entries[i].device);

                if (peer) {
                        peer->state = PEER_STATE_REVOKED;
                        peer->since_ms = (int64_t) revocation->entries[i].time_ms;
                }
        }
}

/* A test waits for longer, so that a slow machine does not miss the answer. */
static usec_t hang_up_usec(void)
{
        const char *text = secure_getenv("DEVBOX_HANG_UP_MS");
        uint64_t ms;

        return text && parse_u64(text, 1, 60000, &ms) >= 0 ? ms * USEC_PER_MSEC : HANG_UP_USEC;
}

static int add_timers(Revocation *revocation, sd_event *event)
{
        int r = sd_event_add_time_relative(event, &revocation->removal, CLOCK_MONOTONIC, HANG_UP_USEC, 1,
                                           on_removal, revocation);
        return r < 0 ? r
                     : sd_event_add_time_relative(event, &revocation->deadline, CLOCK_MONOTONIC,
                                                  DEADLINE_USEC, 0, on_deadline, revocation);
}

int mesh_revoke(MeshDaemon *self, sd_bus_message *message, const Peer *const *peers, size_t n_peers,
                bool all)
{
        Revocation *revocation;

        int r = revocation_new(self, peers, n_peers, &revocation);
        if (r < 0)
                return r;
        r = bus_call_init(&revocation->kept, &self->revocations, message);
        if (r != 0) {
                free(revocation->entries);
                free(revocation);
                return r;
        }
        revocation->all = all;
        r = add_timers(revocation, self->event);
        if (r < 0) {
                revocation->n_entries = 0;
                mesh_revocation_free(&revocation->kept);
                return r;
        }

        commit(self, revocation);
        if (n_peers == 0) {
                complete(revocation);
                return 0;
        }

        /* From now on, however long the disk took. */
        (void) sd_event_source_set_time(revocation->removal, deadline_after(hang_up_usec()));
        bus_client_send_take(&self->dispatch, &revocation->hang_up, new_hang_up(revocation), on_hung_up);
        return 0;
}
