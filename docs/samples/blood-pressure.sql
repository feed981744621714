-- Blood pressure, two values that are scored together: the explanation says how much of a score is due to which of
-- them, and whether it was unusually HIGH or LOW.
-- Records: {"Systolic": 112.5, "Diastolic": 71.0, "BloodPressureLevel": "NORMAL"}
CREATE OR REPLACE STREAM "DESTINATION_SQL_STREAM" (
    "Systolic" DOUBLE,
    "Diastolic" DOUBLE,
    "BloodPressureLevel" VARCHAR(16),
    "ANOMALY_SCORE" DOUBLE,
    "ANOMALY_EXPLANATION" VARCHAR(512));

CREATE OR REPLACE PUMP "EXPLAIN_PUMP" AS
    INSERT INTO "DESTINATION_SQL_STREAM"
    SELECT STREAM "Systolic", "Diastolic", "BloodPressureLevel", ANOMALY_SCORE, ANOMALY_EXPLANATION
    FROM TABLE(RANDOM_CUT_FOREST_WITH_EXPLANATION(
        CURSOR(SELECT STREAM "Systolic", "Diastolic", "BloodPressureLevel" FROM "SOURCE_SQL_STREAM_001"),
        100,     -- numberOfTrees
        256,     -- subSampleSize
        100000,  -- timeDecay
        1,       -- shingleSize
        TRUE));  -- withDirectionality
