/* SPDX-License-Identifier: MIT */
/* The signed documents of tests/trust/world.h as a ledger receives them. */

#include "signed.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

/* All times are of thirteen digits, and no other number is. */
static void shift_times(char *text, int64_t shift_ms)
{
        char digits[32];

        for (char *at = text; *at;) {
                size_t n = strspn(at, "0123456789");

                if (n == 13 && at > text && at[-1] == ':') {
                        (void) snprintf(digits, sizeof digits, "%013" PRId64,
                                        (int64_t) strtoll(at, NULL, 10) + shift_ms);
                        memcpy(at, digits, 13);
                }
                at += n > 0 ? n : 1;
        }
}

static char *replace(char *text, const char *from, const char *to)
{
        char *replaced = strstr(text, from) ? world_text(text, &(Edit){ from, to }, 1) : strdup(text);

        free(text);
        assert_non_null(replaced);
        return replaced;
}

static char *replace_digest(char *text, const char *from, const Sha256 *digest)
{
        char hex[65];

        world_digest_hex(digest, hex);
        return replace(text, from, hex);
}

/* Takes the text. */
static char *sign(const Signed *made, const char *type, char *text, const WorldKey *keys, Sha256 *ret_digest)
{
        char *envelope_text = NULL;

        shift_times(text, made->shift_ms);
        _cleanup_(envelope_freep) Envelope *envelope = world_sign(type, text, keys);
        free(text);
        if (ret_digest)
                *ret_digest = envelope->digest;
        assert_ok(envelope_format(envelope, &envelope_text));
        return envelope_text;
}

char *signed_root_edited(Signed *made, const Edit *edits, size_t n, const WorldKey *keys)
{
        return sign(made, ENVELOPE_ROOT, world_text(world_root, edits, n), keys, &made->root);
}

char *signed_root(Signed *made)
{
        return signed_root_edited(made, NULL, 0, (const WorldKey[]){ KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX });
}

char *signed_manifest(Signed *made, const Edit *edits, size_t n, WorldKey key)
{
        return sign(made, ENVELOPE_MANIFEST, world_text(world_manifest, edits, n),
                    (const WorldKey[]){ key, _KEY_MAX }, &made->manifest);
}

static char *make_delivery(Signed *made, const Edit *edits, size_t n, const Sha256 *digest, WorldKey key)
{
        char *text = replace_digest(world_text(world_delivery, edits, n), "@@request@@", digest);
        char counter[32];

        (void) snprintf(counter, sizeof counter, "\"ctr\":%" PRId64 ",", ++made->counter);
        text = replace(text, "53535353535353535353535353535353", made->session);
        text = replace(text, "\"ctr\":1,", counter);
        return sign(made, ENVELOPE_DELIVERY, text, (const WorldKey[]){ key, _KEY_MAX }, NULL);
}

static char *make_approval(const Signed *made, const Edit *edits, const SignedBundle *bundle, WorldKey key)
{
        char *text = replace_digest(world_text(world_approval, edits, 4), "@@request@@", &bundle->digest);

        return sign(made, ENVELOPE_APPROVAL, text, (const WorldKey[]){ key, _KEY_MAX }, NULL);
}

void signed_bundle(Signed *made, const Case *given, SignedBundle *ret_bundle)
{
        char *request = world_text(world_request, given->request, ELEMENTSOF(given->request));
        SignedBundle bundle = { .n_approvals = given->n_approvals };

        bundle.request = sign(
                made, ENVELOPE_REQUEST, replace_digest(request, "@@manifest@@", &made->manifest),
                (const WorldKey[]){ given->request_key ? given->request_key : KEY_DISPATCHER, _KEY_MAX },
                &bundle.digest);
        bundle.delivery = make_delivery(made, given->delivery, ELEMENTSOF(given->delivery), &bundle.digest,
                                        given->delivery_key ? given->delivery_key : KEY_DISPATCHER);
        if (given->n_approvals > 0)
                bundle.approvals[0] =
                        make_approval(made, given->approval, &bundle,
                                      given->approval_key ? given->approval_key : KEY_ATTESTER);
        if (given->n_approvals > 1)
                bundle.approvals[1] = make_approval(made, given->second, &bundle,
                                                    given->second_key ? given->second_key : KEY_ATTESTER);
        *ret_bundle = bundle;
}

static Envelope *take_apart(char *text)
{
        Envelope *envelope = NULL;

        assert_int_equal(envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope), 0);
        free(text);
        return envelope;
}

char *signed_flip(char *text, SignedPart part, size_t bit)
{
        _cleanup_(envelope_freep) Envelope *envelope = take_apart(text);
        uint8_t *bytes = part == SIGNED_TYPE      ? (uint8_t *) envelope->type
                         : part == SIGNED_PAYLOAD ? envelope->payload
                                                  : envelope->signatures[0].signature.bytes;

        bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
        assert_ok(envelope_format(envelope, &text));
        return text;
}

char *signed_malleate(char *text)
{
        _cleanup_(envelope_freep) Envelope *envelope = take_apart(text);

        world_malleate(envelope);
        assert_ok(envelope_format(envelope, &text));
        return text;
}

void signed_deliver_again(Signed *made, SignedBundle *bundle)
{
        free(bundle->delivery);
        bundle->delivery = make_delivery(made, NULL, 0, &bundle->digest, KEY_DISPATCHER);
}

void signed_bundle_done(SignedBundle *bundle)
{
        free(bundle->request);
        free(bundle->delivery);
        free(bundle->approvals[0]);
        free(bundle->approvals[1]);
        *bundle = (SignedBundle){ 0 };
}

void sibling_init(Sibling *sibling, unsigned n)
{
        (void) snprintf(sibling->id, sizeof sibling->id, "01K75A3Q01%016u", n % 100000000);
        (void) snprintf(sibling->nonce, sizeof sibling->nonce, "%032x", n + 1);
        sibling->edits[0] = (Edit){ "01K75A3Q000000000000000001", sibling->id };
        sibling->edits[1] = (Edit){ "000102030405060708090a0b0c0d0e0f", sibling->nonce };
}
