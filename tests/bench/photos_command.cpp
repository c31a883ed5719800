// SPDX-License-Identifier: GPL-3.0-or-later
#include "photos_command.h"

#include "machine.h"
#include "options.h"
#include "photos_bench.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <iomanip>
#include <iostream>

namespace chromatch {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* usage =
    "Usage: chromatch-bench photos [OPTION]...\n"
    "Colours a photo from a reference of the same size, each size in a process of its own, and tells the times and "
    "the\n"
    "peak memory. The photos are a sample and its reference, enlarged, with grain.\n\n"
    "  --json               prints one JSON object instead of a table\n"
    "  --megapixels LIST    0.01 to 1000 each (default: 1,12,24,100)\n"
    "  --size N             the working size, 64 to 1024 (default 256)\n"
    "  --cores N            the processes may use so many, 1 to 1024 (default 2)\n"
    "  --samples DIR        the sample photos (default: the source's packaging/samples)\n"
    "  --models DIR         the weights (default: $CHROMATCH_MODELS, else the source's models/)\n";

constexpr const char* stage_names[stage_count] = {"preparing", "features", "matching", "coloring", "upsampling"};

struct Arguments {
    PhotosBenchOptions bench;
    bool json = false, help = false;
};

Arguments parse(const std::vector<std::string>& words)
{
    Arguments arguments;
    PhotosBenchOptions& bench = arguments.bench;
    const char* models = std::getenv("CHROMATCH_MODELS");
    bench.models = models && *models ? models : CHROMATCH_SOURCE_MODELS;
    bench.samples = CHROMATCH_SOURCE_SAMPLES;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& option = words[i];
        const auto take = [&] {
            if (i + 1 == words.size())
                throw UsageError(option + " wants a value.");
            return words[++i];
        };
        if (option == "--help" || option == "-h")
            arguments.help = true;
        else if (option == "--json")
            arguments.json = true;
        else if (option == "--megapixels")
            bench.megapixels = parse_numbers(option, take(), 0.01, 1000.0);
        else if (option == "--size")
            bench.working_size = parse_number(option, take(), minimum_working_size, maximum_working_size);
        else if (option == "--cores")
            bench.cores = parse_number(option, take(), 1, 1024);
        else if (option == "--samples")
            bench.samples = take();
        else if (option == "--models")
            bench.models = take();
        else
            throw UsageError("There is no option \"" + option + "\"; --help lists them.");
    }
    return arguments;
}

double gibibytes(std::int64_t bytes)
{
    return static_cast<double>(bytes) / (1 << 30);
}

void print_table(const PhotosBenchOptions& options, const std::vector<PhotoRun>& runs)
{
    std::cout << processor_name() << ", " << options.cores << " cores, load " << std::fixed << std::setprecision(1)
              << load_average() << ", working size " << options.working_size << "\n\n"
              << "  MP         pixels     load";
    for (const char* name : stage_names)
        std::cout << std::setw(12) << name;
    std::cout << "       all  planes    peak     own\n";
    for (const PhotoRun& run : runs) {
        std::cout << std::setw(5) << std::setprecision(run.megapixels < 1 ? 2 : 0) << run.megapixels << std::setw(15)
                  << std::to_string(run.width) + " x " + std::to_string(run.height);
        if (!run.failure.empty()) {
            std::cout << "  " << run.failure << '\n';
            continue;
        }
        std::cout << std::setprecision(2) << std::setw(7) << run.load_seconds << " s";
        for (const double seconds : run.stage_seconds)
            std::cout << std::setw(10) << seconds << " s";
        std::cout << std::setw(8) << run.load_seconds + run.seconds << " s";
        for (const std::int64_t bytes : {run.plane_bytes, run.peak_bytes, run.own_bytes()})
            std::cout << std::setw(8) << gibibytes(bytes);
        std::cout << '\n';
    }
    std::cout << "\nMemory in GiB. planes: L of the photo; L, a and b of the reference. own: the peak less the planes: "
                 "the\nprogram, the networks, the result and what it takes to make it.\n";
    for (const PhotoRun& run : runs)
        if (run.megapixels == floor_megapixels)
            std::cout << "Floors at " << std::setprecision(0) << floor_megapixels << " megapixels on " << floor_cores
                      << " cores, " << std::setprecision(1) << floor_seconds << " s and " << floor_bytes / (1 << 30)
                      << " GiB: " << (within_floors(run) ? "held" : "missed") << ".\n";
}

void print_json(const PhotosBenchOptions& options, const std::vector<PhotoRun>& runs)
{
    Json json{
        {"bench", "photos"},
        {"machine", {{"processor", processor_name()}, {"cores", options.cores}, {"load_average", load_average()}}},
        {"working_size", options.working_size},
        {"floors",
         {{"megapixels", floor_megapixels},
          {"cores", floor_cores},
          {"seconds", floor_seconds},
          {"own_bytes", floor_bytes}}},
        {"runs", Json::array()}};
    for (const PhotoRun& run : runs) {
        Json entry{{"megapixels", run.megapixels}, {"height", run.height}, {"width", run.width}};
        if (!run.failure.empty()) {
            entry["failure"] = run.failure;
        } else {
            entry["load_seconds"] = run.load_seconds;
            entry["seconds"] = run.seconds;
            for (int i = 0; i < stage_count; ++i)
                entry["stage_seconds"][stage_names[i]] = run.stage_seconds[i];
            entry["plane_bytes"] = run.plane_bytes;
            entry["peak_bytes"] = run.peak_bytes;
            entry["own_bytes"] = run.own_bytes();
        }
        if (run.megapixels == floor_megapixels)
            entry["within_floors"] = within_floors(run);
        json["runs"].push_back(entry);
    }
    std::cout << json.dump(2) << '\n';
}

} // namespace

void photos_command(const std::vector<std::string>& words)
{
    const Arguments arguments = parse(words);
    if (arguments.help) {
        std::cout << usage;
        return;
    }
    const std::vector<PhotoRun> runs = bench_photos(arguments.bench);
    if (arguments.json)
        print_json(arguments.bench, runs);
    else
        print_table(arguments.bench, runs);
}

} // namespace chromatch
