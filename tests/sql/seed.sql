--Creates a temporary stream.
CREATE OR REPLACE STREAM "TEMP_STREAM" (
	        "volume"        INTEGER,
	        "ANOMALY_SCORE"    DOUBLE);
--Creates another stream for application output.	        
CREATE OR REPLACE STREAM "DESTINATION_SQL_STREAM" (
	        "volume"        INTEGER,
	        "ANOMALY_SCORE"    DOUBLE);
-- Compute an anomaly score for each record in the input stream
-- using Random Cut Forest
CREATE OR REPLACE PUMP "STREAM_PUMP" AS 
   INSERT INTO "TEMP_STREAM"
      SELECT 
        STREAM "volume",
        ANOMALY_SCORE 
      FROM TABLE(
        RANDOM_CUT_FOREST(
           --inputStream
           CURSOR(SELECT STREAM * FROM "SOURCE_SQL_STREAM_001"),
           --numberOfTrees
           100,
           --subSampleSize
           10,
           --timeDecay
           100,
           --shingleSize
           1
        ));
-- Sort records by descending anomaly score, insert into output stream
CREATE OR REPLACE PUMP "OUTPUT_PUMP" AS 
   INSERT INTO "DESTINATION_SQL_STREAM"
      SELECT STREAM * FROM "TEMP_STREAM"
      ORDER BY FLOOR("TEMP_STREAM".ROWTIME TO SECOND), ANOMALY_SCORE DESC;
