/* SPDX-License-Identifier: MIT */
#pragma once

/* A budget of bytes, shared fairly by users.
 *
 * A user may hold at most as much as it leaves free to all others: the first gets up to a half, the second
 * up to a half of the rest, and so on. So no user can exhaust the budget, however many objects it makes the
 * server hold. */

#include <sys/queue.h>
#include <sys/types.h>

#include "basic/macro.h"

/* All clients whose user is unknown share one account: those over TCP. */
#define HTTP_USER_UNKNOWN ((uid_t) -1)

typedef struct HttpAccount HttpAccount;

typedef struct HttpBudget {
        size_t max_bytes, used_bytes;
        LIST_HEAD(, HttpAccount) accounts;
} HttpBudget;

/* Part of the object that is charged: freeing the object returns the bytes. */
typedef struct HttpCharge {
        HttpBudget *budget; /* NULL: nothing is charged */
        HttpAccount *account;
        size_t bytes;
} HttpCharge;

bool http_budget_allows(const HttpBudget *budget, uid_t user, size_t bytes);

/* Errors: -EDQUOT the share of the user is used up, -ENOMEM. `charge` is unchanged then. */
int http_charge(HttpBudget *budget, uid_t user, size_t bytes, HttpCharge *charge);
void http_charge_done(HttpCharge *charge);
