/* SPDX-License-Identifier: MIT */
/* devboxctl: what devbox knows, on a terminal or as JSON. The verbs are one table. */

#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/word.h"
#include "ctl/ctl.h"

typedef struct Option {
        const char *name, *value, *help; /* no value: a switch */
        char letter;
} Option;

static const Option options[_OPTION_MAX] = {
        [OPTION_ALL] = { "all", NULL, "every chain that the database holds" },
        [OPTION_CEILING] = { "ceiling", "FILE",
                             "what no manifest may go beyond (/etc/devbox/ceiling.yaml)" },
        [OPTION_CHECKPOINTS] = { "checkpoints", "FILE",
                                 "statements about the chain, one envelope per line" },
        [OPTION_DB] = { "db", "FILE", "an exported chain, or a copy of ledger.db" },
        [OPTION_DEVICE] = { "device", "NAME", "the device whose chain it is" },
        [OPTION_DIR] = { "dir", "DIR", "where the operator's files are (~/.config/devbox/operator)" },
        [OPTION_EVIDENCE] = { "evidence", "FILE", "the signed things behind the entries" },
        [OPTION_EXPIRES] = { "expires", "SPAN", "how long it is valid: 30d, 12h" },
        [OPTION_FOLLOW] = { "follow", NULL, "go on with what is added", 'f' },
        [OPTION_FORMAT] = { "format", "FORMAT", "jsonl or binary" },
        [OPTION_FROM] = { "from", "N", "begin with this entry" },
        [OPTION_HASH_ONLY] = { "hash-only", NULL, "leave out what entries say and mean" },
        [OPTION_KEEP_KEY] = { "keep-key", NULL, "only renew the root, with the key it has" },
        [OPTION_KEY] = { "key", "FILE", "the operator's key; - reads a seed from standard input" },
        [OPTION_KEY_FD] = { "key-fd", "N", "read the operator's key or seed from this descriptor" },
        [OPTION_LABEL] = { "label", "NAME", "what the key is called" },
        [OPTION_LINES] = { "lines", "N", "so many entries at most", 'n' },
        [OPTION_MANIFEST_KEY] = { "manifest-key", NULL, "a key of its own for manifests and invitations" },
        [OPTION_NETWORK] = { "network", "NAME", "what the network is called (home)" },
        [OPTION_NEW_KEY] = { "new-key", "FILE",
                             "the next key, or the manifest key, if a password manager made it" },
        [OPTION_NEW_KEY_FD] = { "new-key-fd", "N", "likewise, from this descriptor" },
        [OPTION_OUTPUT] = { "output", "FILE", "write there instead of standard output", 'o' },
        [OPTION_PASSPHRASE_FD] = { "passphrase-fd", "N", "read the passphrase there instead of asking" },
        [OPTION_PREVIOUS] = { "previous", "FILE", "the signed manifest that this one follows" },
        [OPTION_PRINT] = { "print", NULL, "write a ceiling that just holds the manifest" },
        [OPTION_ROOT] = { "root", "FILE", "the root to check against, or several, one per line" },
        [OPTION_ROOT_KEYS] = { "root-keys", "KEYS",
                               "public keys of the others who sign roots, with commas" },
        [OPTION_THRESHOLD] = { "threshold", "N", "how many of all those keys must sign a root" },
        [OPTION_WITNESS] = { "witness", "KEY", "the public key of a witness, for the root" },
};

static_assert(_OPTION_MAX <= 32, "a verb has 32 bits for its options");

typedef struct Verb {
        const char *name, *second; /* of two words, or one */
        const char *arguments, *help;
        int (*run)(const Ctl *ctl, char **args);
        int min_arguments, max_arguments;
        uint32_t options;
} Verb;

#define O(option) (UINT32_C(1) << OPTION_##option)
#define OWN_KEY   (O(DIR) | O(KEY) | O(KEY_FD) | O(PASSPHRASE_FD))
#define NEXT_KEY  (O(NEW_KEY) | O(NEW_KEY_FD) | O(MANIFEST_KEY))
#define NEW_ROOT  (O(EXPIRES) | O(WITNESS) | O(ROOT_KEYS) | O(THRESHOLD))
#define CHAIN     (O(DB) | O(DEVICE))

/* clang-format off */
static const Verb verbs[] = {
        { "status", NULL, "", "devbox, the machine and its services on one screen", ctl_status, 0, 0, 0 },
        { "system", NULL, "", "CPU, memory, disks, load, networks", ctl_system, 0, 0, 0 },
        { "services", NULL, "", "the configured services", ctl_services, 0, 0, 0 },
        { "health", NULL, "", "whether devbox itself is well", ctl_health, 0, 0, 0 },
        { "config", "check", "[FILE]", "whether a configuration is right", ctl_config_check, 0, 1, 0 },
        { "selftest", NULL, "", "ask devbox everything once and compare", ctl_selftest, 0, 0, 0 },
        { "operator", "init", "", "make the operator's key and the first root", ctl_operator_init, 0, 0,
          OWN_KEY | NEXT_KEY | O(LABEL) | O(NETWORK) | NEW_ROOT },
        { "operator", "keygen", "", "make a key only, for another's root", ctl_operator_keygen, 0, 0,
          O(DIR) | O(LABEL) | O(PASSPHRASE_FD) },
        { "operator", "sign", "FILE", "add a signature to an unfinished root", ctl_operator_sign, 1, 1,
          OWN_KEY | O(ROOT) },
        { "operator", "show", "[ROOT]", "the keys, what they may sign, who signed", ctl_operator_show, 0, 1,
          O(DIR) },
        { "operator", "export-pub", "", "the operator's public key", ctl_operator_export_pub, 0, 0,
          OWN_KEY },
        { "operator", "rotate", "", "the next root, with a new key", ctl_operator_rotate, 0, 0,
          OWN_KEY | NEXT_KEY | O(LABEL) | O(KEEP_KEY) | NEW_ROOT },
        { "manifest", "sign", "FILE", "make a signed manifest of a YAML file", ctl_manifest_sign, 1, 1,
          OWN_KEY | O(ROOT) | O(PREVIOUS) | O(CEILING) | O(EXPIRES) | O(OUTPUT) },
        { "manifest", "verify", "FILE", "who signed it, and whether it holds", ctl_manifest_verify, 1, 1,
          O(DIR) | O(ROOT) | O(CEILING) },
        { "manifest", "show", "FILE", "what a manifest allows", ctl_manifest_show, 1, 1, O(DIR) | O(ROOT) },
        { "manifest", "diff", "OLD NEW", "what changes between two manifests", ctl_manifest_diff, 2, 2, 0 },
        { "manifest", "lint", "FILE", "what in a manifest is dangerous", ctl_manifest_lint, 1, 1,
          O(CEILING) },
        { "manifest", "ceiling", "FILE", "whether this machine's ceiling holds it", ctl_manifest_ceiling,
          1, 1, O(CEILING) | O(PRINT) },
        { "audit", "verify", "", "whether the history is whole", ctl_audit_verify, 0, 0,
          CHAIN | O(ALL) | O(ROOT) | O(CHECKPOINTS) | O(EVIDENCE) | O(HASH_ONLY) },
        { "audit", "show", "", "the history, one line per entry", ctl_audit_show, 0, 0,
          CHAIN | O(FROM) | O(LINES) },
        { "audit", "tail", "", "the end of the history", ctl_audit_tail, 0, 0,
          CHAIN | O(FOLLOW) | O(LINES) },
        { "audit", "export", "", "the history as a file for an auditor", ctl_audit_export, 0, 0,
          CHAIN | O(FORMAT) | O(OUTPUT) | O(CHECKPOINTS) | O(EVIDENCE) },
};
/* clang-format on */

/* "operator init"; "manifest sign FILE" with its arguments. */
static int print_verb(const Verb *verb)
{
        int n = printf("  %s%s%s%s%s", verb->name, verb->second ? " " : "", strempty(verb->second),
                       *verb->arguments ? " " : "", verb->arguments);

        return n < 0 ? -errno : printf("%*s%s\n", MAX(24 - n, 1), "", verb->help);
}

static void print_option(const Option *option)
{
        int n = printf("  %c%c%s--%s%s%s", option->letter ? '-' : ' ', option->letter ? option->letter : ' ',
                       option->letter ? ", " : "  ", option->name, option->value ? " " : "",
                       strempty(option->value));

        (void) printf("%*s%s\n", MAX(29 - n, 1), "", option->help);
}

/* Whether the verb begins with these words; no words: every verb does. */
static bool begins_with(const Verb *verb, char **words, size_t n_words)
{
        return (n_words < 1 || streq(words[0], verb->name)) &&
               (n_words < 2 || (verb->second && streq(words[1], verb->second)));
}

static size_t count_verbs(char **words, size_t n_words)
{
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                n += begins_with(&verbs[i], words, n_words);
        return n;
}

/* Of all of devboxctl, of the commands that begin with one word, or of one command. */
static int print_help(char **words)
{
        size_t n_words = !words[0] ? 0 : words[1] ? 2 : 1;
        uint32_t taken = 0;

        while (count_verbs(words, n_words) == 0)
                n_words--;

        if (printf("Usage: devboxctl [--json] %s%s%s\n\nCommands:\n", n_words > 0 ? words[0] : "[COMMAND]",
                   n_words > 1 ? " " : "", n_words > 1 ? words[1] : "") < 0)
                return CTL_PROBLEM;
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (begins_with(&verbs[i], words, n_words)) {
                        (void) print_verb(&verbs[i]);
                        taken |= verbs[i].options;
                }

        (void) printf("\nOptions:\n"
                      "      --json                 one JSON document on standard output\n"
                      "      --help                 this text, or after a command what it takes\n"
                      "      --version              the version of devbox\n");
        for (int i = 0; n_words > 0 && i < _OPTION_MAX; i++)
                if (taken & UINT32_C(1) << i)
                        print_option(&options[i]);

        (void) printf("\nWithout a command: status. Exit status: 0 all is well, 1 it is not, 2 wrong usage; "
                      "audit\nverify has more. See devboxctl(1), devboxctl-operator(1), "
                      "devboxctl-manifest(1),\ndevboxctl-audit(1).\n");
        return fflush(stdout) == 0 ? CTL_FINE : CTL_PROBLEM;
}

static int usage_error(const char *format, ...) _printf_(1, 2);

static int usage_error(const char *format, ...)
{
        va_list args;

        (void) fprintf(stderr, "devboxctl: ");
        va_start(args, format);
        (void) vfprintf(stderr, format, args);
        va_end(args);
        (void) fprintf(stderr, "; see: devboxctl --help\n");
        return CTL_USAGE;
}

/* `word` stands behind `first`, or is the first itself (then `first` is NULL). */
static int unknown_verb(const char *first, const char *word)
{
        const char *names[ELEMENTSOF(verbs)], *nearest;
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (!first)
                        names[n++] = verbs[i].name;
                else if (streq(first, verbs[i].name) && verbs[i].second)
                        names[n++] = verbs[i].second;

        if (!word)
                return usage_error("'%s' needs a second word, such as: %s", first, names[0]);
        nearest = word_nearest(word, names, n);
        if (nearest)
                return usage_error("unknown command (did you mean '%s%s%s'?)", strempty(first),
                                   first ? " " : "", nearest);

        return usage_error("unknown command '%s%s%s'", strempty(first), first ? " " : "",
                           word_is_showable(word) ? word : "?");
}

/* NULL: there is none; then it was said. Moves on behind the words of the verb. */
static const Verb *find_verb(char ***words)
{
        const char *first = (*words)[0], *second = first ? (*words)[1] : NULL;
        const char *group = NULL;

        if (!first)
                return &verbs[0];

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                const Verb *verb = &verbs[i];

                if (!streq(first, verb->name))
                        continue;
                if (!verb->second || (second && streq(second, verb->second))) {
                        *words += verb->second ? 2 : 1;
                        return verb;
                }
                group = verb->name;
        }

        (void) (group ? unknown_verb(group, second) : unknown_verb(NULL, first));
        return NULL;
}

/* What getopt_long() just refused; among letters that share one dash it does not say where that is. */
static int unknown_option(char **argv)
{
        const char *word = argv[optind - 1];

        if (optopt == 0 && word_is_showable(word))
                return usage_error("unknown option '%s'", word);

        return usage_error("unknown option");
}

/* Runs the verb that `words` begins with; none means status. */
static int dispatch(const Ctl *ctl, char **words)
{
        const Verb *verb = find_verb(&words);
        int n = 0;

        if (!verb)
                return CTL_USAGE;

        while (words[n])
                n++;
        if (n > verb->max_arguments && verb->max_arguments == 0)
                return usage_error("'%s%s%s' takes no arguments", verb->name, verb->second ? " " : "",
                                   strempty(verb->second));
        if (n > verb->max_arguments || n < verb->min_arguments)
                return usage_error("'%s%s%s' takes: %s", verb->name, verb->second ? " " : "",
                                   strempty(verb->second), verb->arguments);
        for (int i = 0; i < _OPTION_MAX; i++)
                if (ctl->options[i] && !(verb->options & UINT32_C(1) << i))
                        return usage_error("'%s%s%s' does not take --%s", verb->name,
                                           verb->second ? " " : "", strempty(verb->second), options[i].name);

        return verb->run(ctl, words);
}

/* Colours are for terminals, and for people who did not ask for none. Source: https://no-color.org */
static bool colour_is_wanted(void)
{
        const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

        return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && terminal && !streq(terminal, "dumb");
}

enum { LONG_JSON = 256, LONG_VERSION, LONG_FIRST };

static void make_long_options(struct option ret_options[static _OPTION_MAX + 4])
{
        *ret_options++ = (struct option){ "json", no_argument, NULL, LONG_JSON };
        *ret_options++ = (struct option){ "help", no_argument, NULL, 'h' };
        *ret_options++ = (struct option){ "version", no_argument, NULL, LONG_VERSION };
        for (int i = 0; i < _OPTION_MAX; i++)
                *ret_options++ =
                        (struct option){ options[i].name, options[i].value ? required_argument : no_argument,
                                         NULL, LONG_FIRST + i };

        *ret_options = (struct option){ 0 };
}

/* 0: noted; > 0: it was said what is wrong with it. Errors: -ENOENT there is no such option. */
static int note_option(Ctl *ctl, int found)
{
        for (int i = 0; i < _OPTION_MAX; i++) {
                bool missing = found == ':';

                if ((missing ? optopt : found) != LONG_FIRST + i &&
                    (!options[i].letter || (missing ? optopt : found) != options[i].letter))
                        continue;
                if (missing)
                        return usage_error("--%s needs a value: %s", options[i].name, options[i].value);
                if (ctl->options[i])
                        return usage_error("--%s is given twice", options[i].name);

                ctl->options[i] = options[i].value ? optarg : "";
                return 0;
        }

        return -ENOENT;
}

int main(int argc, char *argv[])
{
        struct option long_options[_OPTION_MAX + 4];
        Ctl ctl = { .colour = colour_is_wanted() };
        bool help = false;
        int found, r;

        make_long_options(long_options);
        opterr = 0; /* its own message does not say where help is */
        while ((found = getopt_long(argc, argv, ":hfo:n:", long_options, NULL)) >= 0)
                switch (found) {
                case LONG_JSON:
                        ctl.json = true;
                        break;
                case 'h':
                        help = true;
                        break;
                case LONG_VERSION:
                        return puts("devboxctl " DEVBOX_VERSION) < 0 ? CTL_PROBLEM : CTL_FINE;
                default:
                        r = note_option(&ctl, found);
                        if (r != 0)
                                return r < 0 ? unknown_option(argv) : r;
                }

        if (help)
                return print_help(argv + optind);

        r = dispatch(&ctl, argv + optind);
        if (r >= 0 && fflush(stdout) != 0)
                r = -errno;
        if (r < 0) {
                (void) fprintf(stderr, "devboxctl: %s%s\n",
                               ferror(stdout) ? "cannot write to standard output: " : "", strerror(-r));
                return CTL_PROBLEM;
        }

        return r;
}
