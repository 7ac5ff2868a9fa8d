#!/usr/bin/env python3
"""Answers joins by NATURAL and USING of four small tables, with PostgreSQL.

  adql_joins.py URL_OF_A_SERVER > adql/joins.jsonl

The first line has the tables, by name their columns and rows; each other a query with the columns and rows of its answer, in its
order where it has one.
"""
import json
import sys

import psycopg

TABLES = {
    "t": (["a", "b", "c"], [[1, 10, 1], [2, 20, None], [3, 30, 3], [None, 40, 4], [5, 50, 5]]),
    "u": (["a", "d"], [[1, 100], [2, None], [4, 400], [None, 500], [5, 501], [5, 502]]),
    "v": (["d", "a", "e"], [[100, 1, 7], [200, 2, 8], [400, 4, 9], [600, 6, 6], [502, 5, 5], [None, None, 4]]),
    "w": (["f"], [[1], [2]]),
}

QUERIES = """
SELECT * FROM t JOIN u USING (a)
SELECT * FROM t LEFT JOIN u USING (a)
SELECT * FROM t RIGHT JOIN u USING (a)
SELECT * FROM t FULL JOIN u USING (a)
SELECT a FROM t RIGHT JOIN u USING (a)
SELECT a, t.a AS ta, u.a AS ua FROM t FULL JOIN u USING (a)
SELECT * FROM u JOIN v USING (a, d)
SELECT * FROM u NATURAL JOIN v
SELECT * FROM u NATURAL FULL JOIN v
SELECT a, d FROM u NATURAL RIGHT JOIN v WHERE d > 100
SELECT * FROM t NATURAL JOIN w
SELECT * FROM t NATURAL LEFT JOIN w WHERE f = 1
SELECT * FROM t JOIN u USING (a) JOIN v ON t.a = v.a
SELECT t.*, v.e FROM t JOIN u USING (a) JOIN v ON u.a = v.a
SELECT * FROM t LEFT JOIN u USING (a) LEFT JOIN v USING (a)
SELECT * FROM t FULL JOIN u USING (a) FULL JOIN v USING (a)
SELECT a, COUNT(*) AS n FROM t FULL JOIN u USING (a) FULL JOIN v USING (a) GROUP BY a HAVING COUNT(*) > 0
SELECT a + 1 AS after_it, MAX(d) AS most FROM t FULL JOIN u USING (a) WHERE a > 1 GROUP BY a
SELECT DISTINCT a FROM t FULL JOIN u USING (a) ORDER BY a
SELECT * FROM t JOIN u JOIN v USING (a) ON t.a = u.a
SELECT * FROM t LEFT JOIN u JOIN v ON u.a = v.a ON t.a = u.a
SELECT * FROM t LEFT JOIN (u JOIN v USING (a)) USING (a)
SELECT * FROM t LEFT JOIN (u JOIN v USING (a)) AS x USING (a)
SELECT x.*, t.b FROM t JOIN (u FULL JOIN v USING (a, d)) AS x ON t.a = x.a
SELECT * FROM (SELECT * FROM t FULL JOIN u USING (a)) AS x NATURAL JOIN v
SELECT a, b FROM t WHERE EXISTS (SELECT e FROM u JOIN v USING (a) WHERE a = t.a)
SELECT a FROM t WHERE a IN (SELECT a FROM u FULL JOIN v USING (a))
SELECT * FROM t JOIN u USING (a), w WHERE f = 2
SELECT * FROM w, t NATURAL JOIN u
SELECT a FROM t JOIN u USING (a) UNION SELECT a FROM u NATURAL JOIN v
WITH x AS (SELECT * FROM u NATURAL FULL JOIN v) SELECT * FROM x JOIN t USING (a)
SELECT * FROM u FULL JOIN v USING (a), w
SELECT a, u.a FROM u FULL JOIN v USING (a)
SELECT a, e FROM u FULL JOIN v USING (a) ORDER BY u.a, e
SELECT a, a FROM t
SELECT *, t.a FROM t
SELECT a, t.a FROM t JOIN u USING (a)
SELECT a, a FROM t UNION SELECT b, c FROM t
SELECT b * 2 AS b FROM t ORDER BY t.b DESC
SELECT -b AS c FROM t ORDER BY c + 0
SELECT t.a, c AS a FROM t
SELECT t.*, e FROM t JOIN v ON t.a = v.a ORDER BY a
SELECT x.a FROM (SELECT t.a, u.d, v.d FROM t JOIN u ON t.a = u.a JOIN v ON u.a = v.a) AS x
SELECT y.a FROM t AS y WHERE EXISTS (SELECT x1.a FROM v AS x0 JOIN t AS x1 ON x0.e = x1.a WHERE x0.a = y.a AND x1.c > 1)
SELECT y.a FROM t AS y WHERE NOT EXISTS (SELECT x1.a FROM v AS x0 JOIN t AS x1 ON x0.e = x1.a WHERE x0.a = y.a AND x1.c > 1)
SELECT y.a FROM t AS y WHERE y.a IN (SELECT x1.a FROM v AS x0 JOIN t AS x1 ON x0.e = x1.a WHERE x0.a = y.a)
SELECT y.b FROM t AS y WHERE y.a IN (SELECT a FROM u FULL JOIN v USING (a) WHERE v.a = y.a)
SELECT c AS x, COUNT(*) AS n FROM t GROUP BY x ORDER BY x
SELECT a, COUNT(*) AS n FROM t FULL JOIN u USING (a) GROUP BY a ORDER BY COUNT(*) DESC, a
SELECT d, COUNT(a) AS n FROM u GROUP BY d HAVING COUNT(a) > 0 AND d > 100 ORDER BY d
SELECT MAX(b) AS b FROM t GROUP BY c ORDER BY MAX(b)
SELECT DISTINCT c FROM t ORDER BY c DESC
SELECT a AS k, COUNT(*) AS n FROM t GROUP BY a HAVING EXISTS (SELECT d FROM u WHERE u.a = t.a)
SELECT FLOOR(a / 2) AS a, COUNT(*) AS n FROM t GROUP BY FLOOR(a / 2)
SELECT a + b AS z, COUNT(*) AS b FROM t GROUP BY t.a + (b) ORDER BY z
SELECT DISTINCT t.a + 1 AS x FROM t ORDER BY a + 1
SELECT DISTINCT COUNT(*) AS n, d FROM u GROUP BY d ORDER BY COUNT(*), d
SELECT DISTINCT c AS d FROM t ORDER BY d
SELECT b FROM t AS y WHERE b IN (SELECT MAX(b) FROM t AS z GROUP BY c HAVING MAX(b) > 10 AND MAX(z.a) < y.b)
"""


def main(url):
    with psycopg.connect(url) as connection:
        print(json.dumps({"server": connection.execute("SELECT version()").fetchone()[0].split(" on ")[0], "tables": TABLES}))
        for name, (columns, rows) in TABLES.items():
            typed = ", ".join(f"{column} double precision" for column in columns)
            connection.execute(f"CREATE TEMPORARY TABLE {name} ({typed})")
            for row in rows:
                connection.execute(f"INSERT INTO {name} VALUES ({', '.join(['%s'] * len(row))})", row)
        for query in QUERIES.strip().splitlines():
            answer = connection.execute(query)
            names = [column.name for column in answer.description]
            print(json.dumps({"query": query, "columns": names, "rows": [[None if v is None else float(v) for v in row] for row in answer]}))


main(sys.argv[1])
