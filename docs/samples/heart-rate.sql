-- Heart rates, of which one in a hundred is far too high: each gets an anomaly score, and of each second the most
-- unusual comes out first. rateType is text, so it takes no part in the score and passes through.
-- Records: {"heartRate": 72, "rateType": "NORMAL"}
CREATE OR REPLACE STREAM "SCORED_RATES" ("heartRate" INTEGER, "rateType" VARCHAR(16), "ANOMALY_SCORE" DOUBLE);

CREATE OR REPLACE PUMP "SCORE_PUMP" AS
    INSERT INTO "SCORED_RATES"
    SELECT STREAM "heartRate", "rateType", ANOMALY_SCORE
    FROM TABLE(RANDOM_CUT_FOREST(CURSOR(SELECT STREAM "heartRate", "rateType" FROM "SOURCE_SQL_STREAM_001")));

CREATE OR REPLACE STREAM "DESTINATION_SQL_STREAM" ("heartRate" INTEGER, "rateType" VARCHAR(16), "ANOMALY_SCORE" DOUBLE);

CREATE OR REPLACE PUMP "SORT_PUMP" AS
    INSERT INTO "DESTINATION_SQL_STREAM"
    SELECT STREAM * FROM "SCORED_RATES"
    ORDER BY FLOOR("SCORED_RATES".ROWTIME TO SECOND), ANOMALY_SCORE DESC;
