/* SPDX-License-Identifier: MIT */
/* devbox-dispatch: its life. */

#include "dispatch/daemon.h"

#include "dispatch/daemon-internal.h"
#include "log/log.h"

#define STATE_DIRECTORY "/var/lib/devbox/dispatch"

static const char *environment(const char *name, const char *fallback)
{
        const char *value = secure_getenv(name);

        return value && *value != '\0' ? value : fallback;
}

/* Component1.Restart */
static int restart(void *owner, const char **ret_detail)
{
        daemon_stop(((DispatchDaemon *) owner)->daemon, DAEMON_EXIT_RESTART);
        return 0;
}

static int append_metrics(sd_bus_message *reply, void *owner)
{
        const BusAuthorityStats *calls = bus_authority_stats(((const DispatchDaemon *) owner)->authority);
        const ComponentMetric metrics[] = {
                { "calls_total", (double) calls->calls_total },
                { "calls_refused_total", (double) calls->denied_total },
        };

        return component_append_metrics(reply, metrics, ELEMENTSOF(metrics));
}

void *dispatch_daemon_new(void)
{
        DispatchDaemon *self = calloc(1, sizeof *self);

        if (!self)
                return NULL;

        self->component = (Component){
                .name = "Dispatch1",
                .append_metrics = append_metrics,
                .restart = restart,
                .owner = self,
        };
        return self;
}

void dispatch_daemon_free(void *userdata)
{
        DispatchDaemon *self = userdata;

        bus_authority_free(self->authority);
        sd_bus_slot_unref(self->slot_interface);
        component_detach(&self->component);
        dispatch_keys_done(&self->keys);
        free(self);
}

static int load_keys(DispatchDaemon *self)
{
        const char *directory = environment("STATE_DIRECTORY", STATE_DIRECTORY);

        int r = dispatch_keys_load(directory, environment("CREDENTIALS_DIRECTORY", NULL), &self->keys);
        if (r == 0)
                return 0;

        (void) log_error_errno(r, "Cannot read the keys in %s: %s", directory,
                               r == -EBADMSG ? "they do not open with this seal"
                               : r == -EPERM ? "others may access them"
                                             : strerror(-r));
        return -EALREADY;
}

int dispatch_daemon_start(void *userdata, Daemon *daemon)
{
        static const char *const users[] = { NULL };
        DispatchDaemon *self = userdata;

        self->daemon = daemon;
        self->bus = daemon_bus(daemon);
        int r = load_keys(self);
        if (r < 0)
                return r;
        r = bus_authority_new(self->bus, users, &self->authority);
        if (r < 0)
                return r;
        r = component_attach(&self->component, self->bus);
        if (r < 0)
                return r;
        r = dispatch_daemon_add_interface(self, self->bus, self->component.object_path,
                                          &self->slot_interface);
        if (r < 0)
                return r;

        component_set_healthy(&self->component, true);
        return 0;
}

int dispatch_daemon_stop(void *userdata)
{
        DispatchDaemon *self = userdata;

        int r = component_retire(&self->component);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot give the name back, ignoring");

        daemon_exit(self->daemon, self->bus);
        return 0;
}
