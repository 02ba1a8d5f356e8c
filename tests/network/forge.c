/* SPDX-License-Identifier: MIT */
/* The keys and documents at hand, and what is signed with them. */

#include "forge.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "basic/time.h"
#include "codec/binary-text.h"
#include "dispatch/keys.h"
#include "trust/key-file.h"

#define DISPATCH_STATE  "/var/lib/devbox/dispatch"
#define DISPATCH_SEAL   "/run/credentials/devbox-dispatch.service"
#define OPERATOR_FOLDER "/root/.config/devbox/operator/"
#define SEED_PATH       "/run/attacker.seed"
#define FILE_MAX        (256 * 1024)

const char forge_request[] =
        "{\"v\":1,\"request_id\":\"%id%\",\"device\":\"%device%\",\"manifest\":{\"epoch\":%epoch%,"
        "\"version\":%version%,\"sha256\":\"%manifest%\"},\"capability\":\"fs.write\","
        "\"args\":" FORGE_ARGUMENTS ",\"nonce\":\"%nonce%\",\"issued_at\":%t+0%,\"expires_at\":%t+60%,"
        "\"origin\":{\"mxid\":\"local:root\"}}";

const char forge_delivery[] = "{\"v\":1,\"device\":\"%device%\",\"session\":\"%session%\",\"ctr\":%counter%,"
                              "\"request_sha256\":\"%request%\"}";

const char forge_approval[] =
        "{\"v\":1,\"request_id\":\"%id%\",\"request_sha256\":\"%request%\",\"device\":\"%device%\","
        "\"tier\":\"message\",\"approver\":\"@ben:example.org\",\"approval_msg_id\":\"$m:example.org\","
        "\"room\":\"!r:example.org\",\"decision\":\"approve\",\"decided_at\":%t+0%,\"expires_at\":%t+60%}";

static const char *const key_names[_SIGNER_MAX] = {
        [DISPATCHER] = "dispatcher", [ATTESTER] = "attester", [OPERATOR] = "operator", [BEN] = "ben",
        [STRANGER] = "stranger",
};

/* The roles in their key ids. */
static const char *const key_roles[_SIGNER_MAX] = {
        [DISPATCHER] = DISPATCHER_ROLE, [ATTESTER] = APPROVAL_ROLE,   [OPERATOR] = "manifest",
        [BEN] = APPROVAL_ROLE,          [STRANGER] = DISPATCHER_ROLE,
};

void must(int r, const char *what)
{
        if (r < 0)
                errx(2, "%s: %s", what, strerror(-r));
        if (r > 0)
                errx(2, "%s: %s", what, devbox_error_code((DevboxError) r));
}

/* ---- keys and documents */

/* A key of which the test knows the seed: bytes of one value. */
static KeyPair *known_key(uint8_t byte)
{
        _cleanup_(secret_freep) Secret *seed = NULL;
        uint8_t bytes[KEY_SEED_SIZE];
        KeyPair *pair = NULL;

        memset(bytes, byte, sizeof bytes);
        must(secret_new(bytes, sizeof bytes, &seed), "seed");
        must(key_pair_from_seed(seed, &pair), "key");
        return pair;
}

/* The bare seed, which the one before has left here: opening takes seconds. */
static KeyPair *read_seed(const char *path)
{
        _cleanup_(secret_freep) Secret *text = NULL;
        _cleanup_(freep) char *seed = NULL;
        KeyPair *pair = NULL;
        size_t size;

        if (fd_read_file_at(AT_FDCWD, path, KEY_SEED_SIZE, &seed, &size) < 0)
                return NULL;

        must(secret_new(seed, size, &text), path);
        must(key_pair_from_seed(text, &pair), path);
        return pair;
}

static KeyPair *open_operator_key(const char *path, const char *passphrase)
{
        _cleanup_(secret_freep) Secret *secret = NULL;
        _cleanup_(key_file_freep) KeyFile *file = NULL;
        _cleanup_(freep) char *text = NULL;
        KeyPair *pair = NULL;

        must(fd_read_file_at(AT_FDCWD, path, KEY_FILE_MAX, &text, NULL), path);
        must(key_file_parse(bytes_of_string(text), &file, NULL), "key");
        must(secret_new(passphrase, strlen(passphrase), &secret), "passphrase");
        must(key_file_unseal(file, secret, &pair), "key");
        return pair;
}

static void take_manifest(Forge *forge, char *take_text)
{
        free(forge->manifest_text);
        forge->manifest_text = take_text;
        forge->manifest_envelope = envelope_free(forge->manifest_envelope);
        forge->manifest = manifest_free(forge->manifest);
        must(envelope_parse(bytes_of_string(take_text), FILE_MAX, &forge->manifest_envelope), "manifest");
        must(manifest_parse(envelope_payload(forge->manifest_envelope), &forge->manifest, NULL), "manifest");
}

static void call_mesh(Forge *forge, const char *method, const char *argument, sd_bus_message **ret_reply)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (sd_bus_call_method(forge->bus, "org.devbox.Mesh1", "/org/devbox/Mesh1", "org.devbox.Mesh1",
                               method, &error, ret_reply, "s", argument) < 0)
                errx(2, "%s: %s", method, strempty(error.message));
}

static void read_manifest(Forge *forge)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *text = NULL;

        call_mesh(forge, "GetManifest", forge->device, &reply);
        must(MIN(sd_bus_message_read(reply, "s", &text), 0), "GetManifest");
        take_manifest(forge, strdup(text));
}

static void read_root(Forge *forge)
{
        _cleanup_(freep) char *text = NULL;

        must(fd_read_file_at(AT_FDCWD, OPERATOR_FOLDER "root.json", FILE_MAX, &text, NULL), "root.json");
        must(envelope_parse(bytes_of_string(text), FILE_MAX, &forge->root_envelope), "root.json");
        must(root_parse(envelope_payload(forge->root_envelope), &forge->root, NULL), "root.json");
}

void forge_init(Forge *forge, const char *device, const char *agent)
{
        DispatchKeys keys;

        *forge = (Forge){ .device = device, .agent = agent, .curl = curl_easy_init() };
        must(sd_bus_open_system(&forge->bus), "system bus");
        must(dispatch_keys_load(DISPATCH_STATE, DISPATCH_SEAL, &keys), "the dispatcher's keys");
        forge->keys[DISPATCHER] = keys.dispatcher;
        forge->keys[ATTESTER] = keys.attester;
        forge->keys[BEN] = known_key('b');
        forge->keys[STRANGER] = known_key('s');
        read_manifest(forge);
        read_root(forge);
}

void forge_take_operator(Forge *forge, const char *passphrase)
{
        KeyPair **key = &forge->keys[OPERATOR];
        const char *other = getenv("OPERATOR_KEY");

        *key = other ? open_operator_key(other, passphrase) : read_seed(SEED_PATH);
        if (*key)
                return;

        *key = open_operator_key(OPERATOR_FOLDER "operator.key", passphrase);
        must(file_write(SEED_PATH, FILE_REPLACE, 0600, secret_bytes(key_pair_seed(*key))), SEED_PATH);
}

void forge_done(Forge *forge)
{
        for (size_t i = 0; i < _SIGNER_MAX; i++)
                key_pair_free(forge->keys[i]);
        sd_bus_flush_close_unref(forge->bus);
        curl_easy_cleanup(forge->curl);
        free(forge->manifest_text);
        envelope_free(forge->manifest_envelope);
        envelope_free(forge->root_envelope);
        manifest_free(forge->manifest);
        root_free(forge->root);
}

/* ---- texts */

static void append_hex(Text *text, Bytes bytes)
{
        char hex[HEX_SIZE(SHA256_SIZE)];

        hex_format(bytes, hex);
        text_append(text, hex);
}

static void append_value(const Forge *forge, const Bundle *bundle, const char *name, Text *text)
{
        const Manifest *manifest = forge->manifest;
        const struct {
                const char *name, *value;
        } texts[] = { { "device", forge->device },
                      { "session", forge->session },
                      { "id", bundle ? bundle->id : "" },
                      { "nonce", bundle ? bundle->nonce : "" } };
        const struct {
                const char *name;
                int64_t value;
        } numbers[] = { { "counter", forge->counter },         { "epoch", manifest->epoch },
                        { "version", manifest->version },      { "next", manifest->version + 1 },
                        { "previous", manifest->version - 1 }, { "root+1", forge->root->version + 1 },
                        { "root+2", forge->root->version + 2 } };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (streq(name, texts[i].name))
                        return text_append(text, texts[i].value);
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (streq(name, numbers[i].name))
                        return text_appendf(text, "%" PRIi64, numbers[i].value);
        for (size_t i = 0; i < _SIGNER_MAX; i++)
                if (streq(name, key_names[i]))
                        return append_hex(text, BYTES_OF(key_pair_public(forge->keys[i])->bytes));
        if (streq(name, "manifest"))
                return append_hex(text, BYTES_OF(forge->manifest_envelope->digest.bytes));
        if (streq(name, "request") && bundle)
                return append_hex(text, BYTES_OF(bundle->digest.bytes));
        if (name[0] == 't')
                return text_appendf(text, "%" PRIu64,
                                    time_now(CLOCK_REALTIME) / USEC_PER_MSEC + forge->ahead_ms +
                                            (uint64_t) strtoll(name + 1, NULL, 10) * 1000);
        errx(2, "%%%s%% has no value", name);
}

static char *expand(const Forge *forge, const Bundle *bundle, const char *text)
{
        _cleanup_(text_done) Text out = TEXT_NULL;
        const char *at, *end;
        char name[32], *result = NULL;

        for (; (at = strchr(text, '%')); text = end + 1) {
                end = strchr(at + 1, '%');
                (void) snprintf(name, sizeof name, "%.*s", (int) (end - at - 1), at + 1);
                text_append_bytes(&out, text, (size_t) (at - text));
                append_value(forge, bundle, name, &out);
        }
        text_append(&out, text);
        must(text_take(&out, &result, NULL), "text");
        return result;
}

static char *replace(const char *text, const Edit *edit)
{
        _cleanup_(text_done) Text out = TEXT_NULL;
        const char *at = strstr(text, edit->from);
        char *result = NULL;

        if (!at)
                errx(2, "nothing to edit: %s", edit->from);

        text_append_bytes(&out, text, (size_t) (at - text));
        text_append(&out, edit->to);
        text_append(&out, at + strlen(edit->from));
        must(text_take(&out, &result, NULL), "text");
        return result;
}

char *forge_edit(const char *text, const Edits *edits)
{
        char *edited = strdup(text);

        for (size_t i = 0; i < EDITS_MAX && edits->items[i].from; i++) {
                char *next = replace(edited, &edits->items[i]);

                free(edited);
                edited = next;
        }
        return edited;
}

char *forge_text(const Forge *forge, const Bundle *bundle, const char *text, const Edits *edits)
{
        _cleanup_(freep) char *edited = forge_edit(text, edits);

        return expand(forge, bundle, edited);
}

char *forge_sign(const Forge *forge, const char *type, const char *payload, Signer signer)
{
        char *envelope = NULL;

        must(envelope_make(type, payload, key_roles[signer], forge->keys[signer], &envelope), type);
        return envelope;
}

void forge_publish(Forge *forge, const char *manifest)
{
        call_mesh(forge, "PublishManifest", manifest, NULL);
        take_manifest(forge, strdup(manifest));
}
