// SPDX-License-Identifier: GPL-3.0-or-later
//
// chromatch: the engine's command line, one call of the engine for each target.
#include "cli/arguments.h"
#include "cli/photo_files.h"

#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <new>
#include <numeric>

namespace {

using namespace chromatch;
using namespace chromatch::cli;
using Json = nlohmann::ordered_json;

constexpr int exit_usage = 64; // sysexits.h
constexpr int exit_failure = 70;

class Stopwatch {
  public:
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

constexpr const char* stage_names[stage_count] = {"preparing", "features", "matching", "coloring", "upsampling"};

double mean_of(const Plane& plane)
{
    return std::accumulate(plane.values.begin(), plane.values.end(), 0.0) / static_cast<double>(plane.values.size());
}

/// Largest resident size of this process so far, in bytes.
std::int64_t peak_memory()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return std::int64_t{usage.ru_maxrss} * 1024;
}

/// The engine, loaded when the first photo has been read, so that a wrong name is reported at once.
class Engine {
  public:
    explicit Engine(std::filesystem::path models) : models_(std::move(models)) {}

    Colorizer& colorizer()
    {
        if (!colorizer_) {
            const Stopwatch loading;
            colorizer_ = load_colorizer({models_});
            load_seconds_ = loading.seconds();
        }
        return *colorizer_;
    }

    double load_seconds() const { return load_seconds_; }

  private:
    std::filesystem::path models_;
    std::unique_ptr<Colorizer> colorizer_;
    double load_seconds_ = 0;
};

/// Colours painted on a transparent picture.
Hints hints_of(const std::filesystem::path& file)
{
    Reference painted = reference_of(read_photo(file));
    if (painted.mask.empty())
        throw FileError(file.string() + ": the hints cover the whole picture; paint them on a transparent one.");
    for (float& share : painted.mask.values)
        share = share >= 0.5f ? 1.0f : 0.0f; // the soft rim of a stroke is not meant
    return {std::move(painted.image.a), std::move(painted.image.b), std::move(painted.mask)};
}

/// The engine's result; where there is not enough memory, at half the working size, and so on down to the smallest.
/// `request`'s working size is left as it was. Throws Error.
Result colour_within_memory(Engine& engine, Request& request, const Job& job)
{
    Colorizer& colorizer = engine.colorizer();
    const int wanted = request.options.working_size;
    const auto restore = [&] { request.options.working_size = wanted; };
    for (;;) {
        try {
            Result result = colorizer.colorize(request, nullptr);
            if (!result.device_failure.empty())
                std::cerr << "chromatch: " << job.target.string() << ": The CUDA device failed ("
                          << result.device_failure << "); the processor did its work.\n";
            restore();
            return result;
        } catch (const Error& error) {
            int& size = request.options.working_size;
            if (error.code() != ErrorCode::out_of_memory || size == minimum_working_size) {
                restore();
                throw;
            }
            const int smaller = std::max(minimum_working_size, size / 2);
            std::cerr << "chromatch: " << job.target.string() << ": There is not enough memory for the working size "
                      << size << "; trying " << smaller << ".\n";
            size = smaller;
        }
    }
}

/// Colours one target and writes the files. `request` holds the references and options. Throws Error and FileError.
Json colour(Engine& engine, Request& request, const Job& job)
{
    const Stopwatch total;
    const PhotoFile target = read_photo(job.target);
    request.luminance = luminance_of(target);
    const double read_seconds = total.seconds();
    const Result result = colour_within_memory(engine, request, job);
    const Stopwatch writing;
    write_coloured(target, request.luminance, result.a, result.b, job.output);
    if (!job.confidence.empty())
        write_gray(result.confidence, job.confidence);

    Json report{{"target", job.target.string()}, {"output", job.output.string()}};
    if (!job.confidence.empty())
        report["confidence"] = job.confidence.string();
    report["width"] = target.width;
    report["height"] = target.height;
    report["working_width"] = result.working_width;
    report["working_height"] = result.working_height;
    report["device"] = result.device == Device::cuda ? "cuda" : "cpu";
    report["confidence_mean"] = mean_of(result.confidence);
    for (int i = 0; i < stage_count; ++i)
        report["stage_seconds"][stage_names[i]] = result.stage_seconds[i];
    report["read_seconds"] = read_seconds;
    report["write_seconds"] = writing.seconds();
    report["total_seconds"] = total.seconds();
    return report;
}

/// Colours every target; one that fails does not keep the others from being coloured. False where one failed.
bool run(const Arguments& arguments)
{
    const Stopwatch total;
    const std::vector<Job> jobs = plan_jobs(arguments);
    start_gegl();
    Request request;
    request.options = arguments.options;
    for (const auto& reference : arguments.references)
        request.references.push_back(reference_of(read_photo(reference)));
    if (!arguments.hints.empty())
        request.hints = hints_of(arguments.hints);
    Engine engine(find_models(arguments));

    Json report{{"version", CHROMATCH_VERSION}, {"references", Json::array()}};
    for (const auto& reference : arguments.references)
        report["references"].push_back(reference.string());
    bool done = true;
    for (const Job& job : jobs) {
        std::string failure;
        try {
            report["targets"].push_back(colour(engine, request, job));
            if (!arguments.json)
                std::cout << job.output.string() << '\n';
        } catch (const Error& error) {
            if (error.code() == ErrorCode::model_missing || error.code() == ErrorCode::model_corrupt)
                throw; // no other photo would fare better
            failure = job.target.string() + ": " + error.what();
        } catch (const FileError& error) {
            failure = error.what();
        } catch (const std::bad_alloc&) {
            failure = job.target.string() + ": There is not enough memory for this photo.";
        } catch (const std::exception& error) {
            failure = job.target.string() + ": " + error.what();
        }
        if (failure.empty())
            continue;
        done = false;
        report["targets"].push_back({{"target", job.target.string()}, {"error", failure}});
        std::cerr << "chromatch: " << failure << '\n';
    }
    report["load_seconds"] = engine.load_seconds();
    report["peak_memory_bytes"] = peak_memory();
    report["total_seconds"] = total.seconds();
    if (arguments.json)
        std::cout << report.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    return done;
}

/// OpenMP's waiting threads would spin, which costs a busy machine several times the work itself. The runtime reads the
/// setting before main() does, so the program begins once more with it.
void begin_with_patient_threads(char** words)
{
    std::error_code unreadable;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", unreadable);
    if (program.filename().string().starts_with("ld")) // the loader was asked to run this program
        return;
    if (std::getenv("OMP_WAIT_POLICY") == nullptr && setenv("OMP_WAIT_POLICY", "passive", 0) == 0)
        execv("/proc/self/exe", words); // where that fails, the threads spin
}

} // namespace

int main(int count, char** words)
{
    begin_with_patient_threads(words); // before parsing, which takes words away
    std::setlocale(LC_CTYPE, "");      // so that GLib prints names as the terminal has them
    try {
        const Arguments arguments = parse_arguments(count, words);
        if (arguments.version) {
            std::cout << "chromatch " CHROMATCH_VERSION "\n";
            return 0;
        }
        return run(arguments) ? 0 : exit_failure;
    } catch (const UsageError& error) {
        std::cerr << "chromatch: " << error.what() << '\n';
        return exit_usage;
    } catch (const std::bad_alloc&) {
        std::cerr << "chromatch: There is not enough memory for these photos.\n";
    } catch (const std::exception& error) {
        std::cerr << "chromatch: " << error.what() << '\n';
    }
    return exit_failure;
}
