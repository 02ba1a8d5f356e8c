/* SPDX-License-Identifier: MIT */
/* Host, Origin and Sec-Fetch-Site as a client may write them: three lines. */
#include "http/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        char *rest = text;

        if (!text)
                return 0;

        const char *host = strsep(&rest, "\n"), *origin = strsep(&rest, "\n"), *site = strsep(&rest, "\n");
        HttpGuardHeaders headers = {
                .host = host,
                .n_host = 1,
                .origin = origin,
                .n_origin = !!origin,
                .fetch_site = site,
                .n_fetch_site = !!site,
        };

        int read = http_guard_check(&headers, 0, NULL);
        int change = http_guard_check(&headers, HTTP_GUARD_MUTATION, NULL);

        /* Loopback is an address; what may change may also be read; a foreign host gets nowhere. */
        if (http_guard_host_allowed(host, false, NULL) && !http_guard_host_allowed(host, true, NULL))
                abort();
        if (change == 0 && read != 0)
                abort();
        if (read == 0 && !http_guard_host_allowed(host, false, NULL))
                abort();

        return 0;
}
