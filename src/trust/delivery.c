/* SPDX-License-Identifier: MIT */
/* A delivery: its table, and the counters of a session. */

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
        { "withdraws",      SCHEMA_BOOLEAN,  false, AT(withdraws) },
};
/* clang-format on */

const Schema delivery_schema = { .size = sizeof(Delivery), .max_bytes = 1024, SCHEMA_TABLE(fields) };

static size_t find_row(const DeliveryCounters *counters, const PublicKey *dispatcher)
{
        size_t i = 0;

        while (i < counters->n && !public_key_equal(&counters->rows[i].dispatcher, dispatcher))
                i++;
        return i;
}

bool delivery_counters_allow(const DeliveryCounters *counters, const PublicKey *dispatcher, int64_t counter)
{
        size_t i = find_row(counters, dispatcher);

        if (i == counters->n || counter > counters->rows[i].last)
                return true;

        int64_t age = counters->rows[i].last - counter;
        return age < DELIVERY_WINDOW && (counters->rows[i].used >> age & 1) == 0;
}

int delivery_counters_use(DeliveryCounters *counters, const PublicKey *dispatcher, int64_t counter,
                          bool final)
{
        size_t i = find_row(counters, dispatcher);

        if (i == DELIVERY_COUNTERS_MAX)
                return -ENOBUFS;
        if (i == counters->n)
                counters->rows[counters->n++] = (DeliveryCountersRow){ .dispatcher = *dispatcher };

        DeliveryCountersRow *row = &counters->rows[i];
        int64_t step = counter - row->last;
        if (step > 0) {
                row->last = counter;
                row->used = step < DELIVERY_WINDOW ? row->used << step | 1 : 1;
        } else
                row->used |= UINT64_C(1) << -step;
        if (final)
                row->used |= UINT64_MAX << (row->last - counter);
        return 0;
}
