package bench;

import com.amazon.randomcutforest.RandomCutForest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.accumulators.ListAccumulator;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.serialization.Encoder;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.configuration.WebOptions;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.filesystem.bucketassigners.BasePathBucketAssigner;
import org.apache.flink.streaming.api.functions.sink.filesystem.rollingpolicies.OnCheckpointRollingPolicy;
import org.apache.flink.streaming.api.functions.windowing.ProcessAllWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * The benchmark's peer: our job as it is usually written in Java, with AWS's library and a record at a time.
 *
 * <pre>file -> parse -> watermarks -> keyBy -> score, then learn -> sort each second by score -> JSON files</pre>
 *
 * Arguments: input file, output directory, checkpoint directory. The last line printed is a JSON object with the
 * figures.
 */
public final class RandomCutForestJob {
    static final String RECORDS = "records";
    static final String LAPS = "laps";
    static final int RECORDS_A_LAP = 10_000;

    /** One record on its way; public fields and an empty constructor, so that Flink serialises it as a POJO. */
    public static class Reading {
        public long eventTime; // milliseconds since 1970
        public double volume;
        public double score;

        public Reading() {}
    }

    static class Parse extends RichMapFunction<String, Reading> {
        private transient ObjectMapper json;

        @Override
        public void open(OpenContext context) {
            json = new ObjectMapper();
        }

        @Override
        public Reading map(String line) throws IOException {
            JsonNode node = json.readTree(line);
            Reading reading = new Reading();
            reading.eventTime = OffsetDateTime.parse(node.get("event_time").textValue()).toInstant().toEpochMilli();
            reading.volume = node.get("volume").doubleValue();
            return reading;
        }
    }

    /**
     * The forest lives on the heap and in no Flink state: it is lost when the job fails. That is how the published
     * examples do it, because a forest put into state would be serialised whole at every record or checkpoint. So this
     * peer does less than our job, whose forest survives: the comparison leans towards Java.
     */
    static class ScoreThenLearn extends KeyedProcessFunction<String, Reading, Reading> {
        private transient RandomCutForest forest; // one key in this benchmark, so one forest
        private transient float[] point;
        private transient LongCounter records;
        private transient ListAccumulator<Long> laps;
        private transient int inLap;

        @Override
        public void open(OpenContext context) {
            forest = RandomCutForest.builder()
                    .dimensions(1)
                    .numberOfTrees(100)
                    .sampleSize(256)
                    .timeDecay(1.0 / 100_000) // the library wants the rate, our job the number of records
                    .initialAcceptFraction(1.0)
                    .outputAfter(256)
                    .parallelExecutionEnabled(false) // 100 tasks of under a microsecond: a thread pool only costs
                    .randomSeed(1)
                    .build();
            point = new float[1]; // the library copies it
            records = new LongCounter();
            laps = new ListAccumulator<>();
            getRuntimeContext().addAccumulator(RECORDS, records);
            getRuntimeContext().addAccumulator(LAPS, laps);
        }

        @Override
        public void processElement(Reading reading, Context context, Collector<Reading> out) {
            point[0] = (float) reading.volume;
            reading.score = forest.getAnomalyScore(point);
            forest.update(point);
            out.collect(reading);
            records.add(1L);
            if (++inLap == RECORDS_A_LAP) {
                inLap = 0;
                laps.add(System.nanoTime());
            }
        }
    }

    static class SortByScore extends ProcessAllWindowFunction<Reading, Reading, TimeWindow> {
        @Override
        public void process(Context context, Iterable<Reading> second, Collector<Reading> out) {
            List<Reading> rows = new ArrayList<>();
            second.forEach(rows::add);
            rows.sort(Comparator.comparingDouble((Reading row) -> row.score).reversed());
            rows.forEach(out::collect);
        }
    }

    static class JsonLine implements Encoder<Reading> {
        private transient ObjectMapper json;

        @Override
        public void encode(Reading row, OutputStream stream) throws IOException {
            if (json == null) {
                json = new ObjectMapper();
            }
            ObjectNode node = json.createObjectNode()
                    .put("event_time", Instant.ofEpochMilli(row.eventTime).toString())
                    .put("volume", row.volume)
                    .put("score", row.score);
            stream.write(json.writeValueAsBytes(node));
            stream.write('\n');
        }
    }

    static Configuration configuration(Path checkpoints) {
        Configuration configuration = new Configuration();
        configuration.set(PipelineOptions.OBJECT_REUSE, true); // no operator keeps a record that it passed on
        configuration.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(500));
        configuration.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, checkpoints.toUri().toString());
        // A restart would go on with an empty forest: let the run fail instead.
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
        // A mini cluster listens on every interface unless told not to.
        configuration.set(RestOptions.ADDRESS, "127.0.0.1");
        configuration.set(RestOptions.BIND_ADDRESS, "127.0.0.1");
        configuration.set(JobManagerOptions.BIND_HOST, "127.0.0.1");
        configuration.set(TaskManagerOptions.BIND_HOST, "127.0.0.1");
        configuration.set(WebOptions.SUBMIT_ENABLE, false);
        return configuration;
    }

    static void build(StreamExecutionEnvironment env, Path input, Path output) {
        FileSource<String> source = FileSource.forRecordStreamFormat(
                        new TextLineInputFormat(), new org.apache.flink.core.fs.Path(input.toUri()))
                .build();
        FileSink<Reading> sink = FileSink.forRowFormat(
                        new org.apache.flink.core.fs.Path(output.toUri()), new JsonLine())
                .withBucketAssigner(new BasePathBucketAssigner<>())
                .withRollingPolicy(OnCheckpointRollingPolicy.build())
                .build();
        env.fromSource(source, WatermarkStrategy.noWatermarks(), "file")
                .map(new Parse())
                .assignTimestampsAndWatermarks(WatermarkStrategy.<Reading>forMonotonousTimestamps()
                        .withTimestampAssigner((reading, previous) -> reading.eventTime))
                .keyBy(reading -> "volume")
                .process(new ScoreThenLearn())
                .returns(Reading.class)
                .windowAll(TumblingEventTimeWindows.of(Duration.ofSeconds(1)))
                .process(new SortByScore())
                .sinkTo(sink);
    }

    public static void main(String[] args) throws Exception {
        if (args.length != 3) {
            System.err.println("arguments must be: input file, output directory, checkpoint directory");
            System.exit(2);
        }
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.createLocalEnvironment(1, configuration(Path.of(args[2])));
        build(env, Path.of(args[0]), Path.of(args[1]));
        JobExecutionResult result = env.execute("Java peer");

        long records = result.getAccumulatorResult(RECORDS);
        double seconds = result.getNetRuntime() / 1e3; // of the job: without the start of JVM and mini cluster
        System.out.println(String.format(
                Locale.ROOT,
                "{\"records\": %d, \"seconds\": %.3f, \"records_per_second\": %.1f, "
                        + "\"records_per_second_second_half\": %.1f}",
                records,
                seconds,
                records / seconds,
                secondHalf(result.getAccumulatorResult(LAPS))));
    }

    /** Records per second from the middle lap to the last: what remains when the JIT has warmed up; 0 if too few. */
    static double secondHalf(List<Long> laps) {
        int middle = laps.size() / 2;
        int last = laps.size() - 1;
        if (last <= middle) {
            return 0.0;
        }
        return (double) (last - middle) * RECORDS_A_LAP / ((laps.get(last) - laps.get(middle)) / 1e9);
    }

    private RandomCutForestJob() {}
}
