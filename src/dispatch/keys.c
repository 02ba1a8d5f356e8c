/* SPDX-License-Identifier: MIT */
/* The keys of the dispatcher. */

#include "dispatch/keys.h"

#include <fcntl.h>

#include "basic/fd.h"
#include "trust/sealed-file.h"

static int load_key(int directory_fd, const char *name, const Secret *seal, KeyPair **ret_pair)
{
        _cleanup_(secret_freep) Secret *seed = NULL;

        int r = sealed_file_load(directory_fd, name, seal, &seed);
        return r < 0 ? r : key_pair_from_seed(seed, ret_pair);
}

int dispatch_keys_load(const char *directory, const char *credentials, DispatchKeys *ret_keys)
{
        _cleanup_(dispatch_keys_done) DispatchKeys keys = { 0 };
        _cleanup_(secret_freep) Secret *seal = NULL;

        _cleanup_(fd_closep) int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory_fd < 0)
                return -errno;

        int r = seal_load(directory_fd, credentials, &seal);
        if (r == 0)
                r = load_key(directory_fd, "dispatcher.key", seal, &keys.dispatcher);
        if (r == 0)
                r = load_key(directory_fd, "attester.key", seal, &keys.attester);
        if (r < 0)
                return r;

        *ret_keys = TAKE(keys, ((DispatchKeys){ 0 }));
        return 0;
}

void dispatch_keys_done(DispatchKeys *keys)
{
        key_pair_free(keys->dispatcher);
        key_pair_free(keys->attester);
}
