/* SPDX-License-Identifier: MIT */
/* devboxctl device enroll: makes this machine the device of a name, which obeys a root. */

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include "codec/binary-text.h"
#include "ctl/client.h"
#include "ctl/device/ledger-client.h"
#include "ctl/operator/root-chain.h"
#include "ctl/option-types.h"
#include "ctl/print.h"
#include "ctl/verbs.h"
#include "proto/id.h"

typedef struct ChainIdOption {
        uint8_t bytes[CHAIN_ID_SIZE];
        bool given;
} ChainIdOption;

typedef struct EnrollOptions {
        const char *root, *name;
        ChainIdOption chain;
} EnrollOptions;

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        const EnrollOptions *given = options;
        DeviceEnrolment enrolment = { .device = given->name };
        char hex[HEX_SIZE(SHA256_SIZE)];

        if (!given->root || !given->name)
                return ctl_usage(ctl, "enroll needs --root and --name");
        int r = root_chain_read(given->root, &chain, &ctl->problem);
        if (r != 0)
                return r;

        enrolment.root = chain.text;
        enrolment.root_sha256 = *root_chain_last_digest(&chain);
        if (given->chain.given)
                memcpy(enrolment.chain_id, given->chain.bytes, CHAIN_ID_SIZE);
        else if (getrandom(enrolment.chain_id, CHAIN_ID_SIZE, 0) != CHAIN_ID_SIZE)
                return -errno;

        r = client_open(NULL, &bus, &ctl->problem);
        if (r == 0)
                r = ledger_client_enroll(bus, &enrolment, &ctl->problem);
        if (r != 0)
                return r;

        hex_format(BYTES_OF(enrolment.root_sha256.bytes), hex);
        if (ctl->json)
                return 0;
        r = print_line(stdout, "enrolled as %s in network %s: root %" PRIi64 ", sha256 %s", given->name,
                       chain.root->network, chain.root->version, hex);
        return r < 0 ? r : print_line(stdout, "Next: devboxctl device install MANIFEST-FILE");
}

static int parse_name(const Ctl *ctl, const char *text, void *ret_value)
{
        if (!device_name_valid(text))
                return -EINVAL;

        *(const char **) ret_value = text;
        return 0;
}

static int parse_chain(const Ctl *ctl, const char *text, void *ret_value)
{
        ChainIdOption chain = { .given = true };

        if (hex_parse(text, chain.bytes, CHAIN_ID_SIZE) < 0)
                return -EINVAL;

        *(ChainIdOption *) ret_value = chain;
        return 0;
}

static const OptionType option_device = { "NAME", "a-z, 0-9 and inner hyphens, at most 63", parse_name };
static const OptionType option_chain = { "ID", "32 hexadecimal digits", parse_chain };

static const Option options[] = {
        { "root", &option_file, offsetof(EnrollOptions, root),
          "the root to obey, which must be from the operator; of several, the last" },
        { "name", &option_device, offsetof(EnrollOptions, name), "the name of this device" },
        { "chain", &option_chain, offsetof(EnrollOptions, chain), "the id of its audit chain (random)" },
        { 0 },
};

const Verb verb_device_enroll = {
        .noun = "device",
        .name = "enroll",
        .help = "make this machine the device of a name, which obeys a root",
        .example = "device enroll --root root.json --name laptop",
        .options = options,
        .options_size = sizeof(EnrollOptions),
        .run = run,
};
