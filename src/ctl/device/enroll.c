/* SPDX-License-Identifier: MIT */
/* devboxctl device enroll: makes this machine the device of a name, under a root. */

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include "codec/binary-text.h"
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

/* The one that was given; the one that this device has already, so that the same again changes nothing; or a
 * random one. */
static int choose_chain_id(sd_bus *bus, const EnrollOptions *given, uint8_t ret_id[static CHAIN_ID_SIZE],
                           char **ret_problem)
{
        _cleanup_(device_status_done) DeviceStatus status = DEVICE_STATUS_NULL;

        if (given->chain.given) {
                memcpy(ret_id, given->chain.bytes, CHAIN_ID_SIZE);
                return 0;
        }

        int r = ledger_client_get_status(bus, &status, ret_problem);
        if (r != 0)
                return r;
        if (streq(status.device, given->name))
                memcpy(ret_id, status.chain_id, CHAIN_ID_SIZE);
        else if (getrandom(ret_id, CHAIN_ID_SIZE, 0) != CHAIN_ID_SIZE)
                return -errno;

        return 0;
}

static int print_enrolment(const Ctl *ctl, const DeviceEnrolment *enrolment, const Root *root)
{
        char digest[HEX_SIZE(SHA256_SIZE)];

        hex_format(BYTES_OF(enrolment->root_sha256.bytes), digest);
        if (ctl->json) {
                _cleanup_(json_done) Json json = JSON_NULL;

                json_open_object(&json, NULL);
                json_add_string(&json, "device", enrolment->device);
                json_add_hex(&json, "chain_id", BYTES_OF(enrolment->chain_id));
                json_add_string(&json, "network", root->network);
                json_add_u64(&json, "root_version", (uint64_t) root->version);
                json_add_string(&json, "root_sha256", digest);
                json_close_object(&json);
                return print_json(&json);
        }

        int r = print_line(stdout, "enrolled as %s in network %s: root %" PRIi64 ", sha256 %s",
                           enrolment->device, root->network, root->version, digest);
        return r < 0 ? r : print_line(stdout, "Next: devboxctl device install MANIFEST-FILE");
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        const EnrollOptions *given = options;
        DeviceEnrolment enrolment = { .device = given->name };

        if (!given->root || !given->name)
                return ctl_usage(ctl, "enroll needs --root and --name");
        int r = root_chain_read(given->root, &chain, &ctl->problem);
        if (r != 0)
                return r;

        enrolment.root = chain.text;
        enrolment.root_sha256 = *root_chain_last_digest(&chain);
        r = ctl_open_bus(ctl);
        if (r == 0)
                r = choose_chain_id(ctl->bus, given, enrolment.chain_id, &ctl->problem);
        if (r == 0)
                r = ledger_client_enroll(ctl->bus, &enrolment, &ctl->problem);

        return r == 0 ? print_enrolment(ctl, &enrolment, chain.root) : r;
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
        { "chain", &option_chain, offsetof(EnrollOptions, chain),
          "the id of its audit chain (the present one, or random)" },
        { 0 },
};

const Verb verb_device_enroll = {
        .noun = "device",
        .name = "enroll",
        .help = "make this machine the device of a name, which obeys a root",
        .example = "device enroll --root root.json --name laptop",
        VERB_OPTIONS(EnrollOptions, options),
        .run = run,
};
