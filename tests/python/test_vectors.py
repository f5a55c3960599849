"""The vectors by another library than the engine's."""

import unittest

from client import ProtocolBroken, decode, encode
from vectors import as_json, files, lines


class Vectors(unittest.TestCase):
    def test_every_vector_decodes_to_its_value_and_encodes_to_its_bytes(self):
        for file in set(files()) - {"tolerant", "malformed"}:
            for vector in lines(file):
                with self.subTest(f"{file}: {vector['name']}"):
                    body = bytes.fromhex(vector["hex"])
                    value = decode(body)
                    self.assertEqual(as_json(value), vector["value"])
                    self.assertEqual(encode(value).hex(), vector["hex"])

    def test_what_is_not_one_value_is_no_frame(self):
        broken = [vector for vector in lines("malformed") if vector["error"] == 100 and vector["as"] != "stream"]
        self.assertGreater(len(broken), 5)
        for vector in broken:
            with self.subTest(vector["name"]), self.assertRaises(ProtocolBroken):
                decode(bytes.fromhex(vector["hex"]))


if __name__ == "__main__":
    unittest.main()
