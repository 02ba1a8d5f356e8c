/* SPDX-License-Identifier: MIT */
/* What happens in the network, as a table; and the rows for the audit chain. */

#include "mesh/event.h"

#include <stdio.h>
#include <sys/random.h>

#include "basic/time.h"
#include "log/log.h"

#define HOUR_MS     (UINT64_C(3600) * 1000)
#define ALARM_HOURS 168
#define ALARMS_MAX  "500"

const MeshEventType mesh_event_types[_MESH_EVENT_MAX] = {
        [MESH_EVENT_INVITED] = { "invited", "A device was invited", LOG_NOTICE, true },
        [MESH_EVENT_WITHDRAWN] = { "withdrawn", "An invitation was withdrawn", LOG_NOTICE, true },
        [MESH_EVENT_EXPIRED] = { "expired", "An invitation expired", LOG_NOTICE, true, true },
        [MESH_EVENT_CLAIMED] = { "claimed", "A device wants to join", LOG_NOTICE, true },
        [MESH_EVENT_CLAIM_REJECTED] = { "claim_rejected", "A claim was rejected", LOG_WARNING, true, true },
        [MESH_EVENT_HELD] = { "held", "Two devices claim one invitation: it is on hold", LOG_CRIT, true },
        [MESH_EVENT_TOKEN_REUSED] = { "token_reused", "A used invitation was claimed again", LOG_CRIT, true,
                                      true, true },
        [MESH_EVENT_ADMITTED] = { "admitted", "A device was admitted", LOG_NOTICE, true },
        [MESH_EVENT_ACTIVE] = { "active", "A device has joined", LOG_NOTICE, true },
        [MESH_EVENT_REVOKE_REQUESTED] = { "revoke_requested", "An operator revokes a device", LOG_NOTICE,
                                          true },
        [MESH_EVENT_REVOKED] = { "revoked", "A device was revoked", LOG_NOTICE, true },
        [MESH_EVENT_STALE] = { "stale", "A device was not heard of for a day", LOG_WARNING, true },
        [MESH_EVENT_DRIFT] = { "drift", "The network was changed by hand, and repaired", LOG_WARNING, true,
                               .alarm = true },
        [MESH_EVENT_DEGRADED] = { "degraded", "The hub is out of reach", LOG_WARNING, false },
        [MESH_EVENT_RECOVERED] = { "recovered", "The hub answers again", LOG_NOTICE, false },
        [MESH_EVENT_MANIFEST_PUBLISHED] = { "manifest_published", "A device has a new manifest", LOG_NOTICE,
                                            true },
        [MESH_EVENT_MANIFEST_REJECTED] = { "manifest_rejected", "A manifest was rejected", LOG_WARNING, true,
                                           true },
        [MESH_EVENT_MANIFEST_EXPIRING] = { "manifest_expiring", "A manifest expires within a week",
                                           LOG_WARNING, true },
};

bool event_backlog_add(EventBacklog *backlog, MeshEvent event, const char *device, const char *detail)
{
        if (backlog->n == EVENT_BACKLOG_MAX)
                return false;

        size_t i = backlog->n++;
        backlog->items[i].event = event;
        (void) snprintf(backlog->items[i].device, sizeof backlog->items[i].device, "%s", device);
        (void) snprintf(backlog->items[i].detail, sizeof backlog->items[i].detail, "%s", detail);
        return true;
}

/* One an hour, so that whoever repeats what causes them fills no table. */
static int add_alarm(Database *database, const MeshEventType *type, const char *device, const char *detail,
                     uint64_t now_ms)
{
        int64_t hour = (int64_t) (now_ms / HOUR_MS);

        int r = query_run(database, "DELETE FROM alarm WHERE hour < ?", "i", hour - ALARM_HOURS);
        return r < 0 ? r
                     : query_run(database,
                                 "INSERT OR IGNORE INTO alarm (kind, device, hour, time_ms, detail)"
                                 " VALUES (?, ?, ?, ?, ?)",
                                 "ttiit", type->name, device, hour, (int64_t) now_ms, detail);
}

int outbox_add_record(Database *database, MeshEvent event, const char *device, const char *detail)
{
        uint64_t now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
        const MeshEventType *type = &mesh_event_types[event];
        uint8_t random[ULID_RANDOM_SIZE];
        char id[ULID_SIZE];

        if (getrandom(random, sizeof random, 0) != sizeof random)
                return -EIO;
        ulid_format(now_ms, random, id);
        int r = type->alarm ? add_alarm(database, type, device, detail, now_ms) : 0;
        return r < 0 ? r
                     : query_run(database,
                                 "INSERT INTO outbox (member, device, id, kind, detail) VALUES ('Record', "
                                 "?, ?, ?, ?)",
                                 "tttt", device, id, type->name, detail);
}

int outbox_add_pin(Database *database, const char *device, const ChainId *chain, const PublicKey *key)
{
        return query_run(database,
                         "INSERT INTO outbox (member, device, chain_id, device_key) VALUES ('Pin', ?, ?, ?)",
                         "tbb", device, BYTES_OF(chain->bytes), BYTES_OF(key->bytes));
}

int outbox_add_unpin(Database *database, const char *device)
{
        return query_run(database, "INSERT INTO outbox (member, device) VALUES ('Unpin', ?)", "t", device);
}

int alarm_each(Database *database, int (*on_alarm)(const Alarm *alarm, void *userdata), void *userdata)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        int64_t hour = (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC / HOUR_MS);

        int r = query(database, &rows,
                      "SELECT * FROM (SELECT time_ms, kind, device, detail FROM alarm WHERE hour >= ?"
                      " ORDER BY time_ms DESC LIMIT " ALARMS_MAX ") ORDER BY time_ms",
                      "i", hour - ALARM_HOURS);
        while (r == 0 && (r = statement_step(rows)) > 0)
                r = on_alarm(&(Alarm){ (uint64_t) statement_integer(rows, 0), statement_text(rows, 1),
                                       statement_text(rows, 2), statement_text(rows, 3) },
                             userdata);
        return r;
}
