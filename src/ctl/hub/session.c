/* SPDX-License-Identifier: MIT */
/* An operator at work on a hub. */

#include "ctl/hub/session.h"

#include "basic/time.h"
#include "ctl/operator/role-key.h"
#include "ctl/problem.h"

void hub_session_done(HubSession *session)
{
        mesh_status_done(&session->mesh);
        root_chain_done(&session->chain);
        operator_key_done(&session->key);
}

static uint64_t now_ms(void)
{
        return time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
}

/* The offset errs by the time that the reply took, so that the hub's clock is never taken to be ahead of
 * what it is: a token must not outlive its ten minutes. */
static int get_status(HubSession *session)
{
        int r = mesh_client_get_status(session->bus, &session->mesh, &session->ctl->problem);

        if (r == 0 && session->mesh.time_ms > 0)
                session->clock_offset_ms = (int64_t) (session->mesh.time_ms - now_ms());
        return r;
}

static int check_root(const HubSession *session)
{
        return sha256_equal(&session->mesh.root_sha256, root_chain_last_digest(&session->chain))
                       ? 0
                       : problem_set(&session->ctl->problem, DEVBOX_ERROR_ROOT_CHAIN,
                                     "the hub does not obey the root that is here; devboxctl hub init "
                                     "brings it there if it follows the hub's");
}

static int open_key(HubSession *session)
{
        const Root *root = session->chain.root;
        Ctl *ctl = session->ctl;

        if (root_check_expiry(root, ctl->now_ms) != 0)
                return problem_set(&ctl->problem, DEVBOX_ERROR_ROOT_EXPIRED,
                                   "the root has expired; renew it with: devboxctl operator rotate "
                                   "--keep-key");

        int r = operator_open_role_key(ctl, session->source, root, ROOT_ROLE_MANIFEST, &session->key);
        if (r != 0)
                return r;

        return root_has_key(root, ROOT_ROLE_TOKEN, &session->key.public)
                       ? 0
                       : problem_set(&ctl->problem, DEVBOX_ERROR_UNKNOWN_KEY,
                                     "the root lets this key sign manifests, but no invitations; see: "
                                     "devboxctl operator show");
}

int hub_session_open(Ctl *ctl, const KeySource *source, HubSession *ret_session)
{
        HubSession *session = ret_session;

        int r = ctl_open_bus(ctl);
        *session = (HubSession){ .ctl = ctl, .source = source, .bus = ctl->bus };
        if (r == 0)
                r = get_status(session);
        if (r == 0)
                r = mesh_status_check_hub(&session->mesh, ctl->host, &ctl->problem);
        if (r == 0)
                r = root_chain_read_current(source->dir, NULL, &session->chain, &ctl->problem);
        if (r == 0)
                r = check_root(session);

        return r != 0 ? r : open_key(session);
}

int hub_session_unseal(HubSession *session)
{
        return operator_key_unseal(session->source, &session->key, &session->ctl->problem);
}

uint64_t hub_session_now_ms(const HubSession *session)
{
        return now_ms() + (uint64_t) session->clock_offset_ms;
}

int hub_session_sign_manifest(HubSession *session, const Manifest *manifest, char **ret_text)
{
        _cleanup_(freep) char *payload = NULL;

        int r = manifest_format(manifest, &payload, NULL);
        if (r != 0)
                return r > 0 ? -EINVAL : r;
        r = hub_session_unseal(session);
        if (r != 0)
                return r;

        return envelope_make(ENVELOPE_MANIFEST, payload, root_role_name(ROOT_ROLE_MANIFEST),
                             session->key.pair, ret_text);
}
