/* SPDX-License-Identifier: MIT */
/* Olm and Megolm messages, session keys and public keys as text. The first byte says which; what the checks
 * refuse never decrypts. */

#include "e2ee/message-check.h"

#include "e2ee/ratchet.h"
#include "fuzz.h"

enum { OLM_PREKEY, OLM_NORMAL, MEGOLM, SESSION_KEY, CURVE25519, ED25519, _WHAT_MAX };

static RatchetAccount *account;
static RatchetSession *session;
static RatchetInbound *inbound;
static const char *our_key;

static void set_up(void)
{
        static char curve25519[CURVE25519_TEXT_SIZE], ed25519[ED25519_TEXT_SIZE];
        RatchetOutbound *outbound = NULL;
        char *key = NULL;

        fuzz_check(ratchet_account_new(&account) == 0);
        fuzz_check(ratchet_account_identity(account, curve25519, ed25519) == 0);
        fuzz_check(ratchet_session_outbound(account, curve25519, curve25519, &session) == 0);
        fuzz_check(ratchet_outbound_new(&outbound) == 0);
        fuzz_check(ratchet_outbound_key(outbound, &key) == 0);
        fuzz_check(ratchet_inbound_new(key, &inbound) == 0);
        ratchet_outbound_free(outbound);
        free(key);
        our_key = curve25519;
}

static void decrypt_olm(OlmMessageType type, const char *body)
{
        bool valid = olm_message_check(type, body) == 0;
        RatchetSession *begun = NULL;
        char *plain = NULL;
        size_t size;

        int r = ratchet_session_decrypt(session, &(OlmMessage){ type, (char *) body }, &plain, &size);
        fuzz_check(valid || r == -EBADMSG);
        free(plain);
        if (type == OLM_MESSAGE_PREKEY) {
                (void) ratchet_session_matches(session, our_key, body);
                r = ratchet_session_inbound(account, our_key, body, &begun);
                fuzz_check(valid || r == -EBADMSG);
                ratchet_session_free(begun);
        }
}

static void decrypt_megolm(const char *body)
{
        bool valid = megolm_message_check(body) == 0;
        char *plain = NULL;
        uint32_t index;
        size_t size;

        int r = ratchet_inbound_decrypt(inbound, body, &plain, &size, &index);
        fuzz_check(valid || r == -EBADMSG);
        free(plain);
}

static void read_session_key(const char *text)
{
        bool valid = megolm_session_key_check(text) == 0;
        RatchetInbound *made = NULL;

        int r = ratchet_inbound_new(text, &made);
        fuzz_check(valid || r == -EBADMSG);
        ratchet_inbound_free(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        PublicKey key;

        if (size == 0)
                return 0;
        if (!account)
                set_up();
        _cleanup_(freep) char *text = strndup((const char *) data + 1, size - 1);
        fuzz_check(text);

        switch (data[0] % _WHAT_MAX) {
        case OLM_PREKEY:
                decrypt_olm(OLM_MESSAGE_PREKEY, text);
                break;
        case OLM_NORMAL:
                decrypt_olm(OLM_MESSAGE_NORMAL, text);
                break;
        case MEGOLM:
                decrypt_megolm(text);
                break;
        case SESSION_KEY:
                read_session_key(text);
                break;
        case CURVE25519:
                fuzz_check(curve25519_text_check(text) < 0 || strlen(text) == CURVE25519_TEXT_SIZE - 1);
                break;
        default:
                fuzz_check(ed25519_text_parse(text, &key) < 0 || strlen(text) == ED25519_TEXT_SIZE - 1);
        }
        return 0;
}
