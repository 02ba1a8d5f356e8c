/* SPDX-License-Identifier: MIT */
/* Verification of people by emojis. */

#include "matrix/verification.h"

#include <inttypes.h>
#include <stdio.h>

#include "basic/parse.h"
#include "e2ee/identity.h"
#include "log/log.h"
#include "matrix/people.h"
#include "matrix/room-queue.h"

#define EMOJI_SIZE 48 /* of the longest, "symbol name" */
#define ID_SIZE    24

/* What is done with each verification. */
typedef struct Visit {
        Database *database;
        E2ee *e2ee;
        int (*visit)(const struct Visit *self, const Verification *verification);
        int (*on_row)(const VerificationRow *row, void *userdata);
        void *userdata;
} Visit;

/* ---- what the operator sees */

static const char *state_name(VerificationState state)
{
        static const char *const names[] = {
                [VERIFICATION_ASKED] = "requested",     [VERIFICATION_REQUESTED] = "requested",
                [VERIFICATION_READY] = "ready",         [VERIFICATION_STARTED] = "ready",
                [VERIFICATION_ACCEPTED] = "ready",      [VERIFICATION_COMPARING] = "keys",
                [VERIFICATION_CONFIRMED] = "compared",  [VERIFICATION_DONE] = "done",
                [VERIFICATION_CANCELLED] = "cancelled",
        };

        return names[state];
}

static int show(const Visit *self, const Verification *verification)
{
        char id[ID_SIZE], emojis[SAS_EMOJIS][EMOJI_SIZE], text[32];
        const SasEmoji *symbols[SAS_EMOJIS];
        unsigned decimals[SAS_DECIMALS];
        uint8_t sas[SAS_SIZE];
        VerificationRow row = { .id = id,
                                .user = verification->user_id,
                                .state = state_name(verification->state),
                                .device = verification->device_id,
                                .reason = verification->code };

        (void) snprintf(id, sizeof id, "%" PRId64, verification->id);
        if (verification->state != VERIFICATION_COMPARING)
                return self->on_row(&row, self->userdata);

        int r = e2ee_verification_sas(self->e2ee, verification, sas);
        if (r < 0)
                return r;
        sas_emojis(sas, symbols);
        sas_decimals(sas, decimals);
        for (row.n_emojis = 0; row.n_emojis < SAS_EMOJIS; row.n_emojis++) {
                const SasEmoji *symbol = symbols[row.n_emojis];

                (void) snprintf(emojis[row.n_emojis], EMOJI_SIZE, "%s %s", symbol->symbol, symbol->name);
                row.emojis[row.n_emojis] = emojis[row.n_emojis];
        }
        (void) snprintf(text, sizeof text, "%u %u %u", decimals[0], decimals[1], decimals[2]);
        row.decimals = text;
        return self->on_row(&row, self->userdata);
}

static int visit_all(const Visit *self)
{
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;

        for (;;) {
                Verification next = VERIFICATION_NULL;

                int r = e2ee_next_verification(self->e2ee, verification.txn_id, &next);
                if (r <= 0)
                        return r;
                verification_clear(&verification);
                verification = next;
                r = self->visit(self, &verification);
                if (r != 0)
                        return r;
        }
}

int verification_each(E2ee *e2ee, int (*on_row)(const VerificationRow *row, void *userdata), void *userdata)
{
        return visit_all(&(Visit){ .e2ee = e2ee, .visit = show, .on_row = on_row, .userdata = userdata });
}

/* ---- what people ask for */

static int screen(const Visit *self, const Verification *verification)
{
        if (verification->state != VERIFICATION_REQUESTED)
                return 0;

        int r = people_is_named(self->database, verification->user_id);
        if (r < 0)
                return r;
        if (r > 0)
                return e2ee_verification_accept(self->e2ee, verification->txn_id);

        (void) log_full(LOG_WARNING, 0, LOG_FIELDS({ "MATRIX_USER", verification->user_id }),
                        "A user whom no manifest names asks for a verification, ignoring");
        return e2ee_verification_forget(self->e2ee, verification->txn_id);
}

int verification_screen(Database *database, E2ee *e2ee)
{
        return visit_all(&(Visit){ .database = database, .e2ee = e2ee, .visit = screen });
}

/* ---- what the operator decides */

int verification_start(Database *database, E2ee *e2ee, const char *user_id, char **ret_id)
{
        _cleanup_(freep) char *room_id = NULL;
        int64_t id = 0;

        int r = e2ee_identity_is_pinned(e2ee, user_id);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        r = room_queue_find(database, ROOM_APPROVALS, "", &room_id);
        if (r <= 0)
                return r < 0 ? r : -EAGAIN;
        r = e2ee_verification_ask(e2ee, user_id, NULL, room_id, &id);
        if (r < 0)
                return r;
        return asprintf(ret_id, "%" PRId64, id) < 0 ? -ENOMEM : 0;
}

/* The flow's transaction id, which the caller frees. */
static int find(E2ee *e2ee, const char *id, char **ret_txn_id)
{
        uint64_t number;

        if (parse_u64(id, 1, INT64_MAX, &number) < 0)
                return -ENOENT;
        int r = e2ee_verification_find(e2ee, (int64_t) number, ret_txn_id);
        return r == 0 ? -ENOENT : MIN(r, 0);
}

int verification_confirm(E2ee *e2ee, const char *id)
{
        _cleanup_(freep) char *txn_id = NULL;

        int r = find(e2ee, id, &txn_id);
        return r < 0 ? r : e2ee_verification_confirm(e2ee, txn_id);
}

int verification_cancel(E2ee *e2ee, const char *id)
{
        _cleanup_(freep) char *txn_id = NULL;

        int r = find(e2ee, id, &txn_id);
        return r < 0 ? r : e2ee_verification_cancel(e2ee, txn_id, NULL);
}
