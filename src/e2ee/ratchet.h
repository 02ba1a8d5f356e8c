/* SPDX-License-Identifier: MIT */
#pragma once

/* The double ratchet of Olm and the group ratchet of Megolm, by libolm, which no other file includes:
 * another implementation replaces ratchet.c. Keys, messages and signatures are unpadded base64, as on the
 * wire. What arrives from outside is checked (e2ee/message-check.h) before libolm reads it, and is copied,
 * since libolm decodes in place.
 *
 * Each kind of object is loaded from a pickle, used and saved again; to keep none in memory is what makes a
 * rolled-back transaction roll back the ratchet. Pickles are encrypted under the given key.
 *
 * Errors of all functions: -EBADMSG malformed, altered, or another key; -ENOMEM; and the RatchetFault where
 * it is mentioned. */

#include "basic/bytes.h"
#include "crypto/secret.h"
#include "e2ee/message-check.h"

#define CURVE25519_TEXT_SIZE 44 /* 32 bytes in unpadded base64, with the NUL */
#define ED25519_TEXT_SIZE    44
#define SIGNATURE_TEXT_SIZE  87

typedef enum RatchetFault {
        RATCHET_UNKNOWN_INDEX = 1, /* the message is older than the session key that was received */
        RATCHET_UNKNOWN_KEY,       /* the message names a one-time key that the account does not have */
} RatchetFault;

typedef struct OlmMessage {
        OlmMessageType type;
        char *body; /* owned where a function returns it, otherwise borrowed */
} OlmMessage;

typedef struct RatchetAccount RatchetAccount;   /* identity keys, one-time keys, the fallback key */
typedef struct RatchetSession RatchetSession;   /* Olm: one pair of devices */
typedef struct RatchetOutbound RatchetOutbound; /* Megolm: the sender's half */
typedef struct RatchetInbound RatchetInbound;   /* Megolm: the receivers' half */

#define DECLARE_RATCHET(Type, name)                                                                         \
        Type *name##_free(Type *object);                                                                    \
        DEFINE_CLEANUP(Type, name##_free);                                                                  \
        int name##_load(const Secret *key, const char *pickle, Type **ret_object);                          \
        int name##_save(Type *object, const Secret *key, char **ret_pickle)

DECLARE_RATCHET(RatchetAccount, ratchet_account);
DECLARE_RATCHET(RatchetSession, ratchet_session);
DECLARE_RATCHET(RatchetOutbound, ratchet_outbound);
DECLARE_RATCHET(RatchetInbound, ratchet_inbound);

/* ---- account */

int ratchet_account_new(RatchetAccount **ret_account);
int ratchet_account_identity(RatchetAccount *account, char ret_curve25519[static CURVE25519_TEXT_SIZE],
                             char ret_ed25519[static ED25519_TEXT_SIZE]);
int ratchet_account_sign(RatchetAccount *account, Bytes message,
                         char ret_signature[static SIGNATURE_TEXT_SIZE]);

/* libolm keeps 100 private keys and drops the oldest beyond that without notice. */
int ratchet_account_generate_one_time_keys(RatchetAccount *account, size_t n_keys);
int ratchet_account_generate_fallback_key(RatchetAccount *account);

/* The keys not yet marked as published, as JSON: {"curve25519":{"AAAAAQ":KEY}}. The caller frees it. */
int ratchet_account_one_time_keys(RatchetAccount *account, char **ret_json);
int ratchet_account_fallback_key(RatchetAccount *account, char **ret_json);
void ratchet_account_mark_published(RatchetAccount *account);
void ratchet_account_forget_old_fallback_key(RatchetAccount *account);

/* ---- Olm */

int ratchet_session_outbound(RatchetAccount *account, const char *their_curve25519,
                             const char *their_one_time_key, RatchetSession **ret_session);

/* From a prekey message, which then is still to be decrypted. Errors: RATCHET_UNKNOWN_KEY. */
int ratchet_session_inbound(RatchetAccount *account, const char *their_curve25519, const char *body,
                            RatchetSession **ret_session);

/* Removes from the account the one-time key that an inbound session used: after its first decryption. */
void ratchet_account_remove_used_key(RatchetAccount *account, RatchetSession *session);

int ratchet_session_id(RatchetSession *session, char ret_id[static ED25519_TEXT_SIZE]);

/* 1: the prekey message is for this session, 0: for another. */
int ratchet_session_matches(RatchetSession *session, const char *their_curve25519, const char *body);
int ratchet_session_encrypt(RatchetSession *session, Bytes plain, OlmMessage *ret_message);

/* The caller frees `ret_plain`, which has a NUL behind its `ret_size` bytes; here and below. */
int ratchet_session_decrypt(RatchetSession *session, const OlmMessage *message, char **ret_plain,
                            size_t *ret_size);

/* ---- Megolm */

int ratchet_outbound_new(RatchetOutbound **ret_outbound);
int ratchet_outbound_id(RatchetOutbound *outbound, char ret_id[static ED25519_TEXT_SIZE]);
uint32_t ratchet_outbound_index(RatchetOutbound *outbound);

/* What a receiver needs to read from the current index on. Secret: the caller wipes and frees it. */
int ratchet_outbound_key(RatchetOutbound *outbound, char **ret_key);
int ratchet_outbound_encrypt(RatchetOutbound *outbound, Bytes plain, char **ret_body);

int ratchet_inbound_new(const char *session_key, RatchetInbound **ret_inbound);
int ratchet_inbound_id(RatchetInbound *inbound, char ret_id[static ED25519_TEXT_SIZE]);
uint32_t ratchet_inbound_first_index(RatchetInbound *inbound);

/* Errors: RATCHET_UNKNOWN_INDEX. */
int ratchet_inbound_decrypt(RatchetInbound *inbound, const char *body, char **ret_plain, size_t *ret_size,
                            uint32_t *ret_index);
