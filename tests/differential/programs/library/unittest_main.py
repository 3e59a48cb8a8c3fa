# outcome = "NONZERO_EXIT"
import unittest


class Tests(unittest.TestCase):
    def test_good(self):
        self.assertEqual(4, 2 + 2)

    def test_bad(self):
        self.assertEqual([1, 2], [1, 3])

    @unittest.skip("not now")
    def test_skipped(self):
        pass


unittest.main()
