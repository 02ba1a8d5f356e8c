/* SPDX-License-Identifier: MIT */
/* Making roots. */

#include "ctl/root-make.h"

#include <inttypes.h>
#include <stdio.h>

#include "basic/file.h"
#include "basic/moment.h"
#include "codec/binary-text.h"
#include "ctl/operator-files.h"
#include "ctl/print.h"

int root_set_life(const Ctl *ctl, Root *root)
{
        const char *expires = ctl->options[OPTION_EXPIRES];
        uint64_t now_ms = operator_now_ms(), until_ms = now_ms + ROOT_LIFE_MS;

        if (expires && (parse_moment_ms(expires, now_ms, &until_ms) < 0 || until_ms <= now_ms ||
                        until_ms > (uint64_t) SCHEMA_INTEGER_MAX))
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "--expires takes a span such as 365d, or a date to come");

        root->issued_at_ms = (int64_t) now_ms;
        root->expires_at_ms = (int64_t) until_ms;
        return 0;
}

int root_add_witness(const Ctl *ctl, PublicKey *keys, size_t *n_keys)
{
        const char *text = ctl->options[OPTION_WITNESS];
        PublicKey key;

        if (!text)
                return 0;
        if (hex_parse(text, key.bytes, sizeof key.bytes) < 0 || !public_key_is_valid(&key))
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "--witness takes the public key of the hub's ledger, 64 hexadecimal "
                                     "digits");

        for (size_t i = 0; i < *n_keys; i++)
                if (public_key_equal(&keys[i], &key))
                        return 0;
        if (*n_keys == ROOT_KEYS_MAX)
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST, "a role has at most %d keys",
                                     ROOT_KEYS_MAX);

        keys[(*n_keys)++] = key;
        return 0;
}

static int make_envelope(const Root *root, const KeyPair *by, const KeyPair *also, char **ret_text)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *payload = NULL, *text = NULL;

        int r = root_format(root, &payload, NULL);
        if (r != 0)
                return r > 0 ? -EINVAL : r;

        r = envelope_new(ENVELOPE_ROOT, bytes_of_string(payload), &envelope);
        if (r == 0)
                r = envelope_sign(envelope, root_role_name(ROOT_ROLE_ROOT), by);
        if (r == 0 && also)
                r = envelope_sign(envelope, root_role_name(ROOT_ROLE_ROOT), also);
        if (r == 0)
                r = envelope_format(envelope, &text);
        if (r < 0)
                return r;

        return asprintf(ret_text, "%s\n", text) < 0 ? -ENOMEM : 0;
}

static int write_file(const Ctl *ctl, const char *name, FileWrite how, const char *text)
{
        _cleanup_(freep) char *path = NULL;

        int r = operator_path(ctl, name, &path);
        if (r < 0)
                return r;

        r = file_write(path, how, 0644, bytes_of_string(text));
        return r < 0 ? print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED, "cannot write %s: %s", path,
                                     strerror(-r))
                     : 0;
}

int root_publish(const Ctl *ctl, const Root *root, const KeyPair *by, const KeyPair *also)
{
        _cleanup_(freep) char *text = NULL;
        char name[48];

        int r = make_envelope(root, by, also, &text);
        if (r < 0)
                return r;

        (void) snprintf(name, sizeof name, "%" PRIi64 ".root.json", root->version);
        r = write_file(ctl, name, FILE_NEW, text);
        if (r != 0)
                return r;

        return write_file(ctl, "root.json", FILE_REPLACE, text);
}
