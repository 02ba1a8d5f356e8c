/* SPDX-License-Identifier: MIT */
#pragma once

/* What every unit test includes: cmocka and its prerequisites, and the two assertions that our return values
 * need. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs those above */

#include "basic/macro.h"

/* The expression must be >= 0; prints the errno otherwise. Returns the value. */
#define assert_ok(expression)                                                                               \
        ({                                                                                                  \
                __typeof__(expression) _r = (expression);                                                   \
                if (_r < 0)                                                                                 \
                        fail_msg("%s: %s", #expression, strerror((int) -_r));                               \
                _r;                                                                                         \
        })

/* The expression must be exactly this error: a negative errno or a positive reason. */
#define assert_err(expression, error)                                                                       \
        ({                                                                                                  \
                int _r = (expression), _wanted = (error);                                                   \
                if (_r != _wanted)                                                                          \
                        fail_msg("%s: got %d, wanted %d", #expression, _r, _wanted);                        \
        })
