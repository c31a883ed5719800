// SPDX-License-Identifier: GPL-3.0-or-later
//
// chromatch-train similarity|classification|recognition|guess|colorization|neighbours --config FILE [--KEY VALUE]...
#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include "training/classification.h"
#include "training/run.h"

namespace {

constexpr int exit_usage = 64, exit_failure = 70;

int usage()
{
    std::fprintf(stderr, "usage: chromatch-train similarity|classification|recognition|guess|colorization|neighbours "
                         "--config FILE [--KEY VALUE]...\n"
                         "KEY is any key of the configuration that holds a number or a text (see models/training/).\n"
                         "The stage stops after its time (key \"seconds\"); started again with the same output "
                         "folder and a larger time, it goes on.\n");
    return exit_usage;
}

} // namespace

int main(int count, char** arguments)
{
    if (count < 2 || count % 2 != 0)
        return usage();
    const std::string stage = arguments[1];
    std::map<std::string, std::string> replacements;
    std::string config_file;
    for (int i = 2; i + 1 < count; i += 2) {
        const std::string key = arguments[i];
        if (key.rfind("--", 0) != 0)
            return usage();
        if (key == "--config")
            config_file = arguments[i + 1];
        else
            replacements[key.substr(2)] = arguments[i + 1];
    }
    if (config_file.empty())
        return usage();
    try {
        const chromatch::TrainingConfig config = chromatch::read_config(config_file, replacements);
        if (stage == "similarity")
            chromatch::train_similarity(config);
        else if (stage == "classification")
            chromatch::train_classification(config);
        else if (stage == "guess")
            chromatch::train_guess(config);
        else if (stage == "colorization")
            chromatch::train_colorization(config);
        else if (stage == "recognition")
            chromatch::save_recognition(config);
        else if (stage == "neighbours")
            chromatch::print_nearest_photos(config);
        else
            return usage();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "chromatch-train: %s\n", error.what());
        return exit_failure;
    }
    return 0;
}
