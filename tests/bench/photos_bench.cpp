// SPDX-License-Identifier: GPL-3.0-or-later
#include "photos_bench.h"

#include "photo_maps.h"
#include "resampling/resize.h"

#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <tuple>

namespace chromatch {

namespace {

using Json = nlohmann::json;

/// Enlarged, with grain on top: an enlargement is smoother than any photo of its size.
Plane enlarged_luminance(const Plane& small, int height, int width)
{
    Plane plane = resize(small, height, width);
    std::uint32_t state = 1;
    for (float& value : plane.values) {
        state = state * 1664525u + 1013904223u; // Numerical Recipes' generator
        value = std::clamp(value + 4.0f * (static_cast<float>(state >> 8) / (1 << 24) - 0.5f), 0.0f, 100.0f);
    }
    return plane;
}

/// Largest resident size of this process so far. Not getrusage()'s, which a forked process has from its parent.
std::int64_t peak_memory()
{
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:"))
            return std::stoll(line.substr(6)) * 1024;
    return 0;
}

void use_cores(int count)
{
    cpu_set_t allowed, wanted;
    CPU_ZERO(&wanted);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    for (int core = 0; core < CPU_SETSIZE && CPU_COUNT(&wanted) < count; ++core)
        if (CPU_ISSET(core, &allowed))
            CPU_SET(core, &wanted);
    sched_setaffinity(0, sizeof wanted, &wanted);
}

/// What the new process does.
Json colour_one(const PhotosBenchOptions& options, const LabImage& target, const LabImage& reference, double megapixels)
{
    use_cores(options.cores);
    const auto [height, width] = size_of(megapixels, target.l.height, target.l.width);
    Request request;
    request.options.working_size = options.working_size;
    request.options.device = Device::cpu;
    request.luminance = enlarged_luminance(target.l, height, width);
    request.references.resize(1);
    LabImage& image = request.references[0].image;
    image.l = enlarged_luminance(reference.l, height, width);
    image.a = resize(reference.a, height, width);
    image.b = resize(reference.b, height, width);

    using Clock = std::chrono::steady_clock;
    const auto seconds_since = [](Clock::time_point start) {
        return std::chrono::duration<double>(Clock::now() - start).count();
    };
    const Clock::time_point start = Clock::now();
    const std::unique_ptr<Colorizer> colorizer = load_colorizer({options.models});
    const double load_seconds = seconds_since(start);
    const Clock::time_point loaded = Clock::now();
    const Result result = colorizer->colorize(request, nullptr);
    return {{"load_seconds", load_seconds},
            {"seconds", seconds_since(loaded)},
            {"stage_seconds", result.stage_seconds},
            {"plane_bytes", 4 * sizeof(float) * request.luminance.values.size()},
            {"peak_bytes", peak_memory()}};
}

/// Runs `work` in a process of its own and gives back what it returned; {"failure": ...} where it threw or died.
template <class Work> Json in_a_process(const Work& work)
{
    int ends[2];
    if (pipe(ends) != 0)
        throw std::runtime_error("No pipe can be made to a process for a photo.");
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child < 0)
        throw std::runtime_error("No process can be started for a photo.");
    if (child == 0) {
        close(ends[0]);
        std::string text;
        try {
            text = work().dump();
        } catch (const std::exception& error) {
            text = Json{{"failure", error.what()}}.dump();
        }
        const bool told = write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
        _exit(told ? 0 : 1);
    }
    close(ends[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t count; (count = read(ends[0], buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(count));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    const Json report = Json::parse(text, nullptr, false);
    if (!report.is_discarded())
        return report;
    return {{"failure", WIFSIGNALED(status)
                            ? "Its process was ended by signal " + std::to_string(WTERMSIG(status)) + "."
                            : "Its process ended with status " + std::to_string(WEXITSTATUS(status)) + "."}};
}

} // namespace

std::pair<int, int> size_of(double megapixels, int sample_height, int sample_width)
{
    const double scale = std::sqrt(megapixels * 1e6 / (double(sample_height) * sample_width));
    const auto side = [&](int length) { return std::max(1, static_cast<int>(std::lround(length * scale))); };
    return {side(sample_height), side(sample_width)};
}

bool within_floors(const PhotoRun& run)
{
    return run.megapixels != floor_megapixels ||
           (run.failure.empty() && run.load_seconds + run.seconds <= floor_seconds &&
            static_cast<double>(run.own_bytes()) <= floor_bytes);
}

std::vector<PhotoRun> bench_photos(const PhotosBenchOptions& options)
{
    const LabImage target = read_photo(options.samples / "mountains-target.jpg");
    const LabImage reference = read_photo(options.samples / "mountains-reference.jpg");
    std::vector<PhotoRun> runs;
    for (const double megapixels : options.megapixels) {
        const Json report = in_a_process([&] { return colour_one(options, target, reference, megapixels); });
        PhotoRun run;
        run.megapixels = megapixels;
        std::tie(run.height, run.width) = size_of(megapixels, target.l.height, target.l.width);
        if (report.contains("failure")) {
            run.failure = report["failure"];
        } else {
            run.load_seconds = report["load_seconds"];
            run.seconds = report["seconds"];
            for (int i = 0; i < stage_count; ++i)
                run.stage_seconds[i] = report["stage_seconds"][i];
            run.plane_bytes = report["plane_bytes"];
            run.peak_bytes = report["peak_bytes"];
        }
        runs.push_back(run);
    }
    return runs;
}

} // namespace chromatch
