/* SPDX-License-Identifier: MIT */
/* Encrypted attachments: what matrix-encrypt-attachment and others wrote, and files that must not open. */

#include "e2ee/attachment.h"

#include "codec/binary-text.h"
#include "e2ee/json.h"

#include "test.h"

/* The vectors that the clients of matrix.org share: base64 of the ciphertext, the rest of the object, the
 * text. */
static const struct {
        const char *cipher, *key, *iv, *hash, *plain;
} vectors[] = {
        { "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA",
          "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", "" },
        { "5xJZTt5cQicm+9f4", "__________________________________________8", "//////////8AAAAAAAAAAA",
          "YzF08lARDdOCzJpzuSwsjTNlQc4pHxpdHcXiD/wpK6k", "Hello, World" },
};

static cJSON *file_of(const char *key, const char *iv, const char *hash)
{
        cJSON *file = NULL;

        assert_ok(json_pack(&file, "{v:s,key:{kty:s,alg:s,k:s},iv:s,hashes:{sha256:s}}", "v2", "oct",
                            "A256CTR", key, iv, hash));
        return file;
}

static void test_vectors(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                _cleanup_(json_freep) cJSON *file = file_of(vectors[i].key, vectors[i].iv, vectors[i].hash);
                _cleanup_(freep) uint8_t *cipher = NULL, *plain = NULL;
                size_t size;

                assert_ok(base64_unpadded_parse(vectors[i].cipher, 1000, &cipher, &size));
                assert_ok(attachment_decrypt(BYTES(cipher, size), file, &plain));
                assert_int_equal(size, strlen(vectors[i].plain));
                assert_memory_equal(plain, vectors[i].plain, size);
        }
}

/* In pieces, of which the last is shorter. */
static uint8_t *encrypt(Bytes plain, size_t piece, cJSON **ret_file)
{
        _cleanup_(attachment_writer_freep) AttachmentWriter *writer = NULL;
        uint8_t *cipher = malloc(plain.size + 1);

        assert_ok(attachment_writer_new(&writer));
        for (size_t at = 0; at < plain.size; at += piece)
                assert_ok(attachment_writer_add(writer, BYTES(plain.data + at, MIN(piece, plain.size - at)),
                                                cipher + at));
        assert_ok(attachment_writer_describe(writer, ret_file));
        return cipher;
}

static void test_round_trips(void **state)
{
        static const size_t sizes[] = { 0, 1, 15, 16, 17, 4096, 5 * 1024 * 1024 };

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                _cleanup_(freep) uint8_t *plain = malloc(sizes[i] + 1), *cipher = NULL, *again = NULL,
                                         *other = NULL, *last = NULL;
                _cleanup_(json_freep) cJSON *file = NULL, *other_file = NULL;

                memset(plain, 0x5a, sizes[i]);
                cipher = encrypt(BYTES(plain, sizes[i]), SIZE_MAX / 2, &file);
                assert_ok(attachment_decrypt(BYTES(cipher, sizes[i]), file, &again));
                assert_memory_equal(again, plain, sizes[i]);

                other = encrypt(BYTES(plain, sizes[i]), 1001, &other_file);
                assert_ok(attachment_decrypt(BYTES(other, sizes[i]), other_file, &last));
                assert_memory_equal(last, plain, sizes[i]);
                assert_string_not_equal(object_string(object_object(file, "key"), "k"),
                                        object_string(object_object(other_file, "key"), "k"));
                assert_true(endswith(object_string(file, "iv"), "AAAAAAAAAA"));
        }
}

static void test_too_large(void **state)
{
        static uint8_t zeros[1024 * 1024];
        _cleanup_(attachment_writer_freep) AttachmentWriter *writer = NULL;
        _cleanup_(freep) uint8_t *cipher = malloc(sizeof zeros);

        assert_ok(attachment_writer_new(&writer));
        for (size_t size = 0; size < ATTACHMENT_SIZE_MAX; size += sizeof zeros)
                assert_ok(attachment_writer_add(writer, BYTES_OF(zeros), cipher));
        assert_err(attachment_writer_add(writer, BYTES(zeros, 1), cipher), -EFBIG);
}

static void test_altered_files(void **state)
{
        static const struct {
                const char *path, *value;
        } changes[] = {
                { "v", "v1" },
                { "v", NULL },
                { "iv", "AAAA" },
                { "iv", "//////////8AAAAAAAAAA=" },
                { "k", "AAAA" },
                { "k", "//////////////////////////////////////////8" },
                { "alg", "A128CTR" },
                { "kty", "RSA" },
                { "sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU" },
                { "sha256", NULL },
        };
        _cleanup_(freep) uint8_t *cipher = NULL, *plain = NULL;
        size_t size;

        assert_ok(base64_unpadded_parse(vectors[1].cipher, 1000, &cipher, &size));
        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                _cleanup_(json_freep) cJSON *file = file_of(vectors[1].key, vectors[1].iv, vectors[1].hash);
                cJSON *in = object_get(file, changes[i].path) ? file
                            : streq(changes[i].path, "sha256")
                                    ? cJSON_GetObjectItemCaseSensitive(file, "hashes")
                                    : cJSON_GetObjectItemCaseSensitive(file, "key");

                assert_ok(object_put(in, changes[i].path,
                                     changes[i].value ? cJSON_CreateString(changes[i].value)
                                                      : cJSON_CreateNull()));
                assert_err(attachment_decrypt(BYTES(cipher, size), file, &plain), -EBADMSG);
        }

        _cleanup_(json_freep) cJSON *file = file_of(vectors[1].key, vectors[1].iv, vectors[1].hash);
        for (size_t i = 0; i < size; i++) {
                cipher[i] ^= 1;
                assert_err(attachment_decrypt(BYTES(cipher, size), file, &plain), -EBADMSG);
                cipher[i] ^= 1;
        }
        assert_err(attachment_decrypt(BYTES(cipher, ATTACHMENT_SIZE_MAX + 1), file, &plain), -EFBIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vectors),
                cmocka_unit_test(test_round_trips),
                cmocka_unit_test(test_too_large),
                cmocka_unit_test(test_altered_files),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
