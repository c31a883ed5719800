// SPDX-License-Identifier: GPL-3.0-or-later
#include "matching_command.h"

#include "matching_report.h"
#include "options.h"

#include <cstdlib>
#include <iostream>

namespace chromatch {

namespace {

constexpr const char* usage =
    "Usage: chromatch-bench matching [OPTION]...\n"
    "Times the matchers on feature maps and compares their fields with exact search.\n\n"
    "  --json             prints one JSON object instead of a table\n"
    "  --only thesis      only [96, 64, 64, 64]; else maps from 32 x 32 to 512 x 512\n"
    "  --shape N,H,W,C    only this one\n"
    "  --maps random|photos|both\n"
    "                     Gaussian numbers, features of the sample photos, or both (default)\n"
    "  --repetitions N    of each call, 1 to 1000; fewer where it takes seconds (default 5)\n"
    "  --threads N        1 to 1024 (default: all cores)\n"
    "  --gmic             also G'MIC's matchpatch, by the program gmic\n"
    "  --samples DIR      the sample photos (default: the source's packaging/samples)\n"
    "  --models DIR       the weights (default: $CHROMATCH_MODELS, else the source's models/)\n";

struct Arguments {
    MatchingBenchOptions bench;
    bool json = false, help = false;
};

Shape parse_shape(const std::string& option, const std::string& text)
{
    const std::vector<int> sizes = parse_numbers(option, text, 1, 4096);
    if (sizes.size() != 4 || sizes[3] % 16 != 0)
        throw UsageError(option + " wants N,H,W,C with a multiple of 16 channels, not \"" + text + "\".");
    return {sizes[0], sizes[1], sizes[2], sizes[3]};
}

Arguments parse(const std::vector<std::string>& words)
{
    Arguments arguments;
    MatchingBenchOptions& bench = arguments.bench;
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
        if (option == "--help" || option == "-h") {
            arguments.help = true;
        } else if (option == "--json") {
            arguments.json = true;
        } else if (option == "--only") {
            parse_selection(option, take(), {"thesis"});
            bench.shape = thesis_shape;
        } else if (option == "--shape") {
            bench.shape = parse_shape(option, take());
        } else if (option == "--maps") {
            const std::string kind = parse_selection(option, take(), {"random", "photos", "both"}).front();
            bench.random_maps = kind != "photos";
            bench.photo_maps = kind != "random";
        } else if (option == "--repetitions") {
            bench.repetitions = parse_number(option, take(), 1, 1000);
        } else if (option == "--threads") {
            bench.threads = parse_number(option, take(), 1, 1024);
        } else if (option == "--gmic") {
            bench.gmic = true;
        } else if (option == "--samples") {
            bench.samples = take();
        } else if (option == "--models") {
            bench.models = take();
        } else {
            throw UsageError("There is no option \"" + option + "\"; --help lists them.");
        }
    }
    return arguments;
}

} // namespace

void matching_command(const std::vector<std::string>& words)
{
    const Arguments arguments = parse(words);
    if (arguments.help) {
        std::cout << usage;
        return;
    }
    const MatchingReport report = bench_matching(arguments.bench);
    if (arguments.json)
        print_json(std::cout, report);
    else
        print_table(std::cout, report);
}

} // namespace chromatch
