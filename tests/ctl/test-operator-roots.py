#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""devboxctl with roots of several people, keys for manifests only, and commands that are killed halfway.

    test-operator-roots.py DEVBOXCTL
"""

import base64
import ctypes
import ctypes.util
import json
import os
import random
import select
import shutil
import signal
import struct
import subprocess
import sys
import unittest

from operator_case import DEVBOXCTL, MANIFEST, OperatorCase

PASSPHRASE = "correct horse battery"
PEOPLE = {name: bytes([number] * 32).hex() for number, name in enumerate(("ana", "ben", "cem", "dan"), 1)}
STRANGER = bytes([99] * 32).hex()
DEATHS = 120

sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")


def seal(seed, passphrase):
    """As src/crypto/seal.h has it, at the least cost, so that a test can unseal often."""
    header = b"DBXSEAL1" + struct.pack(">II", 1, 8) + os.urandom(16 + 24)
    key, sealed = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32 + 16)
    size, algorithm = ctypes.c_ulonglong, 2  # argon2id13
    assert sodium.crypto_pwhash(key, size(32), passphrase, size(len(passphrase)), header[16:32], size(1),
                                ctypes.c_size_t(8 * 1024), algorithm) == 0
    assert sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        sealed, None, seed, size(32), header, size(len(header)), None, header[32:], key) == 0
    return header + sealed.raw


class Watch:
    """What happens in a directory, by inotify(7): waits for one event after the other."""

    EVENTS = 0x2 | 0x8 | 0x80 | 0x100 | 0x200  # written, closed, renamed, made, removed

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_CLOEXEC)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, os.fsencode(path), self.EVENTS) < 0:
            raise OSError(ctypes.get_errno(), "inotify")
        self.seen = b""

    def next(self):
        if not self.seen:
            self.seen = os.read(self.fd, 65536)
        size = struct.unpack_from("iIII", self.seen)[3]
        self.seen = self.seen[16 + size:]

    def close(self):
        os.close(self.fd)


class Roots(OperatorCase):
    def at(self, home, *words, seed=None, **options):
        """Runs an operator command in a person's directory, with their seed if it is given."""
        key = ("--key", "-") if seed else ()
        return self.run_ctl("operator", *words, "--dir", self.dir / home, *key, text=seed, **options)

    def public(self, seed):
        return self.at("nowhere", "export-pub", seed=seed).strip()

    def publics(self, *names):
        return ",".join(self.public(PEOPLE[name]) for name in names)

    def shown(self, home, *words, **options):
        return json.loads(self.at(home, "show", "--json", *words, **options))

    def files(self, home):
        return sorted(path.name for path in (self.dir / home).iterdir() if not path.name.startswith("."))

    def signed(self, role):
        return [key["public"] for key in role["keys"] if key["signed"]]

    def cheap_key(self, home, name, seed, label="operator"):
        (self.dir / home).mkdir(mode=0o700, exist_ok=True)
        (self.dir / home / name).write_text(json.dumps({
            "v": 1, "role": "operator", "label": label, "public": self.public(seed),
            "sealed": base64.b64encode(seal(bytes.fromhex(seed), PASSPHRASE.encode())).decode()}))

    def unsealing(self, home, *words, lines=4, **options):
        return self.run_ctl("operator", *words, "--dir", self.dir / home, "--passphrase-fd", "0",
                            text=f"{PASSPHRASE}\n" * lines, **options)

    def init_two_of_three(self):
        output = self.at("a", "init", "--root-keys", self.publics("ben", "cem"), "--threshold", "2",
                       seed=PEOPLE["ana"])
        self.draft = self.dir / "a/1.root.draft.json"
        return output

    def complete_two_of_three(self):
        self.init_two_of_three()
        self.at("b", "sign", self.draft, seed=PEOPLE["ben"])
        self.at("a", "sign", self.draft, seed=PEOPLE["ana"])


class SeveralPeople(Roots):
    def test_two_of_three(self):
        output = self.init_two_of_three()
        self.assertIn("Root 1 is not complete: 1 more of the keys of root 1 must sign.", output)
        self.assertIn("root      2 of 3", output)
        self.assertEqual(self.files("a"), ["1.root.draft.json"])
        shown = self.shown("c", self.draft, status=1)
        self.assertEqual(shown["missing"], 1)
        self.assertEqual(self.signed(shown["roles"]["root"]), [self.public(PEOPLE["ana"])])

        # a key of no role signs nothing, one that has signed changes nothing
        before = self.draft.read_bytes()
        self.assertIn("names this key", self.at("x", "sign", self.draft, seed=STRANGER, status=1))
        self.assertIn("has signed", self.at("a", "sign", self.draft, seed=PEOPLE["ana"]))
        self.assertEqual(self.draft.read_bytes(), before)
        self.assertFalse((self.dir / "x").exists())

        # what is signed is shown before a passphrase is asked for
        self.cheap_key("d", "operator.key", PEOPLE["ben"])
        output = self.run_ctl("operator", "sign", self.draft, "--dir", self.dir / "d", "--passphrase-fd",
                              "0",
                            text="not the passphrase\n", status=1)
        self.assertIn("root      2 of 3", output)
        self.assertIn("wrong passphrase", output)
        self.assertEqual(self.draft.read_bytes(), before)

        # the operator whose signature completes it has it in place, as has every other who receives it
        self.assertIn("Root 1 is complete", self.at("b", "sign", self.draft, seed=PEOPLE["ben"]))
        self.assertEqual(self.files("b"), ["1.root.json", "root.json"])
        complete = self.draft.read_bytes()
        self.assertIn("needs no signature", self.at("c", "sign", self.draft, seed=PEOPLE["cem"]))
        self.assertIn("names this key", self.at("x", "sign", self.draft, seed=STRANGER, status=1))
        self.at("a", "sign", self.draft, seed=PEOPLE["ana"])
        self.assertEqual(self.files("a"), ["1.root.json", "root.json"])
        for home in "abc":
            self.assertEqual((self.dir / home / "root.json").read_bytes(), complete)
            self.assertEqual(self.shown(home)["missing"], 0)

    def test_init_waits(self):
        self.init_two_of_three()
        before = self.draft.read_bytes()
        self.assertIn("waits for signatures", self.at("a", "init", seed=PEOPLE["ben"], status=1))
        self.assertIn("waits for signatures", self.run_ctl("operator", "show", "--dir", self.dir / "a",
                                                           status=1))
        self.assertEqual(self.draft.read_bytes(), before)

    def test_sign_again(self):
        self.init_two_of_three()
        copy = self.dir / "copy"
        shutil.copy(self.draft, copy)
        self.at("b", "sign", copy, seed=PEOPLE["ben"])
        for home, seed in (("b", PEOPLE["ben"]), ("b", STRANGER), ("b", PEOPLE["cem"])):
            before = copy.read_bytes()
            self.assertIn("in place here already", self.at(home, "sign", copy, seed=seed))
            self.assertEqual(copy.read_bytes(), before)

    def test_next_root_needs_old_and_new(self):
        self.complete_two_of_three()
        (self.dir / "next").write_text(PEOPLE["dan"])
        output = self.at("a", "rotate", "--new-key", self.dir / "next", seed=PEOPLE["ana"])
        self.assertIn("1 more of the keys of root 2 and 1 more of those of root 1 must sign", output)
        self.assertEqual(self.shown("a")["version"], 1)
        draft = self.dir / "a/2.root.draft.json"

        # another rotation has to wait
        self.assertIn("waits for signatures",
                      self.at("a", "rotate", "--keep-key", seed=PEOPLE["ana"], status=1))

        # it shows who signed, of both roots
        shown = self.shown("a", draft, status=1)
        self.assertEqual((shown["missing"], shown["missing_before"]), (1, 1))
        self.assertEqual(self.signed(shown["roles"]["root"]), [self.public(PEOPLE["dan"])])
        self.assertEqual(self.signed(shown["before"]), [self.public(PEOPLE["ana"])])

        # without the root before this is unknown, until that root is named
        self.assertIn("name it with --root", self.at("c", "sign", draft, seed=PEOPLE["cem"], status=1))
        output = self.at("c", "sign", draft, "--root", self.dir / "a/root.json", seed=PEOPLE["cem"])
        self.assertIn("Root 2 is complete", output)
        self.assertFalse((self.dir / "c").exists())
        for home in "ab":
            self.at(home, "sign", draft if home == "a" else self.dir / "a/2.root.json",
                    seed=PEOPLE["dan"] if home == "a" else PEOPLE["ben"])
            shown = self.shown(home)
            self.assertEqual((shown["version"], shown["missing"], shown["missing_before"]), (2, 0, 0))
        self.write("".join((self.dir / f"a/{n}.root.json").read_text() for n in (1, 2)), "all")
        self.at("nowhere", "show", self.dir / "all")

        # the replaced key has no role any more
        output = self.at("a", "rotate", "--keep-key", seed=PEOPLE["ana"], status=1)
        self.assertIn("not name this key", output)

    def test_operators_change(self):
        self.complete_two_of_three()

        # cem's key is lost: dan takes their place, ben agrees
        output = self.at("a", "rotate", "--keep-key", "--root-keys", self.publics("ben", "dan"),
                         "--threshold",
                       "3", seed=PEOPLE["ana"])
        self.assertIn("2 more of the keys of root 2 and 1 more of those of root 1", output)
        draft = self.dir / "a/2.root.draft.json"
        self.at("b", "sign", draft, seed=PEOPLE["ben"])
        self.assertIn("needs no signature", self.at("a", "sign", draft, seed=PEOPLE["cem"]))
        self.assertEqual(self.files("a"), ["1.root.json", "2.root.draft.json", "root.json"])
        self.at("a", "sign", draft, seed=PEOPLE["dan"])
        shown = self.shown("a")
        self.assertEqual((shown["version"], shown["epoch"], shown["roles"]["root"]["threshold"]), (2, 1, 3))

    def test_threshold_of_the_root_before(self):
        self.complete_two_of_three()
        output = self.at("a", "rotate", "--keep-key", "--root-keys", self.publics("ben"), "--threshold", "1",
                       seed=PEOPLE["ana"])
        self.assertIn("Root 2 is not complete: 1 more of the keys of root 1 must sign", output)

    def test_two_networks(self):
        """An operator of one network may sign for another, which changes nothing of their own."""
        self.complete_two_of_three()
        self.at("a", "rotate", "--keep-key", seed=PEOPLE["ana"])
        draft = self.dir / "a/2.root.draft.json"
        self.at("c", "init", "--network", "away", seed=PEOPLE["cem"])
        before = self.files("c"), (self.dir / "c/root.json").read_bytes()
        self.assertIn("does not follow", self.at("c", "sign", draft, seed=PEOPLE["cem"], status=1))
        self.assertIn("Root 2 is complete", self.at("c", "sign", draft, "--root", self.dir / "a/root.json",
                                                    seed=PEOPLE["cem"]))
        self.assertEqual((self.files("c"), (self.dir / "c/root.json").read_bytes()), before)

    def test_new_key_is_new(self):
        self.complete_two_of_three()
        for name, more in (("ana", ()), ("ben", ()), ("ana", ("--manifest-key",))):
            (self.dir / "next").write_text(PEOPLE[name])
            words = ["rotate", "--new-key", self.dir / "next", *more]
            output = self.at("a", *words, seed=PEOPLE["ana"], status=1)
            self.assertIn("in the root already", output)

    def test_one_becomes_two(self):
        self.at("a", "init", seed=PEOPLE["ana"])
        self.at("a", "rotate", "--keep-key", "--root-keys", self.publics("ben"), "--threshold", "2",
                seed=PEOPLE["ana"])
        self.assertEqual(self.shown("a")["version"], 1)
        self.at("a", "sign", self.dir / "a/2.root.draft.json", seed=PEOPLE["ben"])
        self.assertEqual(self.shown("a")["roles"]["root"]["threshold"], 2)

    def test_unsignable_roots(self):
        self.complete_two_of_three()
        self.at("a", "rotate", "--keep-key", seed=PEOPLE["ana"])
        draft = self.dir / "a/2.root.draft.json"
        good = json.loads(draft.read_text())

        def forge(**changes):
            root = json.loads(base64.b64decode(good["payload"])) | changes
            forged = good | {"payload": base64.b64encode(json.dumps(root).encode()).decode()}
            return self.write(json.dumps(forged), "forged")

        for changes, why in (({"version": 3}, "does not follow"), ({"network": "away"}, "does not follow"),
                             ({"epoch": 9}, "does not follow"),
                             ({"issued_at": 1, "expires_at": 2}, "expired"),
                             ({"roles": {}}, ""), ({"more": 1}, "")):
            with self.subTest(changes):
                path = forge(**changes)
                before = path.read_bytes()
                self.assertIn(why, self.at("b", "sign", path, seed=PEOPLE["ben"], status=1))
                self.assertEqual(path.read_bytes(), before)
        other = good | {"payloadType": "application/vnd.devbox.manifest.v1+json"}
        wrong = self.write(json.dumps(other), "m")
        self.at("b", "sign", wrong, seed=PEOPLE["ben"], status=1)

        # a file without room takes no signature, and stays as it is
        junk = [{"keyid": f"{n:064x}", "sig": base64.b64encode(bytes([n] * 64)).decode()}
                for n in range(1, 9)]
        full = self.write(json.dumps(good | {"signatures": junk}), "full")
        before = full.read_bytes()
        self.assertIn("no room", self.at("b", "sign", full, seed=PEOPLE["ben"], status=1))
        self.assertEqual(full.read_bytes(), before)

        # a root that was changed after others had signed loses their signatures, and shows that
        self.assertIn("1 more of the keys of root 2 and 1 more of those of root 1",
                      self.at("b", "sign", forge(epoch=2), seed=PEOPLE["ben"]))
        self.assertEqual(self.shown("b")["version"], 1)

    def test_limits(self):
        three, ben = self.publics("ben", "cem", "dan"), self.publics("ben")
        for words, why in ((("--root-keys", three), "needs --threshold"),
                           (("--root-keys", three, "--threshold", "5"), "from 1 to 4"),
                           (("--root-keys", ben, "--threshold", "3"), "more keys than the 2"),
                           (("--threshold", "2"), "more keys than the 1"),
                           (("--threshold", "0"), "from 1 to 4"),
                           (("--root-keys", f"{ben},{ben}", "--threshold", "2"), "twice"),
                           (("--root-keys", self.publics("ana"), "--threshold", "2"), "twice"),
                           (("--root-keys", f"{ben},", "--threshold", "2"), "export-pub"),
                           (("--root-keys", "00" * 32, "--threshold", "2"), "export-pub"),
                           (("--new-key", "x"), "for --manifest-key")):
            with self.subTest(words):
                self.assertIn(why, self.at("a", "init", *words, seed=PEOPLE["ana"], status=2))
        self.assertEqual(self.files("a") if (self.dir / "a").exists() else [], [])

        # four of four, then four others: eight signatures
        keys = [bytes([number] * 32).hex() for number in range(1, 9)]
        others = ",".join(map(self.public, keys[1:4]))
        self.at("a", "init", "--root-keys", others, "--threshold", "4", seed=keys[0])
        for key in keys[:4]:
            path = self.dir / "a/1.root.draft.json"
            if path.exists():
                self.at("a", "sign", path, seed=key)
        (self.dir / "next").write_text(keys[4])
        self.at("a", "rotate", "--new-key", self.dir / "next", "--root-keys",
                ",".join(map(self.public, keys[5:])), "--threshold", "4", seed=keys[0])
        for key in keys[1:4] + keys[5:]:
            self.at("a", "sign", self.dir / "a/2.root.draft.json", seed=key)
        self.assertEqual(len(json.loads((self.dir / "a/root.json").read_text())["signatures"]), 8)

    def test_keygen(self):
        key = self.unsealing("b", "keygen", "--label", "ben").strip()
        self.assertEqual(self.files("b"), ["operator.key"])
        self.assertEqual(self.at("b", "export-pub").strip(), key)
        self.assertIn("never overwritten", self.unsealing("b", "keygen", status=1))

        # it is the key to sign with, and the one to begin with
        self.at("a", "init", "--root-keys", key, "--threshold", "2", seed=PEOPLE["ana"])
        self.unsealing("b", "sign", self.dir / "a/1.root.draft.json")
        self.assertEqual(self.files("b"), ["1.root.json", "operator.key", "root.json"])
        (self.dir / "c").mkdir()
        shutil.copy(self.dir / "b/operator.key", self.dir / "c")
        self.unsealing("c", "init", lines=1)
        self.assertEqual(self.shown("c")["roles"]["root"]["keys"][0]["public"], key)


class ManifestKey(Roots):
    def sign_manifest(self, home, *words, **options):
        return self.run_ctl("manifest", "sign", self.write(MANIFEST), "--dir", self.dir / home, "-o",
                            self.dir / "signed.json", *words, **options)

    def roles(self, home):
        return {name: [key["public"] for key in role["keys"]]
                for name, role in self.shown(home)["roles"].items()}

    def test_seeds(self):
        (self.dir / "everyday").write_text(PEOPLE["ben"])
        self.at("a", "init", "--manifest-key", "--new-key", self.dir / "everyday", seed=PEOPLE["ana"])
        ana, ben = self.public(PEOPLE["ana"]), self.public(PEOPLE["ben"])
        self.assertEqual(self.roles("a"), {"root": [ana], "manifest": [ben], "token": [ben]})
        self.sign_manifest("a", "--key", self.dir / "everyday")
        output = self.sign_manifest("a", "--key", "-", text=PEOPLE["ana"], status=1)
        self.assertIn("does not let this key", output)
        output = self.at("a", "rotate", "--keep-key", seed=PEOPLE["ben"], status=1)
        self.assertIn("not name this key", output)

    def test_everyday_key(self):
        self.cheap_key("a", "operator.key", PEOPLE["ana"])
        self.cheap_key("a", "manifest.key", PEOPLE["ben"], "manifest")
        self.unsealing("a", "init", "--manifest-key")
        ana, ben, cem, dan = (self.public(PEOPLE[name]) for name in PEOPLE)
        self.assertEqual(self.roles("a"), {"root": [ana], "manifest": [ben], "token": [ben]})

        # the root key may be elsewhere
        root_key = (self.dir / "a/operator.key").rename(self.dir / "stick")
        self.sign_manifest("a", "--passphrase-fd", "0", text=f"{PASSPHRASE}\n")
        self.run_ctl("manifest", "verify", self.dir / "signed.json", "--dir", self.dir / "a")

        # a new root key leaves manifests alone, a new manifest key voids them
        self.cheap_key("a", "next.manifest.key", PEOPLE["cem"], "manifest-2")
        self.unsealing("a", "rotate", "--manifest-key", "--key", root_key)
        self.assertEqual(self.roles("a"), {"root": [ana], "manifest": [cem], "token": [cem]})
        self.assertEqual(self.shown("a")["epoch"], 2)
        self.assertEqual(self.files("a"), ["1.manifest.key", "1.root.json", "2.root.json", "manifest.key",
                                           "root.json"])
        root_key.rename(self.dir / "a/operator.key")
        self.cheap_key("a", "next.operator.key", PEOPLE["dan"], "operator-3")
        self.unsealing("a", "rotate")
        self.assertEqual(self.roles("a"), {"root": [dan], "manifest": [cem], "token": [cem]})
        self.assertEqual((self.shown("a")["version"], self.shown("a")["epoch"]), (3, 2))
        self.sign_manifest("a", "--passphrase-fd", "0", text=f"{PASSPHRASE}\n")

        for words in (("--keep-key", "--manifest-key"), ("--keep-key", "--new-key", "x")):
            self.assertIn("--keep-key means", self.unsealing("a", "rotate", *words, status=2))

    def test_separate_key_later(self):
        self.at("a", "init", seed=PEOPLE["ana"])
        (self.dir / "everyday").write_text(PEOPLE["ben"])
        self.at("a", "rotate", "--manifest-key", "--new-key", self.dir / "everyday", seed=PEOPLE["ana"])
        self.assertEqual(self.roles("a")["manifest"], [self.public(PEOPLE["ben"])])
        self.assertEqual(self.roles("a")["root"], [self.public(PEOPLE["ana"])])

    def test_both_are_made(self):
        self.unsealing("a", "init", "--manifest-key")
        self.assertEqual(self.files("a"), ["1.root.json", "manifest.key", "operator.key", "root.json"])
        keys = [json.loads((self.dir / f"a/{name}.key").read_text()) for name in ("operator", "manifest")]
        roles = self.roles("a")
        self.assertEqual([roles["root"], roles["manifest"]], [[key["public"]] for key in keys])
        self.assertNotEqual(*(key["public"] for key in keys))


class Interrupted(Roots):
    """What rotate may leave behind when it is killed, from the first file to the last."""

    def setUp(self):
        super().setUp()
        self.cheap_key("a", "operator.key", PEOPLE["ana"])
        self.unsealing("a", "init")
        self.cheap_key("a", "next.operator.key", PEOPLE["ben"], "operator-2")
        shutil.copytree(self.dir / "a", self.dir / "before")
        self.unsealing("a", "rotate")
        self.after = self.files("a")

    def back(self, *names):
        """These are as they were before the rotation; those that were absent are removed."""
        for name in names:
            (self.dir / "a" / name).unlink(missing_ok=True)
            if (self.dir / "before" / name).exists():
                shutil.copy(self.dir / "before" / name, self.dir / "a" / name)

    def check_rotated(self):
        self.assertEqual(self.files("a"), self.after)
        for name, owner in (("operator.key", "ben"), ("1.operator.key", "ana")):
            key = json.loads((self.dir / "a" / name).read_text())
            self.assertEqual(key["public"], self.public(PEOPLE[owner]))
        self.assertEqual(self.shown("a")["version"], 2)

    def test_before_the_root(self):
        self.back("operator.key", "1.operator.key", "next.operator.key", "2.root.json", "root.json")
        self.unsealing("a", "rotate")
        self.check_rotated()

    def test_before_root_json(self):
        self.back("operator.key", "1.operator.key", "next.operator.key", "root.json")
        self.assertIn("in place now", self.unsealing("a", "rotate", lines=0))
        self.check_rotated()

    def test_before_the_key(self):
        for names in (("operator.key", "1.operator.key", "next.operator.key"),
                      ("operator.key", "next.operator.key")):
            self.back(*names)
            if "1.operator.key" not in names:
                os.remove(self.dir / "a/1.operator.key")
                os.link(self.dir / "a/operator.key", self.dir / "a/1.operator.key")
            self.run_ctl("manifest", "sign", self.write(MANIFEST), "--dir", self.dir / "a", "-o",
                         self.dir / "signed.json", "--passphrase-fd", "0", text=f"{PASSPHRASE}\n")
            self.assertIn("in place now", self.unsealing("a", "rotate", lines=0))
            self.check_rotated()

    def test_of_init(self):
        self.back("operator.key", "next.operator.key", "1.operator.key", "2.root.json", "root.json")
        os.remove(self.dir / "a/root.json")
        self.assertIn("in place now", self.unsealing("a", "init", lines=0))
        self.assertIn("there is an operator already", self.unsealing("a", "init", lines=0, status=1))
        os.remove(self.dir / "a/root.json")
        os.remove(self.dir / "a/1.root.json")
        self.unsealing("a", "init", lines=1)
        self.assertEqual(self.shown("a")["roles"]["root"]["keys"][0]["public"], self.public(PEOPLE["ana"]))

    def test_root_out_of_order(self):
        shutil.copy(self.dir / "a/2.root.json", self.dir / "a/3.root.json")
        self.assertIn("does not follow", self.unsealing("a", "rotate", "--keep-key", status=1))
        self.assertEqual(self.shown("a")["version"], 2)

    def test_late_draft(self):
        shutil.copy(self.dir / "a/2.root.json", self.dir / "a/2.root.draft.json")
        self.unsealing("a", "sign", self.dir / "a/2.root.draft.json")
        self.assertEqual(self.files("a"), self.after)


class Deaths(Roots):
    """kill -9 at any point of a command that makes a root; the directory stays usable by the next one."""

    def kill_after(self, watch, words):
        """Runs a command that is killed after so many events in the directory that it watches.
        Gives whether it was killed before its end."""
        reading, writing = os.pipe()
        os.write(writing, f"{PASSPHRASE}\n".encode() * 4)
        os.close(writing)
        process = subprocess.Popen([DEVBOXCTL, "operator", *map(str, words), "--passphrase-fd", "0"],
                                   stdin=reading, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(reading)
        for _ in range(random.randrange(20)):
            while not watch.seen and not select.select([watch.fd], [], [], 0.01)[0]:
                if process.poll() is not None:
                    return process.returncode == -signal.SIGKILL
            watch.next()
        for _ in range(random.randrange(200)):
            pass
        process.kill()
        return process.wait() == -signal.SIGKILL

    def check_keys(self, home):
        """No root names a key that is not on disk, and every file is whole."""
        held = {json.loads(path.read_text())["public"] for path in home.glob("*.key")}
        for path in home.glob("*.json"):
            root = json.loads(base64.b64decode(json.loads(path.read_text())["payload"]))
            for role in ("root", "manifest", "token"):
                self.assertLessEqual(set(root["roles"][role]["keys"]) - self.elsewhere, held, path)

    def kill_and_recover(self, name, n_kills, words, recover):
        """Kills that often, each in a copy of the directory `name`; `recover` must complete the command."""
        died, states = 0, set()
        for _ in range(n_kills * 10):
            home = self.dir / "copy"
            shutil.rmtree(home, ignore_errors=True)
            shutil.copytree(self.dir / name, home)
            watch = Watch(home)
            died += self.kill_after(watch, [*words, "--dir", home])
            watch.close()
            states.add(tuple(self.files("copy")))
            self.check_keys(home)
            recover()
            self.check_keys(home)
            if died == n_kills:
                return
        self.fail(f"only {died} n_kills, of which came {states}")

    def setUp(self):
        super().setUp()
        self.elsewhere = set()
        self.cheap_key("one", "operator.key", PEOPLE["ana"])
        self.unsealing("one", "init")

    def test_of_a_rotation(self):
        self.cheap_key("one", "next.operator.key", PEOPLE["ben"])

        def recover():
            before = self.shown("copy")["version"]
            if before == 2 and not (self.dir / "copy/next.operator.key").exists():
                return self.unsealing("copy", "rotate", "--keep-key")  # it had completed
            self.unsealing("copy", "rotate")
            self.assertEqual(self.shown("copy")["version"], 2)
            self.unsealing("copy", "rotate", "--keep-key")
            self.write("".join((self.dir / f"copy/{n}.root.json").read_text() for n in (1, 2, 3)), "all")
            self.at("copy", "show", self.dir / "all")

        self.kill_and_recover("one", DEATHS, ["rotate"], recover)

    def test_while_a_key_is_made(self):
        self.kill_and_recover("one", 6, ["rotate"], lambda: self.unsealing("copy", "rotate"))

    def test_of_a_signature(self):
        self.elsewhere = {self.public(PEOPLE["ben"])}
        self.cheap_key("one", "next.operator.key", PEOPLE["cem"])
        self.unsealing("one", "rotate", "--root-keys", self.publics("ben"), "--threshold", "2")
        self.assertEqual(self.shown("one")["version"], 1)
        draft = self.dir / "2.root.draft.json"
        shutil.copy(self.dir / "one/2.root.draft.json", draft)
        self.at("b", "sign", draft, "--root", self.dir / "one/root.json", seed=PEOPLE["ben"])
        shutil.copy(draft, self.dir / "one")

        def recover():
            draft = self.dir / "copy/2.root.draft.json"
            if draft.exists():
                self.unsealing("copy", "sign", draft)
            self.assertEqual(self.shown("copy")["version"], 2)
            self.assertEqual(self.files("copy"), ["1.operator.key", "1.root.json", "2.root.json",
                                                  "operator.key", "root.json"])

        self.kill_and_recover("one", 40, ["sign", self.dir / "copy/2.root.draft.json"], recover)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
