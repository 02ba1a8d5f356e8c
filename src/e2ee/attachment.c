/* SPDX-License-Identifier: MIT */
/* Encrypted attachments. */

#include "e2ee/attachment.h"

#include <unistd.h>

#include <openssl/evp.h>

#include "codec/binary-text.h"
#include "crypto/sha256.h"
#include "e2ee/json.h"
#include "e2ee/message-check.h"

#define AES_KEY_SIZE   32
#define AES_BLOCK_SIZE 16

/* What a file is encrypted with. */
typedef struct AttachmentKey {
        uint8_t key[AES_KEY_SIZE];
        uint8_t iv[AES_BLOCK_SIZE]; /* the second half counts blocks from 0 */
} AttachmentKey;

static void key_done(AttachmentKey *key)
{
        explicit_bzero(key, sizeof *key);
}

struct AttachmentWriter {
        AttachmentKey key;
        EVP_CIPHER_CTX *context;
        Sha256State hash;
        size_t size;
};

/* Counter mode is its own inverse. */
static int context_new(const AttachmentKey *key, EVP_CIPHER_CTX **ret_context)
{
        EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

        if (!context)
                return -ENOMEM;
        if (EVP_EncryptInit_ex(context, EVP_aes_256_ctr(), NULL, key->key, key->iv) != 1) {
                EVP_CIPHER_CTX_free(context);
                return -EIO;
        }
        *ret_context = context;
        return 0;
}

static int aes_ctr(EVP_CIPHER_CTX *context, Bytes in, uint8_t *ret_out)
{
        int size = 0;

        if (in.size > 0 && EVP_EncryptUpdate(context, ret_out, &size, in.data, (int) in.size) != 1)
                return -EIO;
        return (size_t) size == in.size ? 0 : -EIO;
}

AttachmentWriter *attachment_writer_free(AttachmentWriter *writer)
{
        if (!writer)
                return NULL;

        EVP_CIPHER_CTX_free(writer->context);
        explicit_bzero(writer, sizeof *writer);
        free(writer);
        return NULL;
}

int attachment_writer_new(AttachmentWriter **ret_writer)
{
        _cleanup_(attachment_writer_freep) AttachmentWriter *writer = calloc(1, sizeof *writer);

        if (!writer)
                return -ENOMEM;
        AttachmentKey *key = &writer->key;
        if (getentropy(key->key, sizeof key->key) < 0 || getentropy(key->iv, sizeof key->iv / 2) < 0)
                return -errno;
        int r = context_new(key, &writer->context);
        if (r < 0)
                return r;

        sha256_init(&writer->hash);
        *ret_writer = TAKE_PTR(writer);
        return 0;
}

int attachment_writer_add(AttachmentWriter *writer, Bytes plain, uint8_t *ret_cipher)
{
        if (plain.size > ATTACHMENT_SIZE_MAX - writer->size)
                return -EFBIG;
        int r = aes_ctr(writer->context, plain, ret_cipher);
        if (r < 0)
                return r;

        sha256_update(&writer->hash, BYTES(ret_cipher, plain.size));
        writer->size += plain.size;
        return 0;
}

int attachment_writer_describe(const AttachmentWriter *writer, cJSON **ret_file)
{
        char key_text[BASE64_SIZE(AES_KEY_SIZE)], iv_text[BASE64_SIZE(AES_BLOCK_SIZE)],
                hash_text[BASE64_SIZE(SHA256_SIZE)];
        Sha256 hash;

        sha256_final(&writer->hash, &hash);
        base64url_format(BYTES_OF(writer->key.key), key_text);
        base64_unpadded_format(BYTES_OF(writer->key.iv), iv_text);
        base64_unpadded_format(BYTES_OF(hash.bytes), hash_text);
        int r = json_pack(ret_file, "{v:s,key:{kty:s,alg:s,k:s,ext:b,key_ops:[s,s]},iv:s,hashes:{sha256:s}}",
                          "v2", "oct", "A256CTR", key_text, 1, "encrypt", "decrypt", iv_text, hash_text);
        explicit_bzero(key_text, sizeof key_text);
        return r;
}

/* The key of a file and the hash that its ciphertext must have. */
static int read_file(const cJSON *file, AttachmentKey *ret_key, Sha256 *ret_hash)
{
        const cJSON *jwk = object_object(file, "key");
        const char *k = object_string(jwk, "k"), *iv = object_string(file, "iv");
        const char *hash = object_string(object_object(file, "hashes"), "sha256");
        uint8_t *bytes = NULL;
        size_t size = 0;

        if (!k || !iv || !hash || !object_has(file, "v", "v2") || !object_has(jwk, "kty", "oct") ||
            !object_has(jwk, "alg", "A256CTR"))
                return -EBADMSG;

        int r = base64url_parse(k, AES_KEY_SIZE, &bytes, &size);
        if (r == 0) {
                if (size == AES_KEY_SIZE)
                        memcpy(ret_key->key, bytes, size);
                explicit_bzero(bytes, size);
                free(bytes);
        }
        if (r < 0 || size != AES_KEY_SIZE)
                return r == -ENOMEM ? r : -EBADMSG;

        r = base64_decode_exact(iv, ret_key->iv, sizeof ret_key->iv);
        return r < 0 ? r : base64_decode_exact(hash, ret_hash->bytes, sizeof ret_hash->bytes);
}

int attachment_decrypt(Bytes cipher, const cJSON *file, uint8_t **ret_plain)
{
        _cleanup_(key_done) AttachmentKey key = { .iv = { 0 } };
        _cleanup_(freep) uint8_t *plain = NULL;
        EVP_CIPHER_CTX *context = NULL;
        Sha256 wanted, hash;

        if (cipher.size > ATTACHMENT_SIZE_MAX)
                return -EFBIG;
        int r = read_file(file, &key, &wanted);
        if (r < 0)
                return r;
        sha256(cipher, &hash);
        if (!sha256_equal(&hash, &wanted))
                return -EBADMSG;

        plain = malloc(cipher.size + 1);
        r = plain ? context_new(&key, &context) : -ENOMEM;
        if (r == 0)
                r = aes_ctr(context, cipher, plain);
        EVP_CIPHER_CTX_free(context);
        if (r < 0)
                return r;

        *ret_plain = TAKE_PTR(plain);
        return 0;
}
