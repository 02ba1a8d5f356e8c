/* SPDX-License-Identifier: MIT */
/* Key files: sealing, unsealing, bare seeds. */

#include "trust/key-file.h"

#include <ctype.h>
#include <sodium.h>

#include "codec/binary-text.h"
#include "proto/id.h"

#define AT(member) offsetof(KeyFile, member)

/* clang-format off */
static const SchemaField fields[] = {
        { "v",      SCHEMA_CONSTANT, true, .min = 1 },
        { "role",   SCHEMA_STRING,   true, AT(role), 1, 63, .valid = label_valid },
        { "label",  SCHEMA_STRING,   true, AT(label), 1, 63, .valid = label_valid },
        { "public", SCHEMA_HEX,      true, AT(public), .max = PUBLIC_KEY_SIZE },
        { "sealed", SCHEMA_BASE64,   true, AT(sealed), SEAL_OVERHEAD, SEAL_OVERHEAD + SEAL_MAX },
};
/* clang-format on */

const Schema key_file_schema = { .size = sizeof(KeyFile), .max_bytes = KEY_FILE_MAX, SCHEMA_TABLE(fields) };

int key_file_seal(const KeyFile *like, const KeyPair *pair, const Secret *passphrase, SealCost cost,
                  char **ret_text)
{
        KeyFile file = { .role = like->role, .label = like->label, .public = *key_pair_public(pair) };

        int r = seal(key_pair_seed(pair), passphrase, cost, &file.sealed.data, &file.sealed.size);
        if (r < 0)
                return r;

        r = key_file_format(&file, ret_text, NULL);
        free(file.sealed.data);
        return r > 0 ? -EINVAL : r;
}

int key_file_unseal(const KeyFile *file, const Secret *passphrase, KeyPair **ret_pair)
{
        _cleanup_(key_pair_freep) KeyPair *pair = NULL;
        _cleanup_(secret_freep) Secret *seed = NULL;

        int r = unseal(BYTES(file->sealed.data, file->sealed.size), passphrase, &seed);
        if (r < 0)
                return r;

        r = key_pair_from_seed(seed, &pair);
        if (r < 0)
                return r == -EINVAL ? -EBADMSG : r;
        if (!public_key_equal(key_pair_public(pair), &file->public))
                return -EBADMSG;

        *ret_pair = TAKE_PTR(pair);
        return 0;
}

int key_seed_parse(const Secret *text, KeyPair **ret_pair)
{
        _cleanup_(secret_freep) Secret *seed = NULL;
        Bytes bytes = secret_bytes(text);
        uint8_t raw[KEY_SEED_SIZE];
        size_t size = 0;

        while (bytes.size > 0 && isspace(bytes.data[0]))
                bytes = BYTES(bytes.data + 1, bytes.size - 1);
        while (bytes.size > 0 && isspace(bytes.data[bytes.size - 1]))
                bytes.size--;

        const char *at = (const char *) bytes.data;
        int r = bytes.size == KEY_SEED_SIZE * 2
                        ? sodium_hex2bin(raw, sizeof raw, at, bytes.size, NULL, &size, NULL)
                        : sodium_base642bin(raw, sizeof raw, at, bytes.size, NULL, &size, NULL,
                                            sodium_base64_VARIANT_ORIGINAL);
        r = r < 0 || size != KEY_SEED_SIZE ? -EINVAL : secret_new(raw, sizeof raw, &seed);
        sodium_memzero(raw, sizeof raw);
        if (r < 0)
                return r;

        return key_pair_from_seed(seed, ret_pair);
}
