# The North American Numbering Plan: country code 1, an area code and seven digits. The longest prefix decides, so that 1 alone
# stands for the United States and its territories, and an area code that is new there needs no change here. One that is new
# elsewhere does.
#
# Compared on 2026-11-21, area code by area code, with the metadata of libphonenumber in the Python package phonenumbers 9.0.43
# (Apache-2.0), which a test reads (test-data/numbers/area-codes.tsv). The codes that it does not list and that are set aside for
# Canada are from phone-iso3166 0.4.1 (MIT) and Number::Phone 3.9001 (Artistic or GPL), facts only.

profile north-america
plan 1 10

region us 1

region canada 1204 1226 1236 1249 1250 1257 1263 1273 1289 1306 1343 1354 1365 1367 1368 1382 1403 1416 1418 1428 1431 1437 1438
region canada 1450 1468 1474 1506 1514 1519 1548 1579 1581 1584 1587 1604 1613 1639 1647 1672 1683 1705 1709 1742 1753 1778 1780
region canada 1782 1807 1819 1825 1867 1873 1879 1902 1905 1942
# Canada, bound to no place: in service.
region canada 1600 1622 1633
# Canada, bound to no place: set aside (Number::Phone).
region canada 1644 1655 1677 1688
# Canada: set aside for places (phone-iso3166).
region canada 1387 1460 1487 1537 1568 1851 1871

# Anguilla, Antigua and Barbuda, Bahamas, Barbados, Bermuda, British Virgin Islands, Cayman Islands, Dominica, Dominican Republic,
# Grenada, Jamaica, Montserrat, Saint Kitts and Nevis, Saint Lucia, Saint Vincent and the Grenadines, Sint Maarten, Trinidad and
# Tobago, Turks and Caicos Islands.
region caribbean 1264 1268 1242 1246 1441 1284 1345 1767 1809 1829 1849 1473 1658 1876 1664 1869 1758 1784 1721 1868 1649

# Toll-free numbers, which the countries share.
region us+canada+caribbean 1800 1833 1844 1855 1866 1877 1888
# Premium rate numbers, which they share.
region us+canada+caribbean 1900
# Personal numbers, which they share; Canada has none in 500.
region us+caribbean 1500
region us+canada+caribbean 1521 1522 1523 1524 1525 1526 1527 1528 1529 1532 1533 1544 1566 1577 1588
