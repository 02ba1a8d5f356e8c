#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""devboxctl person, and templates in all commands that take a manifest.

    test-templates.py DEVBOXCTL SOURCE_DIR
"""

import json
import pathlib
import sys
import unittest

from operator_case import DISPATCHER, KEY, SEED, OperatorCase

EXAMPLES = sorted((pathlib.Path(sys.argv[2]) / "man/examples").glob("*.yaml"))
DEVICE = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"
BEN = "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394"
TEMPLATE = """operators: [ana]
roots: {home: /home}
capabilities:
  - run: ls [-l|-la] DIR in home
  - read: home, /var/log
"""


class Templates(OperatorCase):
    def person(self, verb, *words, **options):
        return self.run_ctl("person", verb, *words, "--dir", self.home, **options)

    def people(self):
        return json.loads(self.person("list", "--json"))["people"]

    def manifest(self, verb, *words, **options):
        return self.run_ctl("manifest", verb, "--dir", self.home, *words, **options)

    def add_people(self):
        self.person("add", "ana", "--mxid", "@ana:example.org", "--local", "ana")
        self.person("add", "ben", "--mxid", "@ben:example.org", "--key", self.write(BEN + "\n", "ben.pub"))

    # people

    def test_a_person(self):
        self.assertIn("person add NAME", self.person("list"))
        self.assertEqual(self.people(), [])
        self.add_people()
        self.assertEqual(self.people(), [
            {"name": "ana", "mxid": "@ana:example.org", "msk": None, "local": "ana", "key": None,
             "groups": []},
            {"name": "ben", "mxid": "@ben:example.org", "msk": None, "local": None, "key": BEN,
             "groups": []}])
        path = self.home / "people.yaml"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.home.stat().st_mode & 0o777, 0o700)

        before = path.read_text()
        self.add_people()
        self.assertEqual(path.read_text(), before)
        self.person("add", "ben", "--group", "ops", "--msk", KEY, "--local", "ben")
        self.person("add", "ben", "--group", "ops")
        self.assertEqual(self.people()[1], {"name": "ben", "mxid": "@ben:example.org", "msk": KEY,
                                            "local": "ben", "key": BEN, "groups": ["ops"]})
        shown = self.person("list")
        self.assertRegex(shown, r"ben +@ben:example.org +(\S{4} ){10}\S{3} +ben +\w+-\S+ +ops")

        self.assertIn("publish --all", self.person("remove", "ana"))
        self.assertIn("no person has the name ana", self.person("remove", "ana"))
        self.assertEqual([person["name"] for person in self.people()], ["ben"])

    def test_the_key_of_a_sealed_file(self):
        sealed = {"v": 1, "role": "operator", "label": "ben", "public": BEN, "sealed": "AAAA" * 30}
        self.person("add", "ben", "--local", "ben", "--key", self.write(json.dumps(sealed), "ben.key"))
        self.assertEqual(self.people()[0]["key"], BEN)

    def test_people_who_cannot_be(self):
        self.add_people()
        before = (self.home / "people.yaml").read_text()
        for words, why in (
                (["eve"], "by what eve is recognised"),
                (["eve", "--local", "ana"], "one local user"),
                (["eve", "--mxid", "@ana:example.org"], "one mxid"),
                (["eve", "--mxid", "eve"], "eve.mxid must be a Matrix user"),
                (["eve", "--local", "e ve"], "eve has a local that is no name of a Unix user"),
                (["Eve", "--local", "eve"], "Eve.name must be a-z, 0-9"),
                (["dashboard", "--local", "eve"], "dashboard has the name of a principal"),
                (["eve", "--local", "eve", "--msk", KEY], "only a Matrix user has"),
                (["eve", "--local", "eve", "--group", "ana"], "a group with the name of a person"),
                (["eve", "--local", "eve", "--key", self.dir / "ben.pub"], "one key"),
                (["eve", "--local", "eve", "--key", self.write("x", "x.pub")], "neither a key file nor"),
                (["eve", "--local", "eve", "--key", self.dir / "missing"], "missing")):
            with self.subTest(words):
                self.assertIn(why, self.person("add", *words, status=2 if len(words) == 1 else 1))
        self.assertEqual((self.home / "people.yaml").read_text(), before)

    def test_people_of_an_editor(self):
        self.home.mkdir()
        path = self.home / "people.yaml"
        path.write_text("people:\n  - {name: ana, mxid: ana}\n  - name: ben\n    locl: ben\n")
        said = self.person("list", status=1)
        self.assertIn(f"{path}:2: people[0].mxid must be a Matrix user", said)
        self.assertIn(f"{path}:4: unknown key 'locl'; did you mean 'local'?", said)

    # templates

    def test_show(self):
        self.add_people()
        shown = self.manifest("show", self.write(TEMPLATE))
        self.assertIn("/usr/bin/ls [-l|-la] (adds --) (DIR in home)", shown)
        self.assertIn("operator      local:ana of ana", shown)
        self.assertIn("root var-log  /var/log", shown)
        policy = json.loads(self.manifest("show", "--json", self.write(TEMPLATE)))
        self.assertEqual(sorted(policy), ["approvers", "capabilities", "operators", "roots"])
        self.assertEqual(policy["capabilities"][0]["argv"][1], {"insert": "--"})

    def test_lint(self):
        self.add_people()
        said = self.manifest("lint", self.write(TEMPLATE + "  - run: find PATH in home\n  - write: /etc\n"),
                             status=1)
        self.assertIn(":6: find: this program can start others", said)
        self.assertIn(":7: write: root's programs read or run", said)
        self.assertNotIn("dispatchers", said)
        self.assertIn(":3: mia is neither a person nor a group; add with: devboxctl person add mia",
                      self.manifest("lint", self.write(TEMPLATE.replace("[ana]", "\n  - ana\n  - mia")),
                                    status=1))

    def test_lint_counts_persons(self):
        self.add_people()
        both = TEMPLATE + "  - {restart: 'nginx, ask', approval_count: 2}\n"
        for approvers, enough in (("[ana]", False), ("[ana, ben]", True), ("[dashboard]", False)):
            said = self.manifest("lint", self.write(f"approvers: {approvers}\n" + both))
            self.assertEqual("[approvers]" not in said, enough, said)
        signed = TEMPLATE + "  - restart: nginx, ask(signed)\n"
        for approvers, enough in (("[ana]", False), ("[ben]", True)):
            said = self.manifest("lint", self.write(f"approvers: {approvers}\n" + signed))
            self.assertEqual("[approvers]" not in said, enough, said)

    def test_lint_knows_who_is_heard(self):
        """What an approver writes counts if they are pinned; a reaction is one of Matrix."""
        self.add_people()
        text = TEMPLATE.replace("[ana]", "[local:ana]") + "  - restart: nginx, ask(reaction)\n"
        for approvers, pin, reaction in (("[ben]", True, False), ("[local:root]", False, True)):
            said = self.manifest("lint", self.write(f"approvers: {approvers}\n" + text))
            self.assertEqual(("note: @ben:example.org: without msk" in said, "[reaction]" in said),
                             (pin, reaction), said)
        self.person("add", "ben", "--msk", KEY)
        self.assertNotIn("[pin]", self.manifest("lint", self.write("approvers: [ben]\n" + text)))

    def test_sign_and_diff(self):
        self.operator("init", "--key", "-", text=SEED)
        self.add_people()
        path, signed = self.write(TEMPLATE), self.dir / "signed.json"
        self.assertIn("--device NAME --device-key KEY", self.manifest("sign", path, status=2))
        self.manifest("sign", path, "--key", "-", "-o", signed, "--device", "laptop", "--device-key", DEVICE,
                      "--dispatcher", DISPATCHER, text=SEED)
        self.manifest("verify", signed)
        self.assertEqual(self.manifest("diff", signed, path), "")
        self.assertIn("+ capabilities[df]: ",
                      self.manifest("diff", signed, self.write(TEMPLATE + "  - run: df -h\n"), status=1))
        ceiling = self.write(self.manifest("ceiling", "--print", path), "ceiling.yaml")
        self.manifest("verify", "--ceiling", ceiling, signed)
        self.assertIn("twice", self.manifest("sign", path, "--key", "-", "--device", "laptop",
                                             "--device-key", DISPATCHER, "--dispatcher", DISPATCHER,
                                             text=SEED, status=1))

    def test_examples(self):
        self.operator("init", "--key", "-", text=SEED)
        self.add_people()
        self.assertEqual(len(EXAMPLES), 3)
        for example in EXAMPLES:
            with self.subTest(example.name):
                self.assertLessEqual(len(example.read_text().splitlines()), 15)
                self.assertTrue(self.manifest("lint", example).endswith(f"{example}: ok\n"))
                signed = self.dir / "signed.json"
                self.manifest("sign", example, "--key", "-", "-o", signed, "--device", "laptop",
                              "--device-key", DEVICE, "--dispatcher", DISPATCHER, text=SEED)
                self.assertEqual(self.manifest("diff", signed, example), "")
                ceiling = self.write(self.manifest("ceiling", "--print", signed), "ceiling.yaml")
                self.manifest("verify", "--ceiling", ceiling, signed)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
