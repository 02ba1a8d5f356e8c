/* SPDX-License-Identifier: MIT */
/* Attacks by documents on the device of an installed network, each with the exact code of its rejection, its
 * trace in the device's chain, and a file that would be there if it had been carried out.
 *
 *     attacker DEVICE AGENT NUMBER [FILE] <PASSPHRASE
 *     attacker DEVICE AGENT replay|again FILE CODE
 *
 * makes those with this number (those of tests/ledger/test-attacks.c) against the agent at that address and
 * port, as root of the hub; the passphrase opens the operator's key, or the one in the file $OPERATOR_KEY.
 * What was sent last is kept in FILE, and sent once more by `replay`, byte for byte, or by `again`, with a
 * delivery in a new session, for which the device must answer CODE. Prints what went otherwise than it must,
 * and, for each rejection that is only counted, "counted CODE". */

#include "attacks.h"

#include <cjson/cJSON.h>
#include <err.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>

#include "basic/time.h"
#include "codec/binary-text.h"
#include "malleate.h"

static bool is_numbered(const char *name, const char *number)
{
        return startswith(name, number) && name[strlen(number)] == ':';
}

/* ---- what is done to a signed document */

/* The envelope with so many copies of its signature. */
static char *with_signatures(const char *envelope, unsigned n)
{
        const char *list = strstr(envelope, "\"signatures\":[") + strlen("\"signatures\":[");
        int length = (int) (strchr(list, ']') - list);
        _cleanup_(text_done) Text out = TEXT_NULL;
        char *text = NULL;

        text_append_bytes(&out, envelope, (size_t) (list - envelope));
        for (unsigned i = 0; i < n; i++)
                text_appendf(&out, "%s%.*s", i > 0 ? "," : "", length, list);
        text_append(&out, "]}");
        if (text_take(&out, &text, NULL) < 0)
                errx(2, "memory");
        return text;
}

static char *with_damage(const char *text, Damage damage)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        char *damaged = NULL;

        if (damage == UNSIGNED || damage == SIGNED_OFTEN)
                return with_signatures(text, damage == UNSIGNED ? 0 : 9);
        if (envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope) != 0)
                errx(2, "no envelope: %s", text);

        if (damage == TYPE)
                envelope->type[strlen("application/vnd.devbox.")] ^= 1;
        else if (damage == CONTENT)
                envelope->payload[envelope->payload_size / 2] ^= 1;
        else if (damage == SIGNATURE)
                envelope->signatures[0].signature.bytes[7] ^= 1;
        else
                signature_malleate(&envelope->signatures[0].signature);
        if (envelope_format(envelope, &damaged) != 0)
                errx(2, "envelope");
        return damaged;
}

static void damage(char **text, Damage kind)
{
        char *damaged = kind == NO_DAMAGE ? strdup(*text) : with_damage(*text, kind);

        free(*text);
        *text = damaged;
}

static void set_request(Bundle *bundle, char *take_request)
{
        free(bundle->request);
        bundle->request = take_request;
}

void replace_by_manifest(const Forge *forge, Bundle *bundle)
{
        set_request(bundle, strdup(forge->manifest_text));
}

void replace_by_manifest_content(const Forge *forge, Bundle *bundle)
{
        _cleanup_(envelope_freep) Envelope *request = NULL;
        char *text = NULL;

        if (envelope_new(ENVELOPE_REQUEST, envelope_payload(forge->manifest_envelope), &request) < 0)
                errx(2, "envelope");
        request->signatures[0] = forge->manifest_envelope->signatures[0];
        request->n_signatures = 1;
        if (envelope_format(request, &text) != 0)
                errx(2, "envelope");
        set_request(bundle, text);
}

void replace_by_delivery(const Forge *forge, Bundle *bundle)
{
        set_request(bundle, strdup(bundle->delivery));
}

/* ---- making a bundle */

static void sign_request(const Forge *forge, const Attack *attack, const char *text, Bundle *bundle)
{
        _cleanup_(freep) char *payload = forge_text(forge, bundle, text, &attack->request);

        set_request(bundle, forge_sign(forge, ENVELOPE_REQUEST, payload, attack->request_signer));
        dsse_digest(ENVELOPE_REQUEST, bytes_of_string(payload), &bundle->digest);
}

static void sign_approvals(const Forge *forge, const Attack *attack, Bundle *bundle)
{
        for (size_t i = 0; i < attack->n_approvals; i++) {
                Signer signer = attack->approval_signers[i] ? attack->approval_signers[i] : ATTESTER;
                _cleanup_(freep) char *payload =
                        forge_text(forge, bundle, forge_approval, &attack->approvals[i]);

                bundle->approvals[bundle->n_approvals++] =
                        forge_sign(forge, ENVELOPE_APPROVAL, payload, signer);
        }
}

static void sign_delivery(Forge *forge, const Attack *attack, Bundle *bundle)
{
        forge->counter++;
        _cleanup_(freep) char *payload = forge_text(forge, bundle, forge_delivery, &attack->delivery);

        bundle->delivery = forge_sign(forge, ENVELOPE_DELIVERY, payload, attack->delivery_signer);
}

static void set_names(const Attack *attack, const Bundle *before, Bundle *bundle)
{
        uint8_t random[16];

        randombytes_buf(random, sizeof random);
        ulid_format(time_now(CLOCK_REALTIME) / USEC_PER_MSEC, random, bundle->id);
        hex_format(BYTES_OF(random), bundle->nonce);
        if (attack->same_id)
                memcpy(bundle->id, before->id, sizeof bundle->id);
        if (attack->same_nonce)
                memcpy(bundle->nonce, before->nonce, sizeof bundle->nonce);
}

static void make_bundle(Forge *forge, const Attack *attack, const Bundle *before, Bundle *bundle)
{
        set_names(attack, before, bundle);
        if (attack->same_request) {
                set_request(bundle, strdup(before->request));
                bundle->digest = before->digest;
        } else
                sign_request(forge, attack, forge_request, bundle);

        sign_approvals(forge, attack, bundle);
        if (attack->altered.items[0].from) {
                _cleanup_(freep) char *text = forge_edit(forge_request, &attack->altered);
                sign_request(forge, attack, text, bundle);
        }
        if (attack->same_delivery)
                bundle->delivery = strdup(before->delivery);
        else
                sign_delivery(forge, attack, bundle);
        if (attack->replace)
                attack->replace(forge, bundle);
        damage(&bundle->request, attack->request_damage);
        damage(&bundle->delivery, attack->delivery_damage);
}

/* ---- documents */

/* The content of the one in force, as the next version, with these members. */
static char *next_payload(const Forge *forge, const Envelope *envelope, const char *version,
                          const Members *members)
{
        cJSON *tree = cJSON_ParseWithLength((const char *) envelope->payload, envelope->payload_size);
        const Members next = { { { "version", version } } };
        const Members *const changes[] = { &next, members };

        for (size_t i = 0; i < ELEMENTSOF(changes); i++)
                for (size_t j = 0; j < EDITS_MAX && changes[i]->items[j].name; j++) {
                        _cleanup_(freep) char *value =
                                forge_text(forge, NULL, changes[i]->items[j].value, &(Edits){ 0 });
                        cJSON_ReplaceItemInObjectCaseSensitive(tree, changes[i]->items[j].name,
                                                               cJSON_Parse(value));
                }

        char *payload = cJSON_PrintUnformatted(tree);
        cJSON_Delete(tree);
        return payload;
}

/* Again, if the time that it is in force for was over before the device had it. */
static void publish(Forge *forge, const Members *members)
{
        char reason[64] = "";

        for (unsigned attempts = 0; attempts < 5; attempts++) {
                _cleanup_(freep) char *payload =
                        next_payload(forge, forge->manifest_envelope, "%next%", members);
                _cleanup_(freep) char *envelope = forge_sign(forge, ENVELOPE_MANIFEST, payload, OPERATOR);

                forge_install(forge, NULL, envelope, reason);
                if (reason[0] == '\0') {
                        forge_publish(forge, envelope);
                        return;
                }
        }

        errx(2, "the device rejects the manifest: %s", reason);
}

/* ---- what became of it */

static bool report(Forge *forge, const char *name, const char *expected, const char *got,
                   const char *entries)
{
        _cleanup_(text_done) Text seen = TEXT_NULL;
        char recorded[64];

        forge_read_entries(forge, &seen, recorded);
        if (*entries == '\0' && *expected != '\0' && !streq(expected, "known"))
                (void) printf("counted %s\n", expected);
        if (streq(got, expected) && streq(seen.data, entries) &&
            (*entries == '\0' || streq(recorded, expected)))
                return true;

        (void) printf("%s: '%s' instead of '%s'; entries '%s' (%s) instead of '%s'\n", name, got, expected,
                      seen.data, recorded, entries);
        return false;
}

static bool try_attack(Forge *forge, const Attack *attack, Bundle *before)
{
        const char *entries = attack->entries ? attack->entries : "denied";
        _cleanup_(bundle_done) Bundle bundle = { 0 };
        _cleanup_(answer_done) Answer answer = { 0 };

        if (attack->manifest.items[0].name)
                publish(forge, &attack->manifest);
        (void) poll(NULL, 0, (int) attack->wait_sec * 1000);
        if (attack->new_session)
                forge_begin_session(forge);
        make_bundle(forge, attack, before, &bundle);
        forge_deliver(forge, &bundle, &answer);
        bool good = report(forge, attack->name, attack->expected, answer.reason, entries);

        /* Whatever is in the chain, the device has signed. A request that cannot be read has no result. */
        if (*entries != '\0' && !answer.result && !streq(attack->expected, "bad_schema")) {
                (void) printf("%s: no signed result\n", attack->name);
                good = false;
        }
        bundle_done(before);
        *before = TAKE(bundle, (Bundle){ 0 });
        return good;
}

static bool try_document(Forge *forge, const Document *document)
{
        _cleanup_(freep) char *payload =
                document->root ? next_payload(forge, forge->root_envelope, "%root+1%", &document->members)
                               : next_payload(forge, forge->manifest_envelope, "%next%", &document->members);
        _cleanup_(freep) char *envelope = forge_sign(
                forge, document->root ? ENVELOPE_ROOT : ENVELOPE_MANIFEST, payload, document->signer);
        char reason[64];

        if (document->signed_twice) {
                char *twice = with_signatures(envelope, 2);
                free(TAKE(envelope, twice));
        }
        forge_install(forge, document->root ? envelope : NULL, document->root ? NULL : envelope, reason);
        return report(forge, document->name, document->expected, reason,
                      document->entries ? document->entries : "denied");
}

static bool needs_operator(const char *number)
{
        for (size_t i = 0; attacks[i].name; i++)
                if (is_numbered(attacks[i].name, number) && attacks[i].manifest.items[0].name)
                        return true;
        for (size_t i = 0; documents[i].name; i++)
                if (is_numbered(documents[i].name, number))
                        return true;

        return false;
}

static void read_passphrase(Forge *forge)
{
        char line[128] = "";

        if (!fgets(line, sizeof line, stdin))
                errx(2, "no passphrase");
        line[strcspn(line, "\n")] = '\0';
        forge_take_operator(forge, line);
}

/* ---- a bundle in a file: an envelope in each line */

static void keep_bundle(const Bundle *bundle, const char *path)
{
        FILE *file = fopen(path, "we");

        if (!file)
                err(2, "%s", path);
        (void) fprintf(file, "%s\n%s\n", bundle->request, bundle->delivery);
        for (size_t i = 0; i < bundle->n_approvals; i++)
                (void) fprintf(file, "%s\n", bundle->approvals[i]);
        if (fclose(file) != 0)
                err(2, "%s", path);
}

static char *read_line(FILE *file)
{
        char *line = NULL;
        size_t room = 0;

        if (getline(&line, &room, file) < 0)
                return NULL;
        line[strcspn(line, "\n")] = '\0';
        return line;
}

static void read_bundle(const char *path, Bundle *bundle)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        FILE *file = fopen(path, "re");

        if (!file)
                err(2, "%s", path);
        bundle->request = read_line(file);
        bundle->delivery = read_line(file);
        while (bundle->n_approvals < ELEMENTSOF(bundle->approvals) &&
               (bundle->approvals[bundle->n_approvals] = read_line(file)))
                bundle->n_approvals++;
        (void) fclose(file);
        must(envelope_parse(bytes_of_string(bundle->request), ENVELOPE_PAYLOAD_MAX, &envelope), path);
        bundle->digest = envelope->digest;
}

static bool send_again(Forge *forge, bool anew, const char *path, const char *expected)
{
        _cleanup_(bundle_done) Bundle bundle = { 0 };
        _cleanup_(answer_done) Answer answer = { 0 };

        read_bundle(path, &bundle);
        if (anew) {
                free(bundle.delivery);
                sign_delivery(forge, &(Attack){ 0 }, &bundle);
        }
        forge_deliver(forge, &bundle, &answer);
        return report(forge, "sent once more", expected, answer.reason, "denied");
}

static unsigned try_all(Forge *forge, const char *number, Bundle *last)
{
        unsigned n = 0, failed = 0;

        for (size_t i = 0; documents[i].name; i++)
                if (is_numbered(documents[i].name, number) && ++n)
                        failed += !try_document(forge, &documents[i]);
        for (size_t i = 0; attacks[i].name; i++)
                if (is_numbered(attacks[i].name, number) && ++n)
                        failed += !try_attack(forge, &attacks[i], last);
        if (n == 0)
                errx(2, "no attack has the number %s", number);

        return failed;
}

int main(int argc, char **argv)
{
        _cleanup_(bundle_done) Bundle last = { 0 };
        bool anew = argc == 6 && streq(argv[3], "again");
        unsigned failed;
        Forge forge;

        if (argc < 4 || argc > 6)
                errx(2, "usage: attacker DEVICE AGENT NUMBER [FILE] | replay|again FILE CODE");

        forge_init(&forge, argv[1], argv[2]);
        if (streq(argv[3], "13"))
                forge.ahead_ms = 3600 * 1000; /* as the clock of its device */
        if (needs_operator(argv[3]))
                read_passphrase(&forge);
        forge_begin_session(&forge);
        if (argc == 6)
                failed = !send_again(&forge, anew, argv[4], argv[5]);
        else
                failed = try_all(&forge, argv[3], &last);
        if (argc == 5)
                keep_bundle(&last, argv[4]);
        forge_done(&forge);
        return failed > 0;
}
