package bench;

import com.amazon.randomcutforest.RandomCutForest;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;

/**
 * AWS's forest alone, in one warm JVM: each record is scored, then learned. Driven by bench/forest_peers.py.
 *
 * <p>Arguments are name=value: points (a file of little-endian doubles, a record after the other), dimensions (of a
 * record), shingle_size, num_trees, sample_size, decay_rate, and either
 *
 * <ul>
 *   <li>scores (a file to write, little-endian doubles) and seeds: forests of seeds 0, 1, … each score the whole
 *       stream, one after the other;
 *   <li>or fill, keys and seconds: so many forests learn `fill` records each and are then visited in turn. Of passes
 *       that take `seconds` together, the fastest is printed as a line of JSON: microseconds of CPU time a record, of
 *       the whole process, so that what JIT and garbage collection still do is counted.
 * </ul>
 */
public final class ForestLoop {
    static final int PASSES = 15;
    static final int BLOCK = 100; // records between two looks at the clock

    private final Map<String, String> told = new HashMap<>();
    private final float[][] points; // the precision that the library computes in

    ForestLoop(String[] args) throws IOException {
        for (String arg : args) {
            String[] pair = arg.split("=", 2);
            told.put(pair[0], pair[1]);
        }
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(Path.of(told.get("points"))));
        DoubleBuffer values = bytes.order(ByteOrder.LITTLE_ENDIAN).asDoubleBuffer();
        int dimensions = whole("dimensions");
        points = new float[values.remaining() / dimensions][dimensions];
        for (float[] point : points) {
            for (int i = 0; i < dimensions; i++) {
                point[i] = (float) values.get();
            }
        }
    }

    private int whole(String name) {
        return Integer.parseInt(told.get(name));
    }

    private RandomCutForest forest(int seed) {
        int shingle = whole("shingle_size");
        return RandomCutForest.builder()
                .dimensions(whole("dimensions") * shingle)
                .shingleSize(shingle)
                .internalShinglingEnabled(shingle > 1)
                .numberOfTrees(whole("num_trees"))
                .sampleSize(whole("sample_size"))
                .timeDecay(Double.parseDouble(told.get("decay_rate")))
                .initialAcceptFraction(1.0)
                .outputAfter(whole("sample_size"))
                .parallelExecutionEnabled(false)
                .randomSeed(seed)
                .build();
    }

    private void writeScores(Path file, int seeds) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(seeds * points.length * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int seed = 0; seed < seeds; seed++) {
            RandomCutForest forest = forest(seed);
            for (float[] point : points) {
                bytes.putDouble(forest.getAnomalyScore(point));
                forest.update(point);
            }
        }
        Files.write(file, bytes.array());
    }

    private void measure(int keys, int fill, double seconds) {
        RandomCutForest[] forests = new RandomCutForest[keys];
        for (int key = 0; key < keys; key++) {
            forests[key] = forest(key);
            for (int i = 0; i < fill; i++) {
                forests[key].update(points[(key + i) % points.length]);
            }
        }
        OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        double best = Double.POSITIVE_INFINITY;
        double sum = 0.0; // printed, so that no score is computed in vain
        long next = fill;
        StringJoiner passes = new StringJoiner(", ", "[", "]");
        for (int pass = 0; pass < PASSES; pass++) {
            long began = system.getProcessCpuTime();
            long spent = 0;
            long records = 0;
            while (spent < seconds * 1e9 / PASSES) {
                for (int i = 0; i < BLOCK; i++, next++) {
                    float[] point = points[(int) (next % points.length)];
                    RandomCutForest forest = forests[(int) (next % keys)];
                    sum += forest.getAnomalyScore(point);
                    forest.update(point);
                }
                records += BLOCK;
                spent = system.getProcessCpuTime() - began;
            }
            double microseconds = spent / 1e3 / records;
            best = Math.min(best, microseconds);
            passes.add(String.format(Locale.ROOT, "%.3f", microseconds));
        }
        System.out.println(String.format(
                Locale.ROOT,
                "{\"microseconds\": %.3f, \"passes\": %s, \"records\": %d, \"mean_score\": %.6f}",
                best,
                passes,
                next - fill,
                sum / (next - fill)));
    }

    public static void main(String[] args) throws IOException {
        ForestLoop loop = new ForestLoop(args);
        if (loop.told.containsKey("scores")) {
            loop.writeScores(Path.of(loop.told.get("scores")), loop.whole("seeds"));
        } else {
            loop.measure(loop.whole("keys"), loop.whole("fill"), Double.parseDouble(loop.told.get("seconds")));
        }
    }
}
