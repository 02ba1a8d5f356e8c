/* SPDX-License-Identifier: MIT */
/* Processing of what others wrote. */

#include "e2ee/quarantine.h"

#include <fcntl.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/text.h"
#include "crypto/sha256.h"
#include "e2ee/e2ee-internal.h"

#define DEATHS_MAX   2
#define KEPT_MAX     1000 /* rows of each table … */
#define CONTENT_SIZE 4096 /* … and bytes of an event in them */
#define ID_SIZE      255  /* what the specification allows */

/* ---- the mark: the digest of what is being processed, or zeros */

/* A crash of the process leaves what it has written, so nothing is synced; after a loss of power, which is
 * no fault of the event, the mark may be there or not. */
static int mark(E2ee *e2ee, const Sha256 *key)
{
        ssize_t n = pwrite(e2ee->mark_fd, key->bytes, sizeof key->bytes, 0);

        return n < 0 ? -errno : n == sizeof key->bytes ? 0 : -EIO;
}

static int clear_mark(E2ee *e2ee)
{
        return mark(e2ee, &(Sha256){ { 0 } });
}

int quarantine_open(E2ee *e2ee)
{
        _cleanup_(text_done) Text path = TEXT_NULL;

        text_appendf(&path, "%s-mark", database_path(e2ee->database));
        if (path.error < 0)
                return path.error;
        e2ee->mark_fd = open(path.data, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        return e2ee->mark_fd < 0 ? -errno : 0;
}

/* Until the caller has committed, the mark stays: a death is rather counted twice than not at all. */
int quarantine_count_death(E2ee *e2ee)
{
        Sha256 key;

        ssize_t n = pread(e2ee->mark_fd, key.bytes, sizeof key.bytes, 0);
        if (n < 0)
                return -errno;
        if (n != sizeof key.bytes || sha256_is_null(&key))
                return 0;
        int r = query_run(e2ee->database,
                          "INSERT INTO suspect(key, deaths) VALUES (?, 1)"
                          " ON CONFLICT DO UPDATE SET deaths = deaths + 1",
                          "b", BYTES_OF(key));
        return r < 0 ? r
                     : query_run(e2ee->database,
                                 "DELETE FROM suspect WHERE rowid <= (SELECT max(rowid) FROM suspect) - ?",
                                 "i", (int64_t) KEPT_MAX);
}

int quarantine_death_counted(E2ee *e2ee)
{
        return clear_mark(e2ee);
}

/* ---- what is skipped */

/* A homeserver may change how often and in which order, and beside what, it sends an event. */
static int identify(const E2eeGuarded *guarded, Sha256 *ret_key)
{
        const char *event_id = object_string(guarded->event, "event_id"), *room_id = guarded->room_id;
        _cleanup_(freep) char *text =
                guarded->event && !event_id ? cJSON_PrintUnformatted(guarded->event) : NULL;

        if (guarded->event && !event_id && !text)
                return -ENOMEM;
        const Bytes parts[] = { BYTES(guarded->part, strlen(guarded->part) + 1),
                                BYTES(strempty(room_id), strlen(strempty(room_id)) + 1),
                                bytes_of_string(event_id ? event_id : strempty(text)) };
        sha256_of_parts(parts, ELEMENTSOF(parts), ret_key);
        return 0;
}

/* An id that is none may be of any length. */
static const char *id_or_null(const char *id)
{
        return id && strlen(id) <= ID_SIZE ? id : NULL;
}

static int put_aside(E2ee *e2ee, const E2eeGuarded *guarded, const Sha256 *key, int error)
{
        _cleanup_(freep) char *text = guarded->event ? cJSON_PrintUnformatted(guarded->event) : strdup("");

        if (!text)
                return -ENOMEM;
        if (strlen(text) > CONTENT_SIZE)
                text[CONTENT_SIZE] = '\0';
        int r = query_exists(e2ee->database, "SELECT 1 FROM poison WHERE key = ?", "b", BYTES_OF(*key));
        if (r != 0)
                return r < 0 ? r : GUARD_SKIPPED_BEFORE;
        r = query_run(e2ee->database,
                      "INSERT INTO poison(at_ms, key, part, room_id, event_id, event, error)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?)",
                      "ibtttti", e2ee_now(e2ee), BYTES_OF(*key), guarded->part, id_or_null(guarded->room_id),
                      id_or_null(object_string(guarded->event, "event_id")), text, (int64_t) error);
        if (r == 0)
                r = query_run(e2ee->database,
                              "DELETE FROM poison WHERE id <= (SELECT max(id) FROM poison) - ?", "i",
                              (int64_t) KEPT_MAX);
        if (r == 0 && e2ee->on_skipped)
                e2ee->on_skipped(guarded, error, e2ee->userdata);
        return r < 0 ? r : GUARD_SKIPPED;
}

/* Errors that another event would have, too. Of a damaged database they are those of bad input. */
static bool is_of_machine(E2ee *e2ee, int error)
{
        static const int errors[] = { ENOMEM, ENOSPC, EDQUOT, EIO,    EBUSY,   EROFS,
                                      EACCES, EAGAIN, EMFILE, ENFILE, ENOTCONN };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (error == -errors[i])
                        return true;
        return error == -EBADMSG && database_check(e2ee->database) < 0;
}

/* ---- the whole */

static int attempt(E2ee *e2ee, const E2eeGuarded *guarded, const Sha256 *key, E2eeHandler *handler,
                   void *userdata)
{
        int outcome = 0;

        int r = query_run(e2ee->database, "SAVEPOINT event", "");
        if (r < 0)
                return r;
        int error = handler(guarded, userdata);
        if (error < 0) {
                if (is_of_machine(e2ee, error))
                        return error;
                r = query_run(e2ee->database, "ROLLBACK TO event", "");
                outcome = r < 0 ? r : put_aside(e2ee, guarded, key, error);
                if (outcome < 0)
                        return outcome;
        }
        r = query_run(e2ee->database, "RELEASE event", "");
        return r < 0 ? r : outcome;
}

int e2ee_guard(E2ee *e2ee, const E2eeGuarded *guarded, E2eeHandler *handler, void *userdata)
{
        int64_t deaths = 0;
        Sha256 key;

        int r = identify(guarded, &key);
        if (r == 0)
                r = query_integer(e2ee->database, &deaths, "SELECT deaths FROM suspect WHERE key = ?", "b",
                                  BYTES_OF(key));
        if (r < 0)
                return r;
        if (deaths >= DEATHS_MAX)
                return put_aside(e2ee, guarded, &key, 0);

        r = mark(e2ee, &key);
        if (r < 0)
                return r;
        r = attempt(e2ee, guarded, &key, handler, userdata);
        int cleared = clear_mark(e2ee);
        if (r >= 0 && cleared < 0)
                return cleared;
        if (r < 0 || deaths == 0)
                return r;
        int forgotten = query_run(e2ee->database, "DELETE FROM suspect WHERE key = ?", "b", BYTES_OF(key));
        return forgotten < 0 ? forgotten : r;
}

int e2ee_guard_each(E2ee *e2ee, const E2eeGuarded *guarded, E2eeHandler *handler, void *userdata)
{
        E2eeGuarded each = *guarded;

        cJSON_ArrayForEach(each.event, guarded->event) {
                if (guarded->needed && !object_get(each.event, guarded->needed))
                        continue;
                each.room_id = guarded->room_id ? guarded->room_id : each.event->string;
                int r = e2ee_guard(e2ee, &each, handler, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}
