/* SPDX-License-Identifier: MIT */
/* Writes and reads the end of a run. */

#include "trust/worker-end.h"

#include "basic/byte-reader.h"
#include "crypto/x25519.h"

#define VERSION       1
#define FLAG_CONTINUE 1

static bool status_is_valid(ResultStatus status)
{
        return status == RESULT_FINISHED || status == RESULT_TIMEOUT || status == RESULT_CANCELLED ||
               status == RESULT_FAILED;
}

/* What the MAC is of. */
typedef struct Message {
        uint8_t bytes[SHA256_SIZE + WORKER_END_SIZE_MAX];
        size_t size;
} Message;

static void message_init(Message *message, const Sha256 *request_sha256, Bytes end)
{
        assert(end.size <= WORKER_END_SIZE_MAX);
        put_bytes(put_bytes(message->bytes, request_sha256, SHA256_SIZE), end.data, end.size);
        message->size = SHA256_SIZE + end.size;
}

size_t worker_end_seal(const WorkerEnd *end, const Secret *key, const Sha256 *request_sha256,
                       uint8_t ret_bytes[static WORKER_END_SIZE_MAX])
{
        const WorkerEndStream *streams[] = { &end->out, &end->err };
        uint8_t *at = ret_bytes;
        Message message;
        Sha256 mac;

        assert(status_is_valid(end->status));
        *at++ = VERSION;
        *at++ = (uint8_t) end->status;
        *at++ = end->process_may_continue ? FLAG_CONTINUE : 0;
        at = put_be32(at, (uint32_t) end->exit_code);
        at = put_be32(at, (uint32_t) end->exit_signal);
        at = put_text(at, end->reason);
        for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
                at = put_bytes(put_be64(at, streams[i]->size), &streams[i]->sha256, SHA256_SIZE);
                at = put_be64(at, streams[i]->beginning_size);
                at = put_bytes(at, &streams[i]->beginning_sha256, SHA256_SIZE);
        }
        at = put_be64(put_be64(at, end->started_at_ms), end->finished_at_ms);

        message_init(&message, request_sha256, BYTES(ret_bytes, (size_t) (at - ret_bytes)));
        hmac_sha256(secret_bytes(key), BYTES(message.bytes, message.size), &mac);
        at = put_bytes(at, &mac, sizeof mac);
        return (size_t) (at - ret_bytes);
}

/* The bytes are authentic, so that only their form is checked: a worker of another version made them. */
static int parse(Bytes bytes, WorkerEnd *ret_end)
{
        ByteReader reader = { .left = bytes };
        WorkerEnd end = { 0 };
        WorkerEndStream *streams[] = { &end.out, &end.err };

        uint8_t version = byte_reader_take_byte(&reader);
        end.status = (ResultStatus) byte_reader_take_byte(&reader);
        uint8_t flags = byte_reader_take_byte(&reader);
        uint64_t exit = byte_reader_take_be64(&reader);
        byte_reader_take_text(&reader, end.reason, sizeof end.reason);
        for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
                streams[i]->size = byte_reader_take_be64(&reader);
                byte_reader_take(&reader, &streams[i]->sha256, SHA256_SIZE);
                streams[i]->beginning_size = byte_reader_take_be64(&reader);
                byte_reader_take(&reader, &streams[i]->beginning_sha256, SHA256_SIZE);
        }
        end.started_at_ms = byte_reader_take_be64(&reader);
        end.finished_at_ms = byte_reader_take_be64(&reader);
        if (!byte_reader_is_done(&reader) || version != VERSION || !status_is_valid(end.status) ||
            (flags & ~FLAG_CONTINUE) != 0)
                return -EBADMSG;

        end.process_may_continue = flags & FLAG_CONTINUE;
        end.exit_code = (int) (exit >> 32);
        end.exit_signal = (int) (exit & UINT32_MAX);
        *ret_end = end;
        return 0;
}

int worker_end_open(Bytes bytes, const Secret *key, const Sha256 *request_sha256, WorkerEnd *ret_end)
{
        Message message;

        if (bytes.size < SHA256_SIZE || bytes.size > WORKER_END_SIZE_MAX)
                return -EBADMSG;

        const Bytes end = BYTES(bytes.data, bytes.size - SHA256_SIZE);
        message_init(&message, request_sha256, end);
        if (!hmac_sha256_verify(secret_bytes(key), BYTES(message.bytes, message.size), end.data + end.size))
                return -EBADMSG;

        return parse(end, ret_end);
}
