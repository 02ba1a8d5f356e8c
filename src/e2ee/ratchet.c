/* SPDX-License-Identifier: MIT */
/* Olm and Megolm, by libolm. Our opaque types are libolm's own, under names that do not depend on it. Every
 * function of libolm fills a buffer whose size another one returns, and returns olm_error() on failure. */

#include "e2ee/ratchet.h"

#include <unistd.h>

#include <olm/olm.h>

#define RANDOM_CHUNK 256 /* limit of getentropy(3) */

static int error_of(enum OlmErrorCode code)
{
        switch (code) {
        case OLM_SUCCESS:
                return 0;
        case OLM_UNKNOWN_MESSAGE_INDEX:
                return RATCHET_UNKNOWN_INDEX;
        case OLM_BAD_MESSAGE_KEY_ID:
                return RATCHET_UNKNOWN_KEY;
        default:
                return -EBADMSG;
        }
}

static void wipe_and_free(void *buffer, size_t size)
{
        if (buffer)
                explicit_bzero(buffer, size);
        free(buffer);
}

/* Random bytes for one call of libolm. */
typedef struct Random {
        uint8_t *data;
        size_t size;
} Random;

static void random_done(Random *random)
{
        wipe_and_free(random->data, random->size);
}

static int random_init(Random *random, size_t size)
{
        *random = (Random){ malloc(size + 1), size };
        if (!random->data)
                return -ENOMEM;

        for (size_t done = 0; done < size; done += RANDOM_CHUNK)
                if (getentropy(random->data + done, MIN(size - done, (size_t) RANDOM_CHUNK)) < 0)
                        return -errno;
        return 0;
}

/* Defines free, load and save of one kind. */
#define DEFINE_RATCHET(Type, name, Olm, olm)                                                                \
        static Olm *name##_of(const Type *object)                                                           \
        {                                                                                                   \
                return (Olm *) object;                                                                      \
        }                                                                                                   \
                                                                                                            \
        static Type *name##_alloc(void)                                                                     \
        {                                                                                                   \
                void *memory = malloc(olm_##olm##_size());                                                  \
                                                                                                            \
                return memory ? (Type *) olm_##olm(memory) : NULL;                                          \
        }                                                                                                   \
                                                                                                            \
        static int name##_error(const Type *object)                                                         \
        {                                                                                                   \
                return error_of(olm_##olm##_last_error_code(name##_of(object)));                            \
        }                                                                                                   \
                                                                                                            \
        Type *name##_free(Type *object)                                                                     \
        {                                                                                                   \
                if (object)                                                                                 \
                        (void) olm_clear_##olm(name##_of(object));                                          \
                free(object);                                                                               \
                return NULL;                                                                                \
        }                                                                                                   \
                                                                                                            \
        int name##_load(const Secret *key, const char *pickle, Type **ret_object)                           \
        {                                                                                                   \
                _cleanup_(name##_freep) Type *object = name##_alloc();                                      \
                _cleanup_(freep) char *copy = strdup(pickle);                                               \
                Bytes key_bytes = secret_bytes(key);                                                        \
                                                                                                            \
                if (!object || !copy)                                                                       \
                        return -ENOMEM;                                                                     \
                int r = pickle_check(pickle);                                                               \
                if (r < 0)                                                                                  \
                        return r;                                                                           \
                if (olm_unpickle_##olm(name##_of(object), key_bytes.data, key_bytes.size, copy,             \
                                       strlen(copy)) == olm_error())                                        \
                        return -EBADMSG;                                                                    \
                                                                                                            \
                *ret_object = TAKE_PTR(object);                                                             \
                return 0;                                                                                   \
        }                                                                                                   \
                                                                                                            \
        int name##_save(Type *object, const Secret *key, char **ret_pickle)                                 \
        {                                                                                                   \
                size_t size = olm_pickle_##olm##_length(name##_of(object));                                 \
                char *pickle = calloc(1, size + 1);                                                         \
                Bytes key_bytes = secret_bytes(key);                                                        \
                                                                                                            \
                if (!pickle)                                                                                \
                        return -ENOMEM;                                                                     \
                if (olm_pickle_##olm(name##_of(object), key_bytes.data, key_bytes.size, pickle, size) ==    \
                    olm_error()) {                                                                          \
                        free(pickle);                                                                       \
                        return -EBADMSG;                                                                    \
                }                                                                                           \
                                                                                                            \
                *ret_pickle = pickle;                                                                       \
                return 0;                                                                                   \
        }                                                                                                   \
        struct _need_semicolon_

DEFINE_RATCHET(RatchetAccount, ratchet_account, OlmAccount, account);
DEFINE_RATCHET(RatchetSession, ratchet_session, OlmSession, session);
DEFINE_RATCHET(RatchetOutbound, ratchet_outbound, OlmOutboundGroupSession, outbound_group_session);
DEFINE_RATCHET(RatchetInbound, ratchet_inbound, OlmInboundGroupSession, inbound_group_session);

#define DEFINE_ID(Type, name, olm)                                                                          \
        int name##_id(Type *object, char ret_id[static ED25519_TEXT_SIZE])                                  \
        {                                                                                                   \
                ret_id[ED25519_TEXT_SIZE - 1] = '\0';                                                       \
                if (olm_##olm##_id(name##_of(object), (void *) ret_id, ED25519_TEXT_SIZE - 1) ==            \
                    olm_error())                                                                            \
                        return name##_error(object);                                                        \
                return 0;                                                                                   \
        }                                                                                                   \
        struct _need_semicolon_

DEFINE_ID(RatchetSession, ratchet_session, session);
DEFINE_ID(RatchetOutbound, ratchet_outbound, outbound_group_session);
DEFINE_ID(RatchetInbound, ratchet_inbound, inbound_group_session);

/* ---- account */

int ratchet_account_new(RatchetAccount **ret_account)
{
        _cleanup_(ratchet_account_freep) RatchetAccount *account = ratchet_account_alloc();
        _cleanup_(random_done) Random random = { 0 };

        if (!account)
                return -ENOMEM;
        int r = random_init(&random, olm_create_account_random_length(ratchet_account_of(account)));
        if (r < 0)
                return r;
        if (olm_create_account(ratchet_account_of(account), random.data, random.size) == olm_error())
                return ratchet_account_error(account);

        *ret_account = TAKE_PTR(account);
        return 0;
}

/* The value of a key in libolm's flat JSON, which it writes itself: {"curve25519":"…","ed25519":"…"}. */
static int copy_member(const char *json, const char *quoted_key, char *ret_value, size_t size)
{
        const char *at = strstr(json, quoted_key);

        at = at ? strchr(at + strlen(quoted_key), '"') : NULL;
        if (!at || strcspn(at + 1, "\"") != size - 1)
                return -EBADMSG;

        memcpy(ret_value, at + 1, size - 1);
        ret_value[size - 1] = '\0';
        return 0;
}

int ratchet_account_identity(RatchetAccount *account, char ret_curve25519[static CURVE25519_TEXT_SIZE],
                             char ret_ed25519[static ED25519_TEXT_SIZE])
{
        size_t size = olm_account_identity_keys_length(ratchet_account_of(account));
        _cleanup_(freep) char *json = calloc(1, size + 1);

        if (!json)
                return -ENOMEM;
        if (olm_account_identity_keys(ratchet_account_of(account), json, size) == olm_error())
                return ratchet_account_error(account);

        int r = copy_member(json, "\"curve25519\":", ret_curve25519, CURVE25519_TEXT_SIZE);
        return r < 0 ? r : copy_member(json, "\"ed25519\":", ret_ed25519, ED25519_TEXT_SIZE);
}

int ratchet_account_sign(RatchetAccount *account, Bytes message,
                         char ret_signature[static SIGNATURE_TEXT_SIZE])
{
        ret_signature[SIGNATURE_TEXT_SIZE - 1] = '\0';
        if (olm_account_sign(ratchet_account_of(account), message.data, message.size, ret_signature,
                             SIGNATURE_TEXT_SIZE - 1) == olm_error())
                return ratchet_account_error(account);
        return 0;
}

int ratchet_account_generate_one_time_keys(RatchetAccount *account, size_t n_keys)
{
        OlmAccount *olm = ratchet_account_of(account);
        _cleanup_(random_done) Random random = { 0 };

        int r = random_init(&random, olm_account_generate_one_time_keys_random_length(olm, n_keys));
        if (r < 0)
                return r;
        if (olm_account_generate_one_time_keys(olm, n_keys, random.data, random.size) == olm_error())
                return ratchet_account_error(account);
        return 0;
}

int ratchet_account_generate_fallback_key(RatchetAccount *account)
{
        OlmAccount *olm = ratchet_account_of(account);
        _cleanup_(random_done) Random random = { 0 };

        int r = random_init(&random, olm_account_generate_fallback_key_random_length(olm));
        if (r < 0)
                return r;
        if (olm_account_generate_fallback_key(olm, random.data, random.size) == olm_error())
                return ratchet_account_error(account);
        return 0;
}

int ratchet_account_one_time_keys(RatchetAccount *account, char **ret_json)
{
        size_t size = olm_account_one_time_keys_length(ratchet_account_of(account));
        _cleanup_(freep) char *json = calloc(1, size + 1);

        if (!json)
                return -ENOMEM;
        if (olm_account_one_time_keys(ratchet_account_of(account), json, size) == olm_error())
                return ratchet_account_error(account);

        *ret_json = TAKE_PTR(json);
        return 0;
}

int ratchet_account_fallback_key(RatchetAccount *account, char **ret_json)
{
        size_t size = olm_account_unpublished_fallback_key_length(ratchet_account_of(account));
        _cleanup_(freep) char *json = calloc(1, size + 1);

        if (!json)
                return -ENOMEM;
        if (olm_account_unpublished_fallback_key(ratchet_account_of(account), json, size) == olm_error())
                return ratchet_account_error(account);

        *ret_json = TAKE_PTR(json);
        return 0;
}

void ratchet_account_mark_published(RatchetAccount *account)
{
        (void) olm_account_mark_keys_as_published(ratchet_account_of(account));
}

void ratchet_account_forget_old_fallback_key(RatchetAccount *account)
{
        olm_account_forget_old_fallback_key(ratchet_account_of(account));
}

/* ---- Olm */

int ratchet_session_outbound(RatchetAccount *account, const char *their_curve25519,
                             const char *their_one_time_key, RatchetSession **ret_session)
{
        _cleanup_(ratchet_session_freep) RatchetSession *session = ratchet_session_alloc();
        _cleanup_(random_done) Random random = { 0 };

        if (!session)
                return -ENOMEM;
        int r = curve25519_text_check(their_curve25519);
        if (r == 0)
                r = curve25519_text_check(their_one_time_key);
        if (r == 0)
                r = random_init(&random,
                                olm_create_outbound_session_random_length(ratchet_session_of(session)));
        if (r < 0)
                return r;
        if (olm_create_outbound_session(ratchet_session_of(session), ratchet_account_of(account),
                                        their_curve25519, strlen(their_curve25519), their_one_time_key,
                                        strlen(their_one_time_key), random.data, random.size) == olm_error())
                return ratchet_session_error(session);

        *ret_session = TAKE_PTR(session);
        return 0;
}

int ratchet_session_inbound(RatchetAccount *account, const char *their_curve25519, const char *body,
                            RatchetSession **ret_session)
{
        _cleanup_(ratchet_session_freep) RatchetSession *session = NULL;
        _cleanup_(freep) char *copy = NULL;

        int r = curve25519_text_check(their_curve25519);
        if (r == 0)
                r = olm_message_check(OLM_MESSAGE_PREKEY, body);
        if (r < 0)
                return r;

        session = ratchet_session_alloc();
        copy = strdup(body);
        if (!session || !copy)
                return -ENOMEM;
        if (olm_create_inbound_session_from(ratchet_session_of(session), ratchet_account_of(account),
                                            their_curve25519, strlen(their_curve25519), copy,
                                            strlen(copy)) == olm_error())
                return ratchet_session_error(session);

        *ret_session = TAKE_PTR(session);
        return 0;
}

void ratchet_account_remove_used_key(RatchetAccount *account, RatchetSession *session)
{
        /* Fails when it was a fallback key, which stays. */
        (void) olm_remove_one_time_keys(ratchet_account_of(account), ratchet_session_of(session));
}

int ratchet_session_matches(RatchetSession *session, const char *their_curve25519, const char *body)
{
        _cleanup_(freep) char *copy = strdup(body);

        if (!copy)
                return -ENOMEM;

        size_t matches = olm_matches_inbound_session_from(ratchet_session_of(session), their_curve25519,
                                                          strlen(their_curve25519), copy, strlen(copy));
        return matches == 1; /* what fails to parse fails to decrypt, too */
}

int ratchet_session_encrypt(RatchetSession *session, Bytes plain, OlmMessage *ret_message)
{
        OlmSession *olm = ratchet_session_of(session);
        size_t type = olm_encrypt_message_type(olm), size = olm_encrypt_message_length(olm, plain.size);
        _cleanup_(freep) char *body = calloc(1, size + 1);
        _cleanup_(random_done) Random random = { 0 };

        if (!body)
                return -ENOMEM;
        int r = random_init(&random, olm_encrypt_random_length(olm));
        if (r < 0)
                return r;
        if (olm_encrypt(olm, plain.data, plain.size, random.data, random.size, body, size) == olm_error())
                return ratchet_session_error(session);

        *ret_message = (OlmMessage){ (OlmMessageType) type, TAKE_PTR(body) };
        return 0;
}

/* A copy that libolm may destroy, and room for the plain text, which is shorter than its base64. */
static int prepare_decryption(const char *body, size_t length, char **ret_copy, char **ret_plain)
{
        *ret_copy = strdup(body);
        *ret_plain = malloc(length + 1);
        return *ret_copy && *ret_plain ? 0 : -ENOMEM;
}

int ratchet_session_decrypt(RatchetSession *session, const OlmMessage *message, char **ret_plain,
                            size_t *ret_size)
{
        _cleanup_(freep) char *copy = NULL, *plain = NULL;
        size_t length = strlen(message->body);

        int r = olm_message_check(message->type, message->body);
        if (r == 0)
                r = prepare_decryption(message->body, length, &copy, &plain);
        if (r < 0)
                return r;

        size_t size = olm_decrypt(ratchet_session_of(session), message->type, copy, length, plain, length);
        if (size == olm_error())
                return ratchet_session_error(session);

        plain[size] = '\0';
        *ret_plain = TAKE_PTR(plain);
        *ret_size = size;
        return 0;
}

/* ---- Megolm */

int ratchet_outbound_new(RatchetOutbound **ret_outbound)
{
        _cleanup_(ratchet_outbound_freep) RatchetOutbound *outbound = ratchet_outbound_alloc();
        OlmOutboundGroupSession *olm = ratchet_outbound_of(outbound);
        _cleanup_(random_done) Random random = { 0 };

        if (!outbound)
                return -ENOMEM;
        int r = random_init(&random, olm_init_outbound_group_session_random_length(olm));
        if (r < 0)
                return r;
        if (olm_init_outbound_group_session(olm, random.data, random.size) == olm_error())
                return ratchet_outbound_error(outbound);

        *ret_outbound = TAKE_PTR(outbound);
        return 0;
}

uint32_t ratchet_outbound_index(RatchetOutbound *outbound)
{
        return olm_outbound_group_session_message_index(ratchet_outbound_of(outbound));
}

int ratchet_outbound_key(RatchetOutbound *outbound, char **ret_key)
{
        size_t size = olm_outbound_group_session_key_length(ratchet_outbound_of(outbound));
        char *key = calloc(1, size + 1);

        if (!key)
                return -ENOMEM;
        if (olm_outbound_group_session_key(ratchet_outbound_of(outbound), (uint8_t *) key, size) ==
            olm_error()) {
                wipe_and_free(key, size);
                return ratchet_outbound_error(outbound);
        }

        *ret_key = key;
        return 0;
}

int ratchet_outbound_encrypt(RatchetOutbound *outbound, Bytes plain, char **ret_body)
{
        size_t size = olm_group_encrypt_message_length(ratchet_outbound_of(outbound), plain.size);
        _cleanup_(freep) char *body = calloc(1, size + 1);

        if (!body)
                return -ENOMEM;
        if (olm_group_encrypt(ratchet_outbound_of(outbound), plain.data, plain.size, (uint8_t *) body,
                              size) == olm_error())
                return ratchet_outbound_error(outbound);

        *ret_body = TAKE_PTR(body);
        return 0;
}

int ratchet_inbound_new(const char *session_key, RatchetInbound **ret_inbound)
{
        _cleanup_(ratchet_inbound_freep) RatchetInbound *inbound = NULL;

        int r = megolm_session_key_check(session_key);
        if (r < 0)
                return r;

        inbound = ratchet_inbound_alloc();
        if (!inbound)
                return -ENOMEM;
        if (olm_init_inbound_group_session(ratchet_inbound_of(inbound), (const uint8_t *) session_key,
                                           strlen(session_key)) == olm_error())
                return ratchet_inbound_error(inbound);

        *ret_inbound = TAKE_PTR(inbound);
        return 0;
}

uint32_t ratchet_inbound_first_index(RatchetInbound *inbound)
{
        return olm_inbound_group_session_first_known_index(ratchet_inbound_of(inbound));
}

int ratchet_inbound_decrypt(RatchetInbound *inbound, const char *body, char **ret_plain, size_t *ret_size,
                            uint32_t *ret_index)
{
        _cleanup_(freep) char *copy = NULL, *plain = NULL;
        size_t length = strlen(body);

        int r = megolm_message_check(body);
        if (r == 0)
                r = prepare_decryption(body, length, &copy, &plain);
        if (r < 0)
                return r;

        size_t size = olm_group_decrypt(ratchet_inbound_of(inbound), (uint8_t *) copy, length,
                                        (uint8_t *) plain, length, ret_index);
        if (size == olm_error())
                return ratchet_inbound_error(inbound);

        plain[size] = '\0';
        *ret_plain = TAKE_PTR(plain);
        *ret_size = size;
        return 0;
}
