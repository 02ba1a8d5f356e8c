/* SPDX-License-Identifier: MIT */
/* What a method of the hub works with; and what the hub does by itself: invitations that expire. */

#include "mesh/hub-session.h"

#include <systemd/sd-id128.h>

#include "mesh/invitation.h"

#define EXPIRY_POLL_USEC (5 * USEC_PER_SEC)

static int read_time(MeshTime *ret_time)
{
        sd_id128_t boot;

        int r = sd_id128_get_boot(&boot);
        if (r < 0)
                return r;

        ret_time->wall_ms = (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);
        ret_time->boottime_ms = (int64_t) (time_now(CLOCK_BOOTTIME) / USEC_PER_MSEC);
        (void) sd_id128_to_string(boot, ret_time->boot_id);
        return 0;
}

int hub_session_begin(MeshDaemon *self, HubSession *ret_session)
{
        HubSession session = { .hub = { .store = &self->store,
                                        .node = &self->node,
                                        .root = self->roots.current,
                                        .root_sha256 = self->roots.sha256,
                                        .wireguard_key = self->desired.device.public_key,
                                        .rejections = &self->claim_limit,
                                        .alarms = &self->alarm_limit } };

        int r = mesh_need_store(self);
        if (r != 0)
                return r;
        if (self->node.role != NODE_ROLE_HUB || !self->roots.current)
                return DEVBOX_ERROR_NETWORK_MISSING;
        r = read_time(&session.hub.time);
        if (r >= 0)
                r = sealed_file_read(self->store.directory_fd, MESH_CLAIM_KEY, self->store.seal,
                                     &session.claim_key);
        if (r < 0)
                return r;

        session.hub.claim_key = session.claim_key;
        *ret_session = session;
        return 0;
}

void hub_session_done(HubSession *session)
{
        session->claim_key = secret_free(session->claim_key);
}

void mesh_expire_invitations(MeshDaemon *self)
{
        _cleanup_(hub_session_done) HubSession session = HUB_SESSION_NULL;
        char device[DEVICE_NAME_SIZE];
        usec_t now_usec = time_now(CLOCK_BOOTTIME);
        int r;

        if (now_usec < self->expiry_at_usec || hub_session_begin(self, &session) != 0)
                return;

        self->expiry_at_usec = now_usec + EXPIRY_POLL_USEC;
        while ((r = mesh_after_write(self, invitation_expire_next(&session.hub, device))) == 1)
                mesh_announce(self, MESH_EVENT_EXPIRED, device, "");
        if (r == 0 && mesh_after_write(self, invitation_forget_ended(&session.hub)) == 1)
                self->reload_wanted = true;
}
