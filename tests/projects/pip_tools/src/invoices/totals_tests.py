import unittest

from invoices.totals import totals


class Totals(unittest.TestCase):
    def test_sums(self):
        items = [{"price": 9.99, "pieces": 2}, {"price": 0.02, "pieces": 1}]
        self.assertEqual(totals(items), {"net": "20.00", "tax": "3.80", "gross": "23.80"})
