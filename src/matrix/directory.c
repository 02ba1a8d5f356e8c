/* SPDX-License-Identifier: MIT */
/* Reconciles people and rooms with the manifests: ListPeers, then GetManifest of one device after the other.
 */

#include <time.h>

#include "bus/dictionary.h"
#include "log/log.h"
#include "matrix/daemon-internal.h"
#include "matrix/people.h"
#include "trust/envelope.h"

#define DEVICES_MAX 16384 /* more than a mesh has peers */
#define RETRY_USEC  (10 * USEC_PER_SEC)

struct DirectoryDevice {
        char *name, *state;
        uint64_t since_ms; /* in this state */
};

static const BusField device_fields[] = {
        BUS_FIELD("name", BUS_STRING, DirectoryDevice, name, BUS_REQUIRED),
        BUS_FIELD("state", BUS_STRING, DirectoryDevice, state, BUS_REQUIRED),
        BUS_FIELD("since_ms", BUS_UINT64, DirectoryDevice, since_ms),
};
static const BusDictionary device_dictionary = BUS_DICTIONARY(device_fields);
static const BusRows device_rows = { .row = &device_dictionary,
                                     .row_size = sizeof(DirectoryDevice),
                                     .max = DEVICES_MAX };

static void drop_devices(Directory *directory)
{
        for (size_t i = 0; i < directory->n_devices; i++) {
                free(directory->devices[i].name);
                free(directory->devices[i].state);
        }
        free(directory->devices);
        directory->devices = NULL;
        directory->n_devices = directory->n_done = 0;
}

void directory_done(Directory *directory)
{
        reading_cancel(&directory->reading);
        directory->timer = sd_event_source_disable_unref(directory->timer);
        drop_devices(directory);
}

static int on_timer(sd_event_source *timer, uint64_t usec, void *userdata)
{
        directory_refresh(userdata);
        return 0;
}

static void retry_later(MatrixDaemon *self)
{
        Directory *directory = &self->directory;

        drop_devices(directory);
        directory->timer = sd_event_source_disable_unref(directory->timer);
        int r = sd_event_add_time_relative(self->event, &directory->timer, CLOCK_MONOTONIC, RETRY_USEC, 0,
                                           on_timer, self);
        if (r < 0)
                (void) log_error_errno(r, "Cannot arm a timer: the devices stay as they were read last");
}

static bool is_revoked(const DirectoryDevice *device)
{
        return streq(device->state, "revoked");
}

static int store_revoked(MatrixDaemon *self, const DirectoryDevice *device)
{
        time_t seconds = (time_t) (device->since_ms / 1000);
        char notice[96];
        struct tm utc;

        if (!gmtime_r(&seconds, &utc) ||
            strftime(notice, sizeof notice,
                     "revoked at %Y-%m-%d %H:%M:%S UTC: nothing runs on this device any more", &utc) == 0)
                return -EINVAL;
        return people_revoke(self->database, session_e2ee(self->session), device->name, notice);
}

/* `manifest` NULL: it has none. */
static int store(MatrixDaemon *self, const DirectoryDevice *device, const Manifest *manifest)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        E2ee *e2ee = session_e2ee(self->session);

        int r = transaction_begin(self->database, &transaction);
        if (r == 0)
                r = is_revoked(device) ? store_revoked(self, device)
                                       : people_receive(self->database, e2ee, device->name, manifest);
        return r < 0 ? r : transaction_commit(&transaction);
}

int directory_parse_manifest(sd_bus_message *message, Manifest **ret_manifest)
{
        const char *text;

        int r = sd_bus_message_read(message, "s", &text);
        return r < 0 ? r : manifest_read(text, ret_manifest);
}

static void read_next(MatrixDaemon *self);

static int finish_device(MatrixDaemon *self, const Manifest *manifest)
{
        Directory *directory = &self->directory;

        int r = store(self, &directory->devices[directory->n_done], manifest);
        if (r < 0) {
                (void) log_error_errno(r, "Cannot store whom the manifest of a device names; trying again");
                retry_later(self);
                return r;
        }
        directory->n_done++;
        return 0;
}

static void on_manifest(BusRequest *call, const BusReply *reply)
{
        MatrixDaemon *self = CONTAINER_OF(call, MatrixDaemon, directory.reading.call);
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        bool is_missing =
                reply->reason == DEVBOX_ERROR_MANIFEST_MISSING || reply->reason == DEVBOX_ERROR_PEER_UNKNOWN;

        if (!is_missing && (reply->reason != 0 || directory_parse_manifest(reply->message, &manifest) != 0))
                return retry_later(self);
        if (finish_device(self, manifest) == 0)
                read_next(self);
}

static void read_next(MatrixDaemon *self)
{
        Directory *directory = &self->directory;

        while (directory->n_done < directory->n_devices &&
               is_revoked(&directory->devices[directory->n_done]))
                if (finish_device(self, NULL) < 0)
                        return;
        if (directory->n_done < directory->n_devices)
                return bus_client_send_take(&self->mesh, &directory->reading.call,
                                            bus_client_new_call(&self->mesh, "GetManifest", "s",
                                                                directory->devices[directory->n_done].name),
                                            on_manifest);

        drop_devices(directory);
        matrix_work(self);
        if (reading_end(&directory->reading))
                directory_refresh(self);
}

static void on_peers(BusRequest *call, const BusReply *reply)
{
        MatrixDaemon *self = CONTAINER_OF(call, MatrixDaemon, directory.reading.call);
        Directory *directory = &self->directory;
        void *devices = NULL;

        int r = reply->reason == 0
                        ? bus_rows_read_new(reply->message, &device_rows, &devices, &directory->n_devices)
                        : -EIO;
        directory->devices = devices;
        if (r < 0)
                return retry_later(self);
        read_next(self);
}

void directory_refresh(MatrixDaemon *self)
{
        Directory *directory = &self->directory;

        if (!self->session || !reading_begin(&directory->reading))
                return;
        directory->timer = sd_event_source_disable_unref(directory->timer);
        bus_client_send_take(&self->mesh, &directory->reading.call,
                             bus_client_new_call(&self->mesh, "ListPeers", "b", true), on_peers);
}

int directory_on_event(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        static const char *const kinds[] = { "admitted", "active", "revoked", "manifest_published" };
        const char *kind;

        if (sd_bus_message_read(message, "ts", NULL, &kind) < 0)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(kind, kinds[i]))
                        directory_refresh(userdata);
        return 0;
}
