/* SPDX-License-Identifier: MIT */
/* Options that several verbs of an operator take. */

#include "ctl/operator/options.h"

#include "basic/parse.h"
#include "codec/binary-text.h"
#include "ctl/print.h"

static int add_key(Bytes hex, RootKeyList *list)
{
        PublicKey key;

        if (list->n == ELEMENTSOF(list->keys) || hex_decode(hex, key.bytes, sizeof key.bytes) < 0 ||
            !public_key_is_valid(&key))
                return -EINVAL;

        list->keys[list->n++] = key;
        return 0;
}

static int parse_key(const Ctl *ctl, const char *text, void *ret_value)
{
        return add_key(bytes_of_string(text), ret_value);
}

static int parse_keys(const Ctl *ctl, const char *text, void *ret_value)
{
        for (;;) {
                size_t length = strcspn(text, ",");

                int r = add_key((Bytes){ (const uint8_t *) text, length }, ret_value);
                if (r < 0 || text[length] == '\0')
                        return r;
                text += length + 1;
        }
}

static int parse_threshold(const Ctl *ctl, const char *text, void *ret_value)
{
        return parse_u64(text, 1, ROOT_THRESHOLD_MAX, ret_value);
}

#define KEY_TEXT "64 hexadecimal digits, as devboxctl operator export-pub prints them"

const OptionType option_root_key = { "KEY", "a public key of " KEY_TEXT, parse_key };
const OptionType option_root_keys = { "KEYS", "public keys with commas between them, each of " KEY_TEXT,
                                      parse_keys };
const OptionType option_root_threshold = { "N", "a number from 1 to 4: the signatures of two roots must fit",
                                           parse_threshold };
static_assert(ROOT_THRESHOLD_MAX == 4, "the text above");

int operator_apply_changes(Ctl *ctl, const RootChanges *changes, const PublicKey *own, RootBuilder *builder)
{
        int r = root_builder_apply(builder, changes, own, ctl->now_ms, &ctl->problem);

        return r > 0 ? ctl_usage(ctl, "%s", ctl->problem) : r;
}

int operator_open_key(Ctl *ctl, const KeySource *source, OperatorKey *ret_key)
{
        _cleanup_(freep) char *warning = NULL;

        int r = operator_key_check_mode(source, &warning);
        if (r == 0 && warning && !ctl->json)
                r = print_line(stderr, "devboxctl: warning: %s", warning);

        return r < 0 ? r : operator_key_open(source, ret_key, &ctl->problem);
}
