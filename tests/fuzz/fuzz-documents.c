/* SPDX-License-Identifier: MIT */
/* The other signed things, what the chain says, and what lies in files: the first byte of the input says
 * which. What is taken is written, and read to the same again. */

#include <string.h>

#include "audit/body.h"
#include "audit/checkpoint.h"
#include "basic/sockaddr.h"
#include "fuzz.h"
#include "trust/approval.h"
#include "trust/ceiling.h"
#include "trust/delivery.h"
#include "trust/key-file.h"
#include "trust/permit.h"
#include "trust/result.h"

static const struct {
        char letter;
        const Schema *schema;
} things[] = {
        { 'a', &approval_schema }, { 'c', &ceiling_schema }, { 'd', &delivery_schema },
        { 'k', &key_file_schema }, { 'r', &root_schema },    { 's', &result_schema },
        { 'p', &permit_schema },
};

static void check_thing(const Schema *schema, Bytes text)
{
        _cleanup_(freep) char *written = NULL, *twice = NULL;
        SchemaFault fault = { 0 };
        void *thing, *again;

        int r = schema_parse(schema, text, &thing, &fault);
        if (r != 0) {
                fuzz_check(r < 0 || fault.why);
                return;
        }

        fuzz_check(schema_format(schema, thing, &written, NULL) == 0);
        fuzz_check(schema_parse(schema, bytes_of_string(written), &again, NULL) == 0);
        fuzz_check(schema_format(schema, again, &twice, NULL) == 0);
        fuzz_check(streq(written, twice));
        schema_free(schema, thing);
        schema_free(schema, again);
}

static void check_body(AuditType type, Bytes text)
{
        _cleanup_(freep) char *written = NULL, *twice = NULL;
        AuditBody *body, *again;

        if (audit_body_parse(type, text, &body, NULL) != 0)
                return;

        fuzz_check(audit_body_format(type, body, &written, NULL) == 0);
        fuzz_check(audit_body_parse(type, bytes_of_string(written), &again, NULL) == 0);
        fuzz_check(audit_body_format(type, again, &twice, NULL) == 0);
        fuzz_check(streq(written, twice));
        if (type == AUDIT_REQUEST_ACCEPTED)
                (void) audit_body_is_redacted(body);
        audit_body_free(type, body);
        audit_body_free(type, again);
}

static void check_checkpoint(Bytes text)
{
        char written[CHECKPOINT_TEXT_MAX];
        Checkpoint checkpoint;

        if (checkpoint_parse(text, &checkpoint) != 0)
                return;

        checkpoint_format(&checkpoint, written);
        fuzz_check(bytes_equal(text, bytes_of_string(written)));
}

static void check_address(Bytes text)
{
        _cleanup_(freep) char *copy = strndup((const char *) text.data, text.size);
        _cleanup_(text_done) Text written = TEXT_NULL;
        SockAddr address, again;
        socklen_t size, size_again;

        if (!copy || sockaddr_parse(copy, &address, &size) != 0)
                return;

        sockaddr_append(&address, &written);
        fuzz_check(sockaddr_parse(written.data, &again, &size_again) == 0);
        fuzz_check(size == size_again && memcmp(&address, &again, size) == 0);
}

static void check_seed(Bytes text)
{
        _cleanup_(key_pair_freep) KeyPair *pair = NULL;
        _cleanup_(secret_freep) Secret *material = NULL;

        if (text.size > 0 && secret_new(text.data, text.size, &material) == 0)
                fuzz_check((key_seed_parse(material, &pair) == 0) == (pair != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 2)
                return 0;

        Bytes text = BYTES(data + 1, size - 1);
        if (data[0] >= 'A' && data[0] < 'A' + _AUDIT_TYPE_MAX)
                check_body((AuditType) (data[0] - 'A'), text);
        for (size_t i = 0; i < ELEMENTSOF(things); i++)
                if (data[0] == things[i].letter)
                        check_thing(things[i].schema, text);
        if (data[0] == 'p')
                check_checkpoint(text);
        if (data[0] == 'n')
                check_address(text);
        if (data[0] == 'w')
                check_seed(text);

        return 0;
}
