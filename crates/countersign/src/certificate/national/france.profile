# The French numbering plan as Arcep keeps it: nine digits behind country code 33, and the overseas departments and territories
# that are part of it under country codes of their own (Reunion and Mayotte, Guadeloupe and its neighbours, French Guiana,
# Martinique, Saint Pierre and Miquelon: six digits or nine). New Caledonia, French Polynesia, and Wallis and Futuna have plans of
# their own.
#
# Lengths compared on 2026-11-21 with the metadata of libphonenumber in the Python package phonenumbers 9.0.43 (Apache-2.0), which
# a test reads (test-data/numbers/lengths.tsv).
#
# Portability prefixes are assigned to operators by Arcep and change with them; none is written here. A list is a line of the
# form `portability PREFIX...` in a profile file.

profile france
plan 33 9
plan 262 9
plan 508 6-9
plan 590 9
plan 594 9
plan 596 9

region metropolitan-france 33
region french-overseas 262 508 590 594 596
