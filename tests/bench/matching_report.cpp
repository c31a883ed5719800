// SPDX-License-Identifier: GPL-3.0-or-later
#include "matching_report.h"

#include "machine.h"

#include <nlohmann/json.hpp>
#include <torch/version.h>

#include <iomanip>
#include <sstream>
#include <thread>

namespace chromatch {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* notes[] = {
    "seconds: the whole call, from float32 NHWC maps to fields, conversion to 16 bits included; the median. "
    "On a CUDA device the copies from and to the host's memory are included too. Of gmic-matchpatch: G'MIC's own time "
    "of the command, once.",
    "operations: multiplications and additions. exact: 2 * N * (H * W)^2 * C, of the pixel-correlation product alone. "
    "patchmatch and gmic-matchpatch: all the candidates that the schedule names; those that are a pixel's match "
    "already or lie outside the map cost nothing, so it is an upper bound.",
    "peak_share: operations a second / the ceiling of float32 multiply-add with the same instructions. Exact search "
    "and PatchMatch calculate with 16-bit integers, of which an instruction does twice as many, so it can exceed 1.",
    "integer_peak_share: the same with the ceiling of 16-bit multiply-add.",
    "copy_share: the bytes that must be moved at least, a second / those of a large copy. What stays in the caches "
    "between runs can make it exceed 1.",
    "rho: sum of the distances / sum of the exact search's, both computed in double precision from the float32 maps. "
    "exact_share: pixels whose distance is within 1e-5 of the exact search's.",
    "tensor: PatchMatch by LibTorch's tensor operations. Its batch is smaller where scaled_from says so, and the "
    "seconds are scaled linearly.",
};

Json machine(const MatchingReport& report)
{
    return {{"processor", processor_name()},
            {"cores", std::thread::hardware_concurrency()},
            {"threads", report.ceilings.threads},
            {"instructions", name_of(report.ceilings.levels.front().level)},
            {"cuda_device", report.cuda_device.empty() ? Json() : Json(report.cuda_device)},
            {"load_average", load_average()},
            {"compiler", __VERSION__},
            {"libtorch", TORCH_VERSION}};
}

template <class Value> Json or_null(const std::optional<Value>& value)
{
    return value ? Json(*value) : Json();
}

Json to_json(const Ceilings& ceilings)
{
    Json result;
    for (const LevelCeilings& level : ceilings.levels)
        result[name_of(level.level)] = {{"float_operations_per_second", level.float_operations},
                                        {"integer_operations_per_second", level.integer_operations}};
    result["copied_bytes_per_second"] = ceilings.copied_bytes;
    return result;
}

Json to_json(const MatchingRun& run)
{
    Json json{{"matcher", run.matcher},
              {"device", run.device},
              {"instructions", run.instructions},
              {"shape", {run.shape.count, run.shape.height, run.shape.width, run.shape.channels}},
              {"maps", run.maps},
              {"patch", run.patch},
              {"iterations", or_null(run.iterations)},
              {"start", run.start.empty() ? Json() : Json(run.start)},
              {"reverse", run.reverse},
              {"seconds", run.seconds},
              {"seconds_min", run.seconds_min},
              {"repetitions", run.repetitions},
              {"scaled_from", or_null(run.scaled_from)},
              {"rho", or_null(run.rho)},
              {"exact_share", or_null(run.exact_share)},
              {"operations", run.operations},
              {"bytes", run.bytes},
              {"peak_share", or_null(run.peak_share)},
              {"integer_peak_share", or_null(run.integer_peak_share)},
              {"copy_share", or_null(run.copy_share)},
              {"thesis_ratio", Json()}};
    if (run.shape == thesis_shape)
        json["thesis_ratio"] = {{"tensor", thesis_tensor_seconds / run.seconds},
                                {"cuda", thesis_cuda_seconds / run.seconds}};
    return json;
}

/// A number with so many digits after the point, or nothing.
std::string fixed(const std::optional<double>& value, int digits)
{
    if (!value)
        return "-";
    std::ostringstream text;
    text << std::fixed << std::setprecision(digits) << *value;
    return text.str();
}

std::string label(const MatchingRun& run)
{
    std::string text = run.matcher;
    if (run.iterations)
        text += " " + std::to_string(*run.iterations) + " from " + run.start;
    if (run.reverse)
        text += ", both ways";
    if (run.scaled_from)
        text += " (scaled from " + std::to_string(*run.scaled_from) + ")";
    return text;
}

void print_run(std::ostream& out, const MatchingRun& run)
{
    const bool thesis = run.shape == thesis_shape;
    out << std::left << std::setw(50) << "  " + label(run) << std::setw(10) << run.instructions << std::right
        << std::setw(12) << fixed(run.seconds * 1e3, 2) << std::setw(12) << fixed(run.seconds_min * 1e3, 2)
        << std::setw(9) << fixed(run.rho, 5) << std::setw(8) << fixed(run.exact_share, 4) << std::setw(9)
        << fixed(run.operations / run.seconds / 1e9, 1) << std::setw(8) << fixed(run.peak_share, 2) << std::setw(8)
        << fixed(run.integer_peak_share, 2) << std::setw(7) << fixed(run.copy_share, 3);
    if (thesis)
        out << std::setw(9) << fixed(thesis_tensor_seconds / run.seconds, 1) << std::setw(8)
            << fixed(thesis_cuda_seconds / run.seconds, 1);
    out << '\n';
}

void print_heading(std::ostream& out, const MatchingRun& run)
{
    out << "\n[" << run.shape.count << ", " << run.shape.height << ", " << run.shape.width << ", " << run.shape.channels
        << "], " << run.maps << " maps, patch " << run.patch << '\n'
        << std::left << std::setw(50) << "  matcher" << std::setw(10) << "code" << std::right << std::setw(12) << "ms"
        << std::setw(12) << "ms min" << std::setw(9) << "rho" << std::setw(8) << "exact" << std::setw(9) << "Gop/s"
        << std::setw(8) << "of f32" << std::setw(8) << "of i16" << std::setw(7) << "copy";
    if (run.shape == thesis_shape)
        out << std::setw(9) << "312 s/t" << std::setw(8) << "12 s/t";
    out << '\n';
}

} // namespace

void print_table(std::ostream& out, const MatchingReport& report)
{
    out << processor_name() << ", " << report.ceilings.threads << " threads, load " << fixed(load_average(), 1)
        << (report.cuda_device.empty() ? "" : ", " + report.cuda_device) << "\n\nCeilings\n";
    for (const LevelCeilings& level : report.ceilings.levels)
        out << "  " << std::left << std::setw(10) << name_of(level.level) << std::right << std::setw(8)
            << fixed(level.float_operations / 1e9, 1) << " Gop/s float32" << std::setw(8)
            << fixed(level.integer_operations / 1e9, 1) << " Gop/s 16-bit integers\n";
    out << "  copy      " << std::setw(8) << fixed(report.ceilings.copied_bytes / 1e9, 1) << " GB/s read and written\n";
    const MatchingRun* last = nullptr;
    for (const MatchingRun& run : report.runs) {
        if (last == nullptr || !(last->shape == run.shape) || last->maps != run.maps)
            print_heading(out, run);
        print_run(out, run);
        last = &run;
    }
    if (!report.skipped.empty())
        out << "\nSkipped\n";
    for (const std::string& sentence : report.skipped)
        out << "  " << sentence << '\n';
    out << '\n';
    for (const char* note : notes)
        out << note << '\n';
}

void print_json(std::ostream& out, const MatchingReport& report)
{
    Json json{{"bench", "matching"}, {"machine", machine(report)}, {"ceilings", to_json(report.ceilings)},
              {"notes", notes},      {"skipped", report.skipped},  {"runs", Json::array()}};
    for (const MatchingRun& run : report.runs)
        json["runs"].push_back(to_json(run));
    out << json.dump(2) << '\n';
}

} // namespace chromatch
