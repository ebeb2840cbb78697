"""What queuekit's SQL adapters share: tables, statements, and verbs that do no I/O.

From the ground up: `tables` (what is stored, and why each index is there), `rows` (between values
and rows), `dialect` (statements as text, once for each database), `asking` (what a verb is),
`clauses` (pieces of statements), `ending` (how jobs end, and what goes with them). On these stand
the verbs: `enqueueing`, `claiming` (with `levels` and `calls`), `finishing`, `leasing`,
`controlling`, `removing`, `reading`, `listing`, and `schema`. `driving` runs a verb on a cursor.
"""
