/* SPDX-License-Identifier: MIT */
/* What options of several verbs take. */

#include "ctl/option-types.h"

#include "basic/parse.h"
#include "basic/timestamp.h"
#include "proto/id.h"
#include "schema/schema.h"

static int parse_switch(const Ctl *ctl, const char *text, void *ret_value)
{
        *(bool *) ret_value = true;
        return 0;
}

static int parse_text(const Ctl *ctl, const char *text, void *ret_value)
{
        *(const char **) ret_value = text;
        return 0;
}

static int parse_label(const Ctl *ctl, const char *text, void *ret_value)
{
        return label_valid(text) ? parse_text(ctl, text, ret_value) : -EINVAL;
}

static int parse_number(const Ctl *ctl, const char *text, void *ret_value)
{
        return parse_u64(text, 0, INT64_MAX, ret_value);
}

static int parse_timeout(const Ctl *ctl, const char *text, void *ret_value)
{
        return parse_u64(text, 0, 3600, ret_value);
}

static int parse_keepalive(const Ctl *ctl, const char *text, void *ret_value)
{
        return parse_u64(text, 0, UINT16_MAX, ret_value);
}

static int parse_fd(const Ctl *ctl, const char *text, void *ret_value)
{
        uint64_t fd;

        int r = parse_u64(text, 0, INT32_MAX, &fd);
        if (r == 0)
                *(int *) ret_value = (int) fd;
        return r;
}

static int parse_expiry(const Ctl *ctl, const char *text, void *ret_value)
{
        uint64_t expires_at_ms;

        int r = parse_timestamp_ms(text, ctl->now_ms, &expires_at_ms);
        if (r < 0)
                return r;
        if (expires_at_ms <= ctl->now_ms || expires_at_ms > (uint64_t) SCHEMA_INTEGER_MAX)
                return -ERANGE;

        *(uint64_t *) ret_value = expires_at_ms;
        return 0;
}

const OptionType option_switch = { NULL, "no value", parse_switch };
const OptionType option_file = { "FILE", "a file", parse_text };
const OptionType option_directory = { "DIR", "a directory", parse_text };
const OptionType option_name = { "NAME", "a name", parse_text };
const OptionType option_label = { "NAME", "a-z, 0-9, '.', '_' and '-', at most 63", parse_label };
const OptionType option_number = { "N", "a number", parse_number };
const OptionType option_timeout = { "N", "seconds, at most 3600", parse_timeout };
const OptionType option_keepalive = { "N", "seconds, at most 65535, or 0 for none", parse_keepalive };
const OptionType option_fd = { "N", "the number of an open file descriptor", parse_fd };
const OptionType option_expiry = { "SPAN", "a span such as 30d, or a date in the future", parse_expiry };
