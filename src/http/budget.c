/* SPDX-License-Identifier: MIT */
/* A budget of bytes, shared fairly by users: see budget.h. */

#include "http/budget.h"

struct HttpAccount {
        uid_t user;
        size_t bytes; /* > 0 */
        LIST_ENTRY(HttpAccount) entry;
};

static HttpAccount *account_find(const HttpBudget *budget, uid_t user)
{
        HttpAccount *account;

        LIST_FOREACH(account, &budget->accounts, entry)
                if (account->user == user)
                        return account;

        return NULL;
}

bool http_budget_allows(const HttpBudget *budget, uid_t user, size_t bytes)
{
        const HttpAccount *account = account_find(budget, user);
        size_t held = account ? account->bytes : 0, free_bytes = budget->max_bytes - budget->used_bytes;

        return bytes <= free_bytes && held + bytes <= free_bytes - bytes;
}

int http_charge(HttpBudget *budget, uid_t user, size_t bytes, HttpCharge *charge)
{
        HttpAccount *account = account_find(budget, user);

        if (bytes == 0)
                return 0;
        if (!http_budget_allows(budget, user, bytes))
                return -EDQUOT;

        if (!account) {
                account = calloc(1, sizeof *account);
                if (!account)
                        return -ENOMEM;
                account->user = user;
                LIST_INSERT_HEAD(&budget->accounts, account, entry);
        }

        account->bytes += bytes;
        budget->used_bytes += bytes;
        *charge = (HttpCharge){ .budget = budget, .account = account, .bytes = bytes };
        return 0;
}

void http_charge_done(HttpCharge *charge)
{
        HttpAccount *account = charge->account;

        if (!charge->budget)
                return;

        charge->budget->used_bytes -= charge->bytes;
        account->bytes -= charge->bytes;
        if (account->bytes == 0) {
                LIST_REMOVE(account, entry);
                free(account);
        }
        *charge = (HttpCharge){ 0 };
}
