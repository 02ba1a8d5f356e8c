/* SPDX-License-Identifier: MIT */
/* Checks of keys and messages. An Olm message is a version byte, fields as protocol buffers write them, and
 * a MAC of 8 bytes; a Megolm message has a signature of 64 bytes behind that. */

#include "e2ee/message-check.h"

#include "codec/binary-text.h"
#include "crypto/x25519.h"

#define VERSION             3
#define SESSION_KEY_VERSION 2
#define MAC_SIZE            8
#define SESSION_KEY_SIZE    (1 + 4 + 128 + PUBLIC_KEY_SIZE + SIGNATURE_SIZE)

/* The wire types of protocol buffers in the low three bits of a tag. */
enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

/* Tags of fields that hold something. */
enum {
        TAG_RATCHET_KEY = 0x0a, /* of a normal message */
        TAG_ONE_TIME_KEY = 0x0a,
        TAG_BASE_KEY = 0x12,
        TAG_IDENTITY_KEY = 0x1a,
        TAG_MESSAGE = 0x22,
        TAG_CIPHERTEXT = 0x22, /* of a normal message */
        TAG_GROUP_CIPHERTEXT = 0x12,
};

int base64_decode_exact(const char *text, void *ret_bytes, size_t size)
{
        _cleanup_(freep) uint8_t *bytes = NULL;
        size_t decoded;

        int r = base64_unpadded_parse(text, size, &bytes, &decoded);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || decoded != size)
                return -EBADMSG;

        memcpy(ret_bytes, bytes, size);
        return 0;
}

int curve25519_text_check(const char *text)
{
        uint8_t key[X25519_SIZE];

        int r = base64_decode_exact(text, key, sizeof key);
        if (r < 0)
                return r;

        return x25519_key_is_valid(key) ? 0 : -EBADMSG;
}

int ed25519_text_parse(const char *text, PublicKey *ret_key)
{
        PublicKey key;

        int r = base64_decode_exact(text, key.bytes, sizeof key.bytes);
        if (r < 0)
                return r;
        if (!public_key_is_valid(&key))
                return -EBADMSG;

        *ret_key = key;
        return 0;
}

static bool next_varint(Bytes *rest, uint64_t *ret_value)
{
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 63 && rest->size > 0; shift += 7) {
                uint8_t byte = rest->data[0];

                *rest = BYTES(rest->data + 1, rest->size - 1);
                value |= (uint64_t) (byte & 0x7f) << shift;
                if (!(byte & 0x80)) {
                        *ret_value = value;
                        return true;
                }
        }

        return false;
}

/* The next field; numbers have an empty `ret_value`. */
static bool next_field(Bytes *rest, uint64_t *ret_tag, Bytes *ret_value)
{
        uint64_t number;

        if (!next_varint(rest, ret_tag) || !next_varint(rest, &number))
                return false;

        *ret_value = BYTES_NULL;
        if ((*ret_tag & 7) == WIRE_VARINT)
                return true;
        if ((*ret_tag & 7) != WIRE_BYTES || number > rest->size)
                return false;

        *ret_value = BYTES(rest->data, number);
        *rest = BYTES(rest->data + number, rest->size - number);
        return true;
}

static bool is_key(Bytes value)
{
        return value.size == X25519_SIZE && x25519_key_is_valid(value.data);
}

/* Every field once, the ratchet key valid, a ciphertext there. */
static bool normal_is_valid(Bytes message)
{
        bool has_key = false, has_ciphertext = false;
        uint64_t tag;
        Bytes value;

        if (message.size < 1 + MAC_SIZE || message.data[0] != VERSION)
                return false;

        for (Bytes rest = BYTES(message.data + 1, message.size - 1 - MAC_SIZE); rest.size > 0;) {
                if (!next_field(&rest, &tag, &value))
                        return false;
                if (tag == TAG_RATCHET_KEY) {
                        if (has_key || !is_key(value))
                                return false;
                        has_key = true;
                } else if (tag == TAG_CIPHERTEXT) {
                        if (has_ciphertext)
                                return false;
                        has_ciphertext = true;
                }
        }

        return has_key && has_ciphertext;
}

static bool prekey_is_valid(Bytes message)
{
        unsigned seen = 0;
        uint64_t tag;
        Bytes value;

        if (message.size < 1 || message.data[0] != VERSION)
                return false;

        for (Bytes rest = BYTES(message.data + 1, message.size - 1); rest.size > 0;) {
                if (!next_field(&rest, &tag, &value))
                        return false;

                unsigned field = tag == TAG_ONE_TIME_KEY   ? 1
                                 : tag == TAG_BASE_KEY     ? 2
                                 : tag == TAG_IDENTITY_KEY ? 4
                                 : tag == TAG_MESSAGE      ? 8
                                                           : 0;
                if (seen & field || (field == 8 ? !normal_is_valid(value) : field && !is_key(value)))
                        return false;
                seen |= field;
        }

        return seen == 15;
}

int olm_message_check(OlmMessageType type, const char *body)
{
        _cleanup_(freep) uint8_t *bytes = NULL;
        size_t size;

        int r = base64_unpadded_parse(body, MESSAGE_SIZE_MAX, &bytes, &size);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;

        Bytes message = BYTES(bytes, size);
        bool valid = type == OLM_MESSAGE_PREKEY   ? prekey_is_valid(message)
                     : type == OLM_MESSAGE_NORMAL ? normal_is_valid(message)
                                                  : false;
        return valid ? 0 : -EBADMSG;
}

/* Whether S of a signature is below the order of the group: 2^252 + 27742317777372353535851937790883648493.
 */
static bool signature_is_reduced(const uint8_t signature[static SIGNATURE_SIZE])
{
        static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                           0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
        const uint8_t *s = signature + 32; /* little-endian, as the order */

        for (int i = 31; i >= 0; i--)
                if (s[i] != order[i])
                        return s[i] < order[i];
        return false;
}

int megolm_message_check(const char *body)
{
        _cleanup_(freep) uint8_t *bytes = NULL;
        bool has_ciphertext = false;
        uint64_t tag;
        Bytes value;
        size_t size;

        int r = base64_unpadded_parse(body, MESSAGE_SIZE_MAX, &bytes, &size);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        if (size < 1 + MAC_SIZE + SIGNATURE_SIZE || bytes[0] != VERSION)
                return -EBADMSG;

        for (Bytes rest = BYTES(bytes + 1, size - 1 - MAC_SIZE - SIGNATURE_SIZE); rest.size > 0;) {
                if (!next_field(&rest, &tag, &value) || (tag == TAG_GROUP_CIPHERTEXT && has_ciphertext))
                        return -EBADMSG;
                has_ciphertext |= tag == TAG_GROUP_CIPHERTEXT;
        }

        return has_ciphertext && signature_is_reduced(bytes + size - SIGNATURE_SIZE) ? 0 : -EBADMSG;
}

int megolm_session_key_check(const char *session_key)
{
        uint8_t bytes[SESSION_KEY_SIZE];
        PublicKey key;

        int r = base64_decode_exact(session_key, bytes, sizeof bytes);
        if (r == 0) {
                memcpy(key.bytes, bytes + 1 + 4 + 128, sizeof key.bytes);
                if (bytes[0] != SESSION_KEY_VERSION || !public_key_is_valid(&key) ||
                    !signature_is_reduced(bytes + sizeof bytes - SIGNATURE_SIZE))
                        r = -EBADMSG;
        }

        explicit_bzero(bytes, sizeof bytes);
        return r;
}

int pickle_check(const char *pickle)
{
        _cleanup_(freep) uint8_t *bytes = NULL;
        size_t size;

        int r = base64_unpadded_parse(pickle, strlen(pickle), &bytes, &size);
        return r == -ENOMEM ? r : r < 0 ? -EBADMSG : 0;
}
