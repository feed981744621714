-- One application with about every construct there is. Its rows are compared in tests/test_job_sql.py.
CREATE OR REPLACE STREAM "COUNTED" (minute_ TIMESTAMP, "sensor" VARCHAR(4), records BIGINT, average DOUBLE);
CREATE OR REPLACE PUMP "COUNT_PUMP" AS INSERT INTO "COUNTED"
    SELECT STREAM FLOOR(s.ROWTIME TO MINUTE), "sensor", COUNT(*), AVG("value") AS a
    FROM "SOURCE_SQL_STREAM_001" AS s
    WHERE "value" >= 0
    GROUP BY "sensor", FLOOR(s.ROWTIME TO MINUTE)
    HAVING COUNT(*) > 1;

CREATE STREAM stepped (started TIMESTAMP, highest INTEGER, opened INTEGER);
CREATE PUMP step_pump AS INSERT INTO stepped
    SELECT STREAM STEP(s.ROWTIME BY INTERVAL '10' SECOND) AS "column_1", MAX("window_start") AS "window_end",
        FIRST_VALUE(NULLIF("window_time", 41)) AS "row_number_"
    FROM (SELECT STREAM "value" AS "window_start", "id" AS "window_time", 1 AS "sort_0" FROM "SOURCE_SQL_STREAM_001") AS s
    GROUP BY STEP(s.ROWTIME BY INTERVAL '10' SECOND), "sort_0"
    ORDER BY STEP(s.ROWTIME BY INTERVAL '10' SECOND), "window_end" DESC, "sort_0";

CREATE STREAM staggered (minute_ TIMESTAMP, "sensor" VARCHAR(4), opened TIMESTAMP, first_ INTEGER, last_ INTEGER,
    records BIGINT, texts BIGINT, highest DOUBLE);
CREATE PUMP stagger_pump AS INSERT INTO staggered
    SELECT STREAM FLOOR(s.ROWTIME TO MINUTE) AS m, UPPER("sensor"), MIN(s.ROWTIME), FIRST_VALUE("id"), LAST_VALUE("id"),
        COUNT(*), COUNT(DISTINCT "text"), MAX("value" + 1) - 1
    FROM "SOURCE_SQL_STREAM_001" AS s
    WHERE "value" > 9.5
    WINDOWED BY STAGGER (PARTITION BY ("sensor"), FLOOR(s.ROWTIME TO MINUTE) RANGE INTERVAL '7' SECOND)
    HAVING COUNT(*) > 1;
-- Of a sensor, and of none; names that are helpers', or end a name elsewhere
CREATE STREAM "beside" ("is over" TIMESTAMP, "value_0" VARCHAR(4), "sum" BIGINT);
CREATE PUMP beside_pump AS INSERT INTO "beside"
    SELECT STREAM "w `1".ROWTIME, "w `1"."value_0", "w `1"."window_start" FROM (
        SELECT STREAM SUM("id") AS "window_start", NULLIF("sensor", 'b') AS "value_0" FROM "SOURCE_SQL_STREAM_001"
        WINDOWED BY STAGGER (PARTITION BY NULLIF("sensor", 'b') RANGE INTERVAL '2.5' SECOND)) AS "w `1"
    UNION ALL SELECT STREAM FLOOR(MAX(s.ROWTIME) TO MINUTE), 'all', COUNT(*) FROM staggered AS s
    WINDOWED BY STAGGER (PARTITION BY 1 RANGE INTERVAL '1' MINUTE);

CREATE STREAM sliding (id INTEGER, in_time DOUBLE, of_rows DOUBLE, half DOUBLE, before DOUBLE, not_so_far DOUBLE,
    first_ DOUBLE, last_ DOUBLE, kept INTEGER);
CREATE PUMP sliding_pump AS INSERT INTO sliding
    SELECT STREAM "id", SUM("value") OVER w, MIN("value") OVER (PARTITION BY "sensor" ROWS 2 PRECEDING),
        SUM("value") OVER w / 2, LAG("value", 5, "id") OVER w, LAG("value", 6, -1) OVER w,
        FIRST_VALUE("value") OVER (PARTITION BY "sensor" ROWS 2 PRECEDING),
        LAST_VALUE("value") IGNORE NULLS OVER (PARTITION BY "sensor" ROWS 2 PRECEDING), "over_0"
    FROM (SELECT STREAM *, "id" AS "over_0" FROM "SOURCE_SQL_STREAM_001")
    WINDOW w AS (PARTITION BY "sensor" RANGE INTERVAL '5' SECOND PRECEDING);

CREATE STREAM "pairs" ("left" INTEGER, "right" INTEGER, later TIMESTAMP);
CREATE PUMP pairs_pump AS INSERT INTO "pairs"
    SELECT STREAM l."id", r."id", l.ROWTIME
    FROM "SOURCE_SQL_STREAM_001" OVER (RANGE INTERVAL '2.3' SECOND PRECEDING) AS l
    JOIN (SELECT STREAM "id", "sensor" AS s FROM "SOURCE_SQL_STREAM_001" WHERE MOD("id", 2) = 0) AS r
        ON l."sensor" = r.s
    WHERE l."id" <> r."id";
CREATE STREAM paired_by_minute (minute_ TIMESTAMP, pairs BIGINT);
CREATE PUMP paired_pump AS INSERT INTO paired_by_minute
    SELECT STREAM FLOOR("pairs".ROWTIME TO MINUTE), COUNT(*) FROM "pairs"
    GROUP BY FLOOR("pairs".ROWTIME TO MINUTE);

CREATE STREAM said (id INTEGER, what VARCHAR(12), n SMALLINT, seen BOOLEAN);
CREATE PUMP first_said AS INSERT INTO said
    SELECT STREAM "id", CASE WHEN "sensor" = 'a' THEN UPPER("text") ELSE TRIM("text") || '!' END,
        CAST("value" AS SMALLINT), "value" IS NOT NULL AND "id" IN (1, 2)
    FROM "SOURCE_SQL_STREAM_001" WHERE "id" BETWEEN 1 AND 4 AND NOT "text" LIKE 'x%' AND "text" SIMILAR TO '%(he|x)l+o%';
CREATE PUMP then_said AS INSERT INTO said (n, id) -- by position, the others are NULL
    SELECT STREAM "value" * 10000, "id" FROM "SOURCE_SQL_STREAM_001" WHERE "id" <= 3
    UNION ALL SELECT STREAM POSITION('l' IN "text"), "id" / ("id" - 5) FROM "SOURCE_SQL_STREAM_001"
    WHERE "id" > 4 AND "id" < 6;

/* A forest for each sensor: what the service never had. */
CREATE STREAM scored ("id" INTEGER, "sensor" VARCHAR(4), score DOUBLE, why VARCHAR(200));
CREATE PUMP score_pump AS INSERT INTO scored
    SELECT STREAM "id", "sensor", ANOMALY_SCORE, ANOMALY_EXPLANATION
    FROM TABLE(RANDOM_CUT_FOREST_WITH_EXPLANATION(
        CURSOR(SELECT STREAM "id", "sensor", "value", "value" * "value" AS "square" FROM "SOURCE_SQL_STREAM_001")
        PARTITION BY "sensor", 20, 10, 100, 1, TRUE)) AS f;

CREATE STREAM crowded ("id" INTEGER, found VARCHAR(4000));
CREATE PUMP crowd_pump AS INSERT INTO crowded
    SELECT STREAM "id", HOTSPOTS_RESULT FROM TABLE(
        HOTSPOTS(CURSOR(SELECT STREAM "id", "value" FROM "SOURCE_SQL_STREAM_001" WHERE "value" > 0), 100, 1.5, 3));

CREATE STREAM "faults" (level_ CHAR(3), why VARCHAR(20), pump VARCHAR(32));
CREATE PUMP fault_pump AS INSERT INTO "faults"
    SELECT STREAM e.ERROR_LEVEL, e.MESSAGE, e.PUMP_NAME FROM "error_stream" AS e WHERE e.PUMP_NAME IS NOT NULL;
CREATE PUMP report_pump AS INSERT INTO "error_stream" (MESSAGE, PUMP_NAME)
    SELECT STREAM 'negative', 'by hand' FROM "SOURCE_SQL_STREAM_001" WHERE "value" < 0;

-- Names and strings with everything in them that ends a name or a string elsewhere, and a name that is easily taken
CREATE STREAM "records" ("größe ""x`;" CHARACTER VARYING(99), "APPROXIMATE_ARRIVAL_TIME" TIMESTAMP, // a comment; with a '
    millis BIGINT, since BIGINT, again TIMESTAMP, narrow DOUBLE, replaced VARCHAR(9),
    seconds DECIMAL(9, 4), minutes BIGINT, stepped TIMESTAMP, padded VARCHAR(9), never TIMESTAMP);
CREATE PUMP "p ""1`" STARTED AS INSERT EXPEDITE INTO "records" ("größe ""x`;", millis, since, again, narrow, replaced,
    seconds, minutes, stepped, padded, never)
SELECT ALL "text" || ' größer 😀 ''x''; -- no', UNIX_TIMESTAMP(s.ROWTIME), TSDIFF(TIMESTAMP '1969-12-31 23:59:59.750',
    s.ROWTIME), TO_TIMESTAMP(1000 * CAST("id" AS BIGINT)), CAST("value" AS REAL), REGEX_REPLACE("text", '[x]', 'yy', 1, 0),
    EXTRACT(SECOND FROM s.ROWTIME + INTERVAL '61.5' SECOND), EXTRACT(MINUTE FROM s.ROWTIME + INTERVAL '61.5' SECOND),
    STEP(TIMESTAMP '1969-12-31 23:59:54.500' BY INTERVAL '10' SECOND), CAST("text" AS CHAR(3)) || '.',
    TO_TIMESTAMP(-62135596800000 - "id")
FROM "SOURCE_SQL_STREAM_001" s WHERE "id" = 1;

-- What ends a Flink job, or wraps around in it, is NULL or an error
CREATE STREAM "edges" (narrow SMALLINT, wide INTEGER, exact DECIMAL(9, 1), whole DOUBLE, rest INTEGER);
CREATE PUMP to_edges AS INSERT INTO "edges"
SELECT STREAM CAST("value" * 1E9 AS SMALLINT), CAST("value" * 1E300 AS INTEGER), CAST(SQRT(-"value") AS DECIMAL(9, 1)),
    ROUND(SQRT(-"value")), "id" % ("id" - 1)
FROM "SOURCE_SQL_STREAM_001" WHERE "id" = 1;
CREATE PUMP "no edges" AS INSERT INTO "edges" (exact)
SELECT STREAM SQRT(-"value") FROM "SOURCE_SQL_STREAM_001" WHERE "id" = 2;
