/* SPDX-License-Identifier: MIT */
/* nftables through libnftables, which configures the kernel in one netlink transaction, in this process. */

#include <nftables/libnftables.h>

#include "log/log.h"
#include "netlink/firewall.h"

typedef struct nft_ctx Context;

DEFINE_CLEANUP(Context, nft_ctx_free);

/* One for each use: between two it would keep 700 KiB of what it read; making one takes 20 us. */
static Context *context_new(void)
{
        _cleanup_(nft_ctx_freep) Context *context = nft_ctx_new(NFT_CTX_DEFAULT);

        if (!context)
                return NULL;

        nft_ctx_output_set_flags(context, NFT_CTX_OUTPUT_STATELESS);
        if (nft_ctx_buffer_output(context) != 0 || nft_ctx_buffer_error(context) != 0)
                return NULL;

        return TAKE_PTR(context);
}

static int run(Context *context, const char *ruleset)
{
        if (!context)
                return -ENOMEM;
        if (nft_run_cmd_from_buffer(context, ruleset) == 0)
                return 0;

        (void) log_full(LOG_DEBUG, 0, LOG_FIELDS({ "DEVBOX_NFT_ERROR", nft_ctx_get_error_buffer(context) }),
                        "nftables refused a ruleset");
        return -EIO;
}

int nftables_run(const char *ruleset)
{
        _cleanup_(nft_ctx_freep) Context *context = context_new();

        return run(context, ruleset);
}

/* Asks for the list of tables first: listing one that is not there fails like any other error. */
int nftables_list(char **ret_listing)
{
        _cleanup_(nft_ctx_freep) Context *context = context_new();
        bool exists = false;

        int r = run(context, "list tables inet");
        if (r < 0)
                return r;

        char *tables = strdup(nft_ctx_get_output_buffer(context));
        if (!tables)
                return -ENOMEM;
        for (char *rest = tables, *line; (line = strsep(&rest, "\n"));)
                exists |= streq(line, "table inet " FIREWALL_TABLE);
        free(tables);

        r = exists ? run(context, "list table inet " FIREWALL_TABLE) : 0;
        if (r < 0)
                return r;

        char *listing = strdup(exists ? nft_ctx_get_output_buffer(context) : "");
        if (!listing)
                return -ENOMEM;

        *ret_listing = listing;
        return 0;
}
