// SPDX-License-Identifier: GPL-3.0-or-later
#include "matching_bench.h"

#include "gmic_matchpatch.h"
#include "matching/cuda_matcher.h"
#include "matching/exact_search.h"
#include "matching/patch_match.h"
#include "photo_maps.h"
#include "quality.h"
#include "tensor_patch_match.h"
#include "work.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <random>
#include <regex>
#include <sstream>

namespace chromatch {

namespace {

constexpr int thesis_iterations = 5;
constexpr double longest_run = 20.0;  // seconds: what would take longer is skipped
constexpr double time_of_a_run = 1.5; // seconds: after them no more than two repetitions
constexpr int tensor_maps = 4;        // a larger batch is scaled from so many
constexpr int tensor_largest_side = 64;
constexpr int gmic_maps = 6;
constexpr std::size_t brute_force_pixels = 32 * 32;

std::vector<Shape> default_shapes()
{
    std::vector<Shape> shapes;
    for (const int side : {32, 64, 128, 256, 512})
        shapes.push_back({1, side, side, 64});
    shapes.push_back({96, 32, 32, 64});
    shapes.push_back(thesis_shape);
    return shapes;
}

std::vector<NearestNeighbourField> random_fields(const Shape& shape, std::uint64_t seed)
{
    std::mt19937_64 generator(seed);
    std::vector<NearestNeighbourField> fields;
    for (int map = 0; map < shape.count; ++map) {
        NearestNeighbourField field{shape.height, shape.width, {}, {}};
        for (std::size_t i = 0; i < shape.pixels(); ++i)
            field.match.push_back({static_cast<std::uint16_t>(generator() % shape.height),
                                   static_cast<std::uint16_t>(generator() % shape.width)});
        fields.push_back(std::move(field));
    }
    return fields;
}

std::string describe(const MatchingRun& run)
{
    std::ostringstream text;
    text << run.matcher << " (" << run.instructions << ") on " << run.maps << " maps [" << run.shape.count << ", "
         << run.shape.height << ", " << run.shape.width << ", " << run.shape.channels << "]";
    return text.str();
}

/// "sm_90" for "... (compute capability 9.0)", the end of a CUDA device's name.
std::string cuda_architecture(const std::string& device)
{
    std::smatch found;
    if (!std::regex_search(device, found, std::regex("compute capability ([0-9]+)\\.([0-9]+)")))
        return "unknown";
    return "sm_" + found[1].str() + found[2].str();
}

/// The runs on one batch of maps.
class MapBench {
  public:
    MapBench(const MapPairs& maps, const MatchingBenchOptions& options, MatchingReport& report)
        : maps_(maps), options_(options), report_(report), best_(levels().front())
    {
    }

    void run()
    {
        const bool every_level = maps_.shape == thesis_shape || options_.shape;
        const std::vector<simd::Level> used = every_level ? levels() : std::vector{best_};
        for (const simd::Level level : used)
            exact(level, false);
        exact(best_, true);
        if (!report_.cuda_device.empty())
            cuda();
        for (const simd::Level level : used)
            patch_match_from_coarse(level, false);
        patch_match_from_coarse(best_, true);
        patch_match_from_random();
        if (std::max(maps_.shape.height, maps_.shape.width) <= tensor_largest_side)
            tensor();
        if (maps_.shape.all_pixels() <= brute_force_pixels)
            brute();
        if (options_.gmic)
            gmic();
    }

  private:
    MatchingRun start_run(const char* matcher, simd::Level level) const
    {
        MatchingRun run;
        run.matcher = matcher;
        run.device = "cpu";
        run.instructions = name_of(level);
        run.shape = maps_.shape;
        run.maps = maps_.kind;
        return run;
    }

    MatchOptions match_options() const
    {
        MatchOptions match;
        match.threads = options_.threads;
        return match;
    }

    /// The first `count` pairs.
    FeatureBatch targets(int count) const { return maps_.targets(count); }
    FeatureBatch references(int count) const { return maps_.references(count); }

    void exact(simd::Level level, bool reverse)
    {
        MatchingRun run = start_run("exact", level);
        run.reverse = reverse;
        run.operations = exact_operations(maps_.shape);
        run.bytes = least_bytes(maps_.shape, true, reverse);
        const double expected = run.operations / exact_rate(level);
        if (expected > longest_run) {
            skip(run, expected);
            return;
        }
        MatchOptions match = match_options();
        match.reverse = reverse;
        const Matches matches = timed(
            run, level, [&] { return exact_search(targets(run.shape.count), references(run.shape.count), match); });
        if (exact_.empty())
            exact_ = distances(matches);
        finish(run, level, true, matches);
    }

    /// Operations a second, as the last exact search did them; before the first, half the ceiling.
    double exact_rate(simd::Level level) const
    {
        double rate = 0.5 * report_.ceilings.of(level).integer_operations;
        for (const MatchingRun& run : report_.runs)
            if (run.matcher == "exact" && run.instructions == name_of(level))
                rate = run.operations / run.seconds;
        return rate;
    }

    void patch_match_from_coarse(simd::Level level, bool reverse)
    {
        MatchOptions match = match_options();
        match.reverse = reverse;
        patch_match_run(level, match, "coarse");
    }

    void patch_match_from_random()
    {
        const std::vector<NearestNeighbourField> initial = random_fields(maps_.shape, 1);
        MatchOptions match = match_options();
        match.iterations = thesis_iterations;
        match.initial = initial.data();
        patch_match_run(best_, match, "random");
    }

    void patch_match_run(simd::Level level, const MatchOptions& match, const char* start)
    {
        MatchingRun run = start_run("patchmatch", level);
        run.reverse = match.reverse;
        run.iterations = match.iterations;
        run.start = start;
        run.operations = patch_match_operations(maps_.shape, match);
        run.bytes = least_bytes(maps_.shape, true, match.reverse);
        const Matches matches = timed(
            run, level, [&] { return patch_match(targets(run.shape.count), references(run.shape.count), match); });
        finish(run, level, true, matches);
    }

    /// Exact search comes first: where the CPU's was skipped, the others are compared with it.
    void cuda()
    {
        for (const MatchMethod method : {MatchMethod::exact, MatchMethod::patch_match})
            for (const bool reverse : {false, true}) {
                MatchOptions match = match_options();
                match.reverse = reverse;
                cuda_run(method, match, method == MatchMethod::exact ? "" : "coarse");
            }
        const std::vector<NearestNeighbourField> initial = random_fields(maps_.shape, 1);
        MatchOptions match = match_options();
        match.iterations = thesis_iterations;
        match.initial = initial.data();
        cuda_run(MatchMethod::patch_match, match, "random");
    }

    /// From the host's memory and back to it.
    void cuda_run(MatchMethod method, const MatchOptions& match, const char* start)
    {
        const bool is_exact = method == MatchMethod::exact;
        MatchingRun run = start_run(is_exact ? "exact" : "patchmatch", best_);
        run.device = "cuda";
        run.instructions = cuda_architecture(report_.cuda_device);
        run.reverse = match.reverse;
        if (!is_exact)
            run.iterations = match.iterations;
        run.start = start;
        run.operations = is_exact ? exact_operations(maps_.shape) : patch_match_operations(maps_.shape, match);
        run.bytes = least_bytes(maps_.shape, true, match.reverse);
        const Matches matches = timed(run, best_, [&] {
            return cuda_match(method, targets(run.shape.count), references(run.shape.count), match);
        });
        if (is_exact && exact_.empty())
            exact_ = distances(matches);
        judge(run, matches);
        report_.runs.push_back(run);
    }

    void tensor()
    {
        const int count = std::min(maps_.shape.count, tensor_maps);
        MatchOptions match = match_options();
        match.iterations = thesis_iterations;
        MatchingRun run = start_run("tensor", best_);
        run.iterations = match.iterations;
        run.start = "random";
        run.operations = candidate_operations(
            maps_.shape, match.patch,
            tensor_patch_match_candidates(maps_.shape.height, maps_.shape.width, match.iterations));
        run.bytes = least_bytes(maps_.shape, false, false);
        const Matches matches =
            timed(run, best_, [&] { return tensor_patch_match(targets(count), references(count), match); });
        scale(run, count);
        finish(run, best_, false, matches);
    }

    void brute()
    {
        MatchingRun run = start_run("brute-force", simd::Level::baseline);
        run.operations = candidate_operations(maps_.shape, run.patch, double(maps_.shape.pixels()));
        run.bytes = least_bytes(maps_.shape, false, false);
        const Matches matches = timed(run, best_, [&] {
            return brute_force(targets(run.shape.count), references(run.shape.count), run.patch, options_.threads);
        });
        finish(run, simd::Level::baseline, false, matches);
    }

    void gmic()
    {
        const int count = std::min(maps_.shape.count, gmic_maps);
        MatchingRun run = start_run("gmic-matchpatch", simd::Level::baseline);
        run.iterations = gmic_iterations;
        run.start = "random";
        run.operations = candidate_operations(maps_.shape, run.patch, 1 + gmic_iterations * (4 + gmic_randoms));
        run.bytes = least_bytes(maps_.shape, false, false);
        const TimedMatches found = gmic_matchpatch(targets(count), references(count), run.patch);
        run.seconds = run.seconds_min = found.seconds;
        scale(run, count);
        finish(run, simd::Level::baseline, false, found.matches);
    }

    void skip(const MatchingRun& run, double expected)
    {
        std::ostringstream text;
        text << describe(run) << (run.reverse ? ", both directions" : "") << ": it would take about "
             << static_cast<int>(expected) << " s.";
        report_.skipped.push_back(text.str());
    }

    /// Repeats a call and notes its times; returns what it gave last.
    Matches timed(MatchingRun& run, simd::Level level, const std::function<Matches()>& call) const
    {
        std::cerr << describe(run) << '\n';
        simd::limit = level;
        Matches matches;
        std::vector<double> times;
        double sum = 0.0;
        while (static_cast<int>(times.size()) < options_.repetitions && (times.size() < 2 || sum < time_of_a_run)) {
            const auto start = std::chrono::steady_clock::now();
            matches = call();
            times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
            sum += times.back();
        }
        simd::limit = simd::Level::avx512;
        std::sort(times.begin(), times.end());
        const std::size_t middle = times.size() / 2;
        run.repetitions = static_cast<int>(times.size());
        run.seconds = times.size() % 2 == 1 ? times[middle] : 0.5 * (times[middle - 1] + times[middle]);
        run.seconds_min = times.front();
        return matches;
    }

    /// From `count` maps to the whole batch.
    static void scale(MatchingRun& run, int count)
    {
        if (count == run.shape.count)
            return;
        run.scaled_from = count;
        run.seconds *= double(run.shape.count) / count;
        run.seconds_min *= double(run.shape.count) / count;
    }

    std::vector<double> distances(const Matches& matches) const
    {
        const int count = static_cast<int>(matches.forward.size());
        return true_distances(targets(count), references(count), matches.forward, MatchOptions().patch,
                              options_.threads);
    }

    void judge(MatchingRun& run, const Matches& matches) const
    {
        if (exact_.empty())
            return;
        const Quality quality = compare(distances(matches), exact_);
        run.rho = quality.rho;
        run.exact_share = quality.exact_share;
    }

    void finish(MatchingRun& run, simd::Level level, bool integers, const Matches& matches)
    {
        judge(run, matches);
        const LevelCeilings& ceilings = report_.ceilings.of(level);
        run.peak_share = run.operations / run.seconds / ceilings.float_operations;
        if (integers)
            run.integer_peak_share = run.operations / run.seconds / ceilings.integer_operations;
        run.copy_share = run.bytes / run.seconds / report_.ceilings.copied_bytes;
        report_.runs.push_back(run);
    }

    const MapPairs& maps_;
    const MatchingBenchOptions& options_;
    MatchingReport& report_;
    simd::Level best_;
    std::vector<double> exact_; // true distances of the exact search's matches; empty where it was skipped
};

} // namespace

MatchingReport bench_matching(const MatchingBenchOptions& options)
{
    MatchingReport report{measure_ceilings(options.threads), {}, {}, {}};
    std::string why_not;
    if (cuda_available(&why_not))
        report.cuda_device = cuda_device_name();
    else
        report.skipped.push_back("CUDA: " + why_not);
    const std::vector<Shape> shapes = options.shape ? std::vector{*options.shape} : default_shapes();
    for (const Shape& shape : shapes) {
        if (options.random_maps)
            MapBench(random_maps(shape, 0), options, report).run();
        if (options.photo_maps && photo_maps_possible(shape))
            MapBench(photo_maps(shape, options.samples, options.models), options, report).run();
        else if (options.photo_maps)
            report.skipped.push_back("Maps of photos are square, with a side that is a multiple of 4 and 64 channels.");
    }
    return report;
}

} // namespace chromatch
