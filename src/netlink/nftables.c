/* SPDX-License-Identifier: MIT */
/* nftables through libnftables, which configures the kernel in one netlink transaction, in this process. */

#include <nftables/libnftables.h>

#include "log/log.h"
#include "netlink/firewall.h"

struct Nftables {
        struct nft_ctx *context;
};

int nftables_new(Nftables **ret_nftables)
{
        _cleanup_(nftables_freep) Nftables *nftables = malloc(sizeof *nftables);
        if (!nftables)
                return -ENOMEM;

        nftables->context = nft_ctx_new(NFT_CTX_DEFAULT);
        if (!nftables->context)
                return -ENOMEM;

        nft_ctx_output_set_flags(nftables->context, NFT_CTX_OUTPUT_STATELESS);
        if (nft_ctx_buffer_output(nftables->context) != 0 || nft_ctx_buffer_error(nftables->context) != 0)
                return -ENOMEM;

        *ret_nftables = TAKE_PTR(nftables);
        return 0;
}

Nftables *nftables_free(Nftables *nftables)
{
        if (!nftables)
                return NULL;

        if (nftables->context)
                nft_ctx_free(nftables->context);
        free(nftables);
        return NULL;
}

int nftables_run(Nftables *nftables, const char *ruleset)
{
        if (nft_run_cmd_from_buffer(nftables->context, ruleset) == 0)
                return 0;

        (void) log_full(LOG_DEBUG, 0,
                        LOG_FIELDS({ "DEVBOX_NFT_ERROR", nft_ctx_get_error_buffer(nftables->context) }),
                        "nftables refused a ruleset");
        return -EIO;
}

/* Asks for the list of tables first: listing one that is not there fails like any other error. */
int nftables_list(Nftables *nftables, char **ret_listing)
{
        bool exists = false;

        int r = nftables_run(nftables, "list tables inet");
        if (r < 0)
                return r;

        char *tables = strdup(nft_ctx_get_output_buffer(nftables->context));
        if (!tables)
                return -ENOMEM;
        for (char *rest = tables, *line; (line = strsep(&rest, "\n"));)
                exists |= streq(line, "table inet " FIREWALL_TABLE);
        free(tables);

        r = exists ? nftables_run(nftables, "list table inet " FIREWALL_TABLE) : 0;
        if (r < 0)
                return r;

        char *listing = strdup(exists ? nft_ctx_get_output_buffer(nftables->context) : "");
        if (!listing)
                return -ENOMEM;

        *ret_listing = listing;
        return 0;
}
