/* SPDX-License-Identifier: MIT */
/* A new invitation. */

#include "ctl/hub/invitation.h"

#include <stdio.h>
#include <sys/random.h>

#include "basic/parse.h"
#include "crypto/fingerprint.h"
#include "ctl/hub/qr-code.h"
#include "ctl/print.h"
#include "ctl/problem.h"

/* The hub rejects a token whose bootstrap address is in use; with 16 382 of them, one of these is free. */
#define DRAWS_MAX 16

/* "host:port", "[address]:port" */
static int parse_endpoint(const char *text, TokenEndpoint *ret_endpoint)
{
        const char *colon = strrchr(text, ':');
        TokenEndpoint endpoint = { 0 };
        uint64_t port;

        if (!colon || parse_u64(colon + 1, 1, UINT16_MAX, &port) < 0)
                return -EINVAL;

        bool bracketed = text[0] == '[' && colon > text && colon[-1] == ']';
        int length = snprintf(endpoint.host, sizeof endpoint.host, "%.*s",
                              (int) (colon - text) - 2 * bracketed, text + bracketed);
        if (length < 0 || (size_t) length >= sizeof endpoint.host)
                return -EINVAL;

        endpoint.port = (uint16_t) port;
        *ret_endpoint = endpoint;
        return 0;
}

static int fill_in(const HubSession *session, const InvitationRequest *request, Token *token)
{
        const MeshStatus *mesh = &session->mesh;
        Sha256 digest;

        *token = (Token){ .root_sha256 = *root_chain_last_digest(&session->chain) };
        memcpy(token->hub_claim_key, mesh->claim_key, MESH_KEY_SIZE);
        memcpy(token->hub_wireguard_key, mesh->public_key, MESH_KEY_SIZE);
        (void) snprintf(token->network, sizeof token->network, "%s", session->chain.root->network);
        (void) snprintf(token->device, sizeof token->device, "%s", request->name);
        if (request->bound) {
                sha256(BYTES_OF(request->bound->bytes), &digest);
                memcpy(token->device_key_sha256, digest.bytes, TOKEN_BINDING_SIZE);
        }

        for (size_t i = 0; i < MIN(mesh->n_endpoints, (size_t) TOKEN_ENDPOINTS_MAX); i++)
                if (parse_endpoint(mesh->endpoints[i], &token->endpoints[token->n_endpoints++]) < 0)
                        return problem_set(
                                &session->ctl->problem, DEVBOX_ERROR_INTERNAL,
                                "the hub's endpoint %s is no HOST:PORT; set it with: devboxctl hub "
                                "init --endpoint",
                                mesh->endpoints[i]);
        return 0;
}

/* With an id and a secret that no other token has. */
static int draw(HubSession *session, Token *token)
{
        uint64_t expires_at_ms = hub_session_now_ms(session) + TOKEN_LIFE_MAX_MS;

        token->expires_at_sec = (uint32_t) (expires_at_ms / 1000);
        if (getrandom(token->id, sizeof token->id, 0) < 0 ||
            getrandom(token->secret, sizeof token->secret, 0) < 0)
                return -errno;

        int r = token_sign(token, session->key.pair);
        return r > 0 ? problem_set(&session->ctl->problem, (DevboxError) r,
                                   "an invitation with these names and endpoints cannot be written; see: "
                                   "devboxctl hub init --help")
                     : r;
}

int invitation_make(HubSession *session, const InvitationRequest *request, Token *ret_token,
                    MeshInvitation *ret_invitation)
{
        _cleanup_(token_done) Token token = { 0 };
        uint8_t bytes[TOKEN_SIZE_MAX];

        int r = fill_in(session, request, &token);
        if (r == 0)
                r = hub_session_unseal(session);
        for (int i = 0; i < DRAWS_MAX && r == 0; i++) {
                r = draw(session, &token);
                if (r != 0)
                        break;

                size_t size = token_format(&token, bytes);
                r = mesh_client_invite(session->bus, BYTES(bytes, size), &request->peer, ret_invitation,
                                       &session->ctl->problem);
                explicit_bzero(bytes, sizeof bytes);
                if (r != DEVBOX_ERROR_BUSY)
                        break;
                r = i + 1 < DRAWS_MAX ? 0 : r;
        }
        if (r != 0)
                return r;

        *ret_token = token;
        return 0;
}

int invitation_print(const Ctl *ctl, const Token *token)
{
        _cleanup_(text_done) Text code = TEXT_NULL;
        char text[TOKEN_TEXT_SIZE_MAX], words[FINGERPRINT_SIZE];

        fingerprint_format_root(&token->root_sha256, words);
        token_text_format(token, text);
        int r = qr_code_format(text, ctl->colour, &code);
        (void) printf("    devboxctl enroll        and paste:\n\n%s\n\n", text);
        if (r == 0)
                (void) printf("%s\n", code.data);
        else if (r == -EFBIG)
                (void) printf("(too long for a QR code of %d columns)\n\n", QR_CODE_COLUMNS_MAX);
        (void) printf("%s shows the fingerprint %s.\n\n", token->device, words);

        explicit_bzero(text, sizeof text);
        if (code.data)
                explicit_bzero(code.data, code.size);
        return r < 0 && r != -EFBIG ? r : fflush(stdout) != 0 ? -errno : 0;
}

int invitation_print_json(const Token *token, const MeshInvitation *invitation)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        char text[TOKEN_TEXT_SIZE_MAX];

        token_text_format(token, text);
        json_open_object(&json, NULL);
        json_add_string(&json, "name", token->device);
        json_add_string(&json, "address", invitation->address);
        json_add_time(&json, "expires_at", invitation->expires_at_ms * USEC_PER_MSEC);
        json_add_string(&json, "token", text);
        json_close_object(&json);
        explicit_bzero(text, sizeof text);
        return print_json(&json);
}
