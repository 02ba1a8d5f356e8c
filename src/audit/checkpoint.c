/* SPDX-License-Identifier: MIT */
/* A checkpoint: three lines of text. */

#include "audit/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>

#include "basic/parse.h"
#include "codec/binary-text.h"
#include "proto/error.h"

#define PREFIX "devbox/"

void checkpoint_format(const Checkpoint *checkpoint, char ret_text[CHECKPOINT_TEXT_MAX])
{
        char chain[HEX_SIZE(CHAIN_ID_SIZE)], head[BASE64_SIZE(SHA256_SIZE)];

        hex_format(BYTES_OF(checkpoint->chain.bytes), chain);
        base64_format(BYTES_OF(checkpoint->head.bytes), head);
        (void) snprintf(ret_text, CHECKPOINT_TEXT_MAX, PREFIX "%s/%s\n%" PRIu64 "\n%s\n", checkpoint->device,
                        chain, checkpoint->size, head);
}

/* Ends the text at the next `end` and moves the cursor behind it. NULL: not found. */
static char *cut(char **cursor, char end)
{
        char *start = *cursor, *at = strchr(start, end);

        if (!at)
                return NULL;

        *at = '\0';
        *cursor = at + 1;
        return start;
}

static int split(char *text, Checkpoint *ret_checkpoint)
{
        _cleanup_(freep) uint8_t *head_bytes = NULL;
        size_t head_size;
        char *device = text + strlen(PREFIX);

        if (!startswith(text, PREFIX))
                return -EINVAL;

        char *cursor = device;
        char *chain = cut(&cursor, '/') ? cursor : NULL;
        char *size = chain && cut(&cursor, '\n') ? cursor : NULL;
        char *head = size && cut(&cursor, '\n') ? cursor : NULL;
        if (!head || !cut(&cursor, '\n') || *cursor != '\0' || !device_name_valid(device))
                return -EINVAL;

        if (hex_parse(chain, ret_checkpoint->chain.bytes, CHAIN_ID_SIZE) < 0 ||
            parse_u64(size, 1, INT64_MAX, &ret_checkpoint->size) < 0 ||
            base64_parse(head, SHA256_SIZE, &head_bytes, &head_size) < 0 || head_size != SHA256_SIZE)
                return -EINVAL;

        memcpy(ret_checkpoint->head.bytes, head_bytes, SHA256_SIZE);
        memcpy(ret_checkpoint->device, device, strlen(device) + 1);
        return 0;
}

int checkpoint_parse(Bytes text, Checkpoint *ret_checkpoint)
{
        char copy[CHECKPOINT_TEXT_MAX] = "", again[CHECKPOINT_TEXT_MAX];
        Checkpoint checkpoint = { 0 };

        if (text.size >= sizeof copy)
                return DEVBOX_ERROR_BAD_SCHEMA;

        memcpy(copy, text.data, text.size);
        if (split(copy, &checkpoint) < 0)
                return DEVBOX_ERROR_BAD_SCHEMA;

        checkpoint_format(&checkpoint, again); /* numbers have many spellings; one of them counts */
        if (!bytes_equal(text, bytes_of_string(again)))
                return DEVBOX_ERROR_BAD_SCHEMA;

        *ret_checkpoint = checkpoint;
        return 0;
}

int checkpoint_open(const Envelope *envelope, const KeySet *device_keys, Checkpoint *ret_checkpoint)
{
        int r = envelope_verify(envelope, ENVELOPE_CHECKPOINT, device_keys, NULL);
        if (r != 0)
                return r;

        return checkpoint_parse(envelope_payload(envelope), ret_checkpoint);
}

int checkpoint_sign(const Checkpoint *checkpoint, const KeyPair *device, Envelope **ret_envelope)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        char text[CHECKPOINT_TEXT_MAX];

        checkpoint_format(checkpoint, text);
        int r = envelope_new(ENVELOPE_CHECKPOINT, bytes_of_string(text), &envelope);
        if (r < 0)
                return r;

        r = envelope_sign(envelope, CHECKPOINT_DEVICE_ROLE, device);
        if (r < 0)
                return r;

        *ret_envelope = TAKE_PTR(envelope);
        return 0;
}
