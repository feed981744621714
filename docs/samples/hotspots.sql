-- Positions, of which more than elsewhere are in one small square: each comes out with the dense regions among the last
-- thousand, where at least 17 of them are within 0.2 of one another. is_hot says what is true, for comparison.
-- Records: {"x": 2.31, "y": 7.08, "is_hot": "N"}
CREATE OR REPLACE STREAM "DESTINATION_SQL_STREAM" (
    "x" DOUBLE,
    "y" DOUBLE,
    "is_hot" VARCHAR(4),
    "HOTSPOTS_RESULT" VARCHAR(10000));

CREATE OR REPLACE PUMP "HOTSPOTS_PUMP" AS
    INSERT INTO "DESTINATION_SQL_STREAM"
    SELECT STREAM "x", "y", "is_hot", HOTSPOTS_RESULT
    FROM TABLE(HOTSPOTS(
        CURSOR(SELECT STREAM "x", "y", "is_hot" FROM "SOURCE_SQL_STREAM_001"),
        1000,    -- windowSize
        0.2,     -- scanRadius
        17));    -- minimumNumberOfPointsInAHotspot
