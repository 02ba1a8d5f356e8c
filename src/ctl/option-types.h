/* SPDX-License-Identifier: MIT */
#pragma once

/* What options of several verbs take. The comment names the type of the member that `offset` points to. */

#include "ctl/verb.h"

extern const OptionType option_switch;    /* bool */
extern const OptionType option_file;      /* const char * */
extern const OptionType option_directory; /* const char * */
extern const OptionType option_name;      /* const char *: any text */
extern const OptionType option_label;     /* const char *: as label_valid() has it */
extern const OptionType option_number;    /* uint64_t */
extern const OptionType option_timeout;   /* uint64_t: seconds that a request may run */
extern const OptionType option_keepalive; /* uint64_t: seconds, of a tunnel */
extern const OptionType option_fd;        /* int; -EBADF is the default for: not given */
extern const OptionType option_expiry;    /* uint64_t: milliseconds since 1970, later than now */
