/* SPDX-License-Identifier: MIT */
#include "lookups.h"

#include <arpa/inet.h>

#include "test.h"

struct Lookups lookups;

static const char *find_address(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(lookups.zone); i++)
                if (lookups.zone[i].name && streq(lookups.zone[i].name, name))
                        return lookups.zone[i].address;
        return NULL;
}

int __wrap_getaddrinfo_a(int mode, struct gaicb *list[], int n, struct sigevent *sig)
{
        struct gaicb *request = list[0];
        const char *address = find_address(request->ar_name);

        assert_int_equal(mode, GAI_NOWAIT);
        assert_int_equal(n, 1);
        lookups.n_begun++;
        if (address) {
                struct addrinfo *found = calloc(1, sizeof *found + sizeof(struct sockaddr_in));
                struct sockaddr_in *to = (struct sockaddr_in *) (void *) (found + 1);

                assert_non_null(found);
                to->sin_family = AF_INET;
                to->sin_port = htons((uint16_t) atoi(request->ar_service));
                assert_int_equal(inet_pton(AF_INET, address, &to->sin_addr), 1);
                found->ai_family = AF_INET;
                found->ai_addr = (struct sockaddr *) to;
                found->ai_addrlen = sizeof *to;
                request->ar_result = found;
        }
        return 0;
}

int __wrap_gai_error(struct gaicb *request)
{
        lookups.n_polled++;
        return lookups.slow ? EAI_INPROGRESS : request->ar_result ? 0 : EAI_NONAME;
}

int __wrap_gai_cancel(struct gaicb *request)
{
        lookups.n_cancelled++;
        return EAI_CANCELED;
}

void __wrap_freeaddrinfo(struct addrinfo *found)
{
        lookups.n_freed++;
        free(found);
}
