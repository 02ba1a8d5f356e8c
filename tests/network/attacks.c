/* SPDX-License-Identifier: MIT */
/* The attacks as rows. Their numbers are those of tests/ledger/test-attacks.c. */

#include "attacks.h"

#define EDIT(from, to)                                                                                      \
        {                                                                                                   \
                {                                                                                           \
                        {                                                                                   \
                                from, to                                                                    \
                        }                                                                                   \
                }                                                                                           \
        }
#define ARGUMENTS(json)                                                                                     \
        {                                                                                                   \
                FORGE_ARGUMENTS, json                                                                       \
        }
#define KIND(name)                                                                                          \
        {                                                                                                   \
                "\"fs.write\"", "\"" name "\""                                                              \
        }
#define IN(root)                                                                                            \
        {                                                                                                   \
                "\"free\"", "\"" root "\""                                                                  \
        }
#define ASK(kind, json)                                                                                     \
        {                                                                                                   \
                {                                                                                           \
                        KIND(kind), ARGUMENTS(json)                                                         \
                }                                                                                           \
        }
#define EXEC(words) ASK("shell.exec", "{\"argv\":[" words "]}")
#define AS_IT_IS(number)                                                                                    \
        {                                                                                                   \
                number ": as it is", "", RAN, .request = EDIT("canary", "control")                          \
        }

/* clang-format off */
const Attack attacks[] = {
        AS_IT_IS("1"),
        { "1: a bit of the content",   "bad_sig", COUNTED, .request_damage = CONTENT },
        { "1: a bit of the signature", "bad_sig", COUNTED, .request_damage = SIGNATURE },
        { "1: a bit of the type",      "bad_sig", COUNTED, .request_damage = TYPE },
        { "1: a bit of the delivery's content",   "bad_sig", COUNTED, .delivery_damage = CONTENT },
        { "1: a bit of the delivery's signature", "bad_sig", COUNTED, .delivery_damage = SIGNATURE },
        { "1: a bit of the delivery's type",      "bad_sig", COUNTED, .delivery_damage = TYPE },
        { "1: signed by a stranger",              "unknown_key", COUNTED, .request_signer = STRANGER },
        { "1: delivered by a stranger",           "unknown_key", COUNTED, .delivery_signer = STRANGER },
        { "1: signed by the attester",            "unknown_key", COUNTED, .request_signer = ATTESTER },

        AS_IT_IS("2"),
        { "2: the manifest as a request", "bad_sig", COUNTED, .replace = replace_by_manifest },
        { "2: what is in it as a request", "unknown_key", COUNTED, .replace = replace_by_manifest_content },
        { "2: the delivery as a request", "bad_sig", COUNTED, .replace = replace_by_delivery },

        AS_IT_IS("3"),
        { "3: a signature with S + L",  "bad_sig", COUNTED, .request_damage = MALLEATED },
        { "3: of the delivery", "bad_sig", COUNTED, .delivery_damage = MALLEATED },

        AS_IT_IS("4"),
        { "4: a key twice", "bad_schema",
          .request = EDIT("\"args\"", "\"capability\":\"fs.read\",\"args\"") },
        { "4: the same, with the same value", "bad_schema",
          .request = EDIT("\"args\"", "\"capability\":\"fs.write\",\"args\"") },

        AS_IT_IS("5"),
        { "5: an unknown field", "bad_schema", .request = EDIT("\"args\"", "\"sudo\":true,\"args\"") },
        { "5: a float",   "bad_schema", .request = EDIT("%version%", "%version%.0") },
        { "5: depth 9",   "bad_schema", .request = { { ARGUMENTS("{\"root\":[[[[[[[[\"x\"]]]]]]]]}") } } },
        { "5: 2^53",      "bad_schema", .request = EDIT("%version%", "9007199254740992") },
        { "5: NUL in a text", "bad_schema", .request = EDIT("canary", "canary\\u0000x") },

        AS_IT_IS("6"),
        { "6: no signature",     "bad_envelope", COUNTED, .request_damage = UNSIGNED },
        { "6: nine signatures",  "bad_envelope", COUNTED, .request_damage = SIGNED_OFTEN },

        AS_IT_IS("7"),
        { "7: for another device", "wrong_device",
          .request = EDIT("%device%", "pc-aurgi"), .delivery = EDIT("%device%", "pc-aurgi") },
        { "7: delivered to another device", "wrong_device", .delivery = EDIT("%device%", "pc-aurgi") },

        AS_IT_IS("8"),
        { "8: with a new delivery",   "known", COUNTED, .same_request = true },
        { "8: byte by byte the same", "session_mismatch", .same_request = true, .same_delivery = true },
        AS_IT_IS("9"),
        { "9: in another session", "session_mismatch",
          .new_session = true, .same_request = true, .same_delivery = true },
        AS_IT_IS("10"),
        { "10: a used nonce", "nonce_replay", .same_nonce = true },
        AS_IT_IS("11"),
        { "11: a used id", "request_id_conflict", .same_id = true },
        { "11: a used id and nonce, other arguments", "request_id_conflict",
          .same_id = true, .same_nonce = true, .request = EDIT("canary", "other") },

        AS_IT_IS("12"),
        AS_IT_IS("13"),
        AS_IT_IS("14"),
        { "14: issued in 31 s",  "not_yet_valid",
          .request = { { { "%t+0%", "%t+31%" }, { "%t+60%", "%t+91%" } } } },
        { "14: expired 31 s ago", "expired",
          .request = { { { "%t+0%", "%t-91%" }, { "%t+60%", "%t-31%" } } } },

        { "18: after the manifest has expired", "manifest_expired",
          .manifest = EDIT("expires_at", "%t+3%"), .wait_sec = 3 },

        { "19: a capability there is not", "unknown_capability", .request = ASK("shell.sudo", "{}") },
        { "19: in another case", "unknown_capability",
          .request = ASK("shell.Exec", "{\"argv\":[\"/usr/bin/ls\",\"/home\"]}") },
        { "19: an invisible space", "unknown_capability",
          .request = ASK("shell.exec\\u200b", "{\"argv\":[\"/usr/bin/ls\",\"/home\"]}") },

        { "20: as it is", "", RAN, .request = EXEC("\"/usr/bin/ls\",\"/home\"") },
        { "20: a shell", "binary_not_allowed",
          .request = EXEC("\"/usr/bin/bash\",\"-c\",\"touch /srv/attacks/free/canary\"") },
        { "20: by a way round", "binary_not_allowed",
          .request = EXEC("\"/bin/ls\",\"/home\"") },
        { "20: up and down again", "bad_schema",
          .request = EXEC("\"/bin/../usr/bin/ls\",\"/home\"") },
        { "20: a symbolic link", "binary_not_allowed", RAN, .request = EXEC("\"/usr/bin/awk\"") },
        { "20: where others may write", "binary_not_allowed", RAN,
          .request = EXEC("\"/srv/attacks/bin/true\"") },
        { "20: a script", "binary_not_allowed", RAN, .request = EXEC("\"/usr/local/bin/script\"") },

        { "21: an option", "args_denied",
          .request = EXEC("\"/usr/bin/ls\",\"--color=always\",\"/home\"") },
        { "21: one path more", "args_denied",
          .request = EXEC("\"/usr/bin/ls\",\"/home\",\"/etc/shadow\"") },
        { "21: an option in place of a word", "args_denied",
          .request = EXEC("\"/usr/bin/id\",\"--help\"") },

        { "24: $()",      "args_denied",
          .request = EXEC("\"/usr/bin/ls\",\"$(touch /srv/attacks/free/canary)\"") },
        { "24: ;",        "args_denied",
          .request = EXEC("\"/usr/bin/ls\",\"/home;touch /srv/attacks/free/canary\"") },
        { "24: a line end", "bad_schema",
          .request = EXEC("\"/usr/bin/ls\",\"/home\\ntouch /srv/attacks/free/canary\"") },
        { "24: ``",       "args_denied",
          .request = EXEC("\"/usr/bin/ls\",\"`touch /srv/attacks/free/canary`\"") },

        { "25: as it is", "", RAN, .request = ASK("fs.read", "{\"root\":\"home\",\"path\":\"eve/plain\"}") },
        { "25: upwards",  "bad_schema",
          .request = ASK("fs.read", "{\"root\":\"home\",\"path\":\"../../etc/shadow\"}") },
        { "25: absolute", "bad_schema",
          .request = ASK("fs.read", "{\"root\":\"home\",\"path\":\"/etc/shadow\"}") },
        { "25: another root", "path_denied",
          .request = ASK("fs.read", "{\"root\":\"free\",\"path\":\"file\"}") },
        { "25: /proc", "path_denied",
          .request = ASK("fs.read", "{\"root\":\"none\",\"path\":\"proc/self/root/etc/shadow\"}") },
        { "25: a symbolic link", "path_denied", RAN,
          .request = ASK("fs.read", "{\"root\":\"home\",\"path\":\"eve/link\"}") },
        { "25: a symbolic link in the way", "path_denied", RAN,
          .request = ASK("fs.read", "{\"root\":\"home\",\"path\":\"eve/etc/shadow\"}") },
        { "25: a second name", "path_denied", RAN,
          .request = ASK("fs.read", "{\"root\":\"home\",\"path\":\"eve/second\"}") },
        { "25: a FIFO", "path_denied", RAN,
          .request = ASK("fs.read", "{\"root\":\"home\",\"path\":\"eve/fifo\"}") },

        { "28: without the approval", "approval_missing", .request = { { IN("middle") } } },
        { "28: one of two", "approval_missing", .request = { { IN("two") } }, .n_approvals = 1 },

        { "29: as it is", "", RAN, .request = { { IN("middle"), { "canary", "control" } } },
          .n_approvals = 1 },
        { "29: of another request", "approval_mismatch", .request = { { IN("middle") } }, .n_approvals = 1,
          .approvals = { EDIT("%request%", "%manifest%") } },
        { "29: other arguments after the approval", "approval_mismatch", .request = { { IN("middle") } },
          .n_approvals = 1, .altered = EDIT("aGk=", "SGk=") },

        { "31: expired", "approval_expired", .n_approvals = 1,
          .request = { { IN("middle"), { "%t+0%", "%t-100%" } } },
          .approvals = { { { { "%t+0%", "%t-90%" }, { "%t+60%", "%t-40%" } } } } },
        { "31: a denial", "approval_denied", .request = { { IN("middle") } }, .n_approvals = 1,
          .approvals = { EDIT("\"approve\"", "\"deny\"") } },

        { "31: as it is", "", RAN, .request = { { IN("middle"), { "canary", "control" } } },
          .n_approvals = 1 },

        { "33: as it is", "", RAN, .request = { { IN("high"), { "canary", "control" } } }, .n_approvals = 1,
          .approvals = { EDIT("\"message\"", "\"signed\"") }, .approval_signers = { BEN } },
        { "33: the attester's", "approval_denied", .request = { { IN("high") } }, .n_approvals = 1 },
        { "33: the attester's as the approver's", "approval_denied", .request = { { IN("high") } },
          .n_approvals = 1, .approvals = { EDIT("\"message\"", "\"signed\"") } },

        { "30: two as they are", "", RAN, .request = { { IN("two"), { "canary", "control" } } },
          .n_approvals = 2, .approvals = { [1] = EDIT("@ben", "@eve") } },
        { "30: by the requester", "approval_denied", .n_approvals = 1,
          .request = { { IN("middle"), { "local:root", "@ben:example.org" } } } },
        { "30: by who is not listed", "approval_denied", .request = { { IN("middle") } }, .n_approvals = 1,
          .approvals = { EDIT("@ben", "@mallory") } },
        { "30: twice by one", "approval_denied", .request = { { IN("two") } }, .n_approvals = 2,
          .approvals = { [1] = EDIT("$m:", "$n:") } },
        { "30: an empty set of approvers", "approval_denied", .request = { { IN("middle") } },
          .n_approvals = 1, .manifest = EDIT("approvers", "[]") },
        { "30: the same without an approval", "approval_denied", .request = { { IN("middle") } } },
        {},
};

#define ONLY(...) "{\"threshold\":" __VA_ARGS__ "]}"
#define ROLES(root, others) \
        "{\"root\":" root ",\"manifest\":" others ",\"token\":" others "}"
#define DISPATCHERS(first) \
        "[{\"pub\":\"" first "00000000000000000000000000000000000000000000000000000000000000\"," \
        "\"not_after\":%t+9999%}]"

const Document documents[] = {
        { "3: a key that is the identity", "bad_schema", NULL, false,
          { { { "dispatchers", DISPATCHERS("01") } } }, OPERATOR },
        { "3: a key of zeros", "bad_schema", NULL, false,
          { { { "dispatchers", DISPATCHERS("00") } } }, OPERATOR },
        { "15: an older one", "manifest_rollback", NULL, false,
          { { { "version", "%previous%" } } }, OPERATOR },
        { "15: another of the same version", "manifest_fork", NULL, false,
          { { { "version", "%version%" }, { "approvers", "[]" } } }, OPERATOR },
        { "16: by a stranger", "manifest_invalid_signature", COUNTED, .signer = STRANGER },
        { "16: by the dispatcher", "manifest_invalid_signature", COUNTED, .signer = DISPATCHER },
        { "16: for another device", "wrong_device", NULL, false,
          { { { "device", "\"pc-aurgi\"" } } }, OPERATOR },
        { "16 replaced: by an operator's key of the root before", "manifest_invalid_signature", COUNTED,
          .signer = OPERATOR },
        { "17: one left out", "root_chain", COUNTED, true, { { { "version", "%root+2%" } } }, OPERATOR },
        { "17: by the new keys alone", "root_chain", COUNTED, true,
          { { { "roles", ROLES(ONLY("1,\"keys\":[\"%stranger%\""), ONLY("1,\"keys\":[\"%stranger%\"")) } } },
          STRANGER },
        { "17: one key twice, for two", "root_chain", COUNTED, true,
          { { { "roles", ROLES(ONLY("2,\"keys\":[\"%operator%\",\"%stranger%\""),
                               ONLY("1,\"keys\":[\"%operator%\"")) } } },
          OPERATOR, .signed_twice = true },
        {},
};
/* clang-format on */
