// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "chromatch.h"

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace chromatch::cli {

/// A fault in the command line; what() is one sentence that names the offending value.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Arguments {
    std::vector<std::filesystem::path> targets;
    std::vector<std::filesystem::path> references;
    std::filesystem::path output;     ///< a file, a folder, or empty
    std::filesystem::path confidence; ///< a file, a folder, or empty
    std::filesystem::path hints;      ///< a picture of painted colours, or empty
    std::filesystem::path models;     ///< empty: looked for, see find_models()
    Options options;
    bool json = false;
    bool version = false;
};

/// Reads the command line; --help prints the help and ends the program. Throws UsageError.
Arguments parse_arguments(int count, char** words);

/// Where one target's results go.
struct Job {
    std::filesystem::path target;
    std::filesystem::path output;
    std::filesystem::path confidence; ///< empty: not wanted
};

/// One job for each target. Throws UsageError where a file written would be one of those read, or two results would
/// have the same name.
std::vector<Job> plan_jobs(const Arguments& arguments);

/// The weights' folder: --models, else $CHROMATCH_MODELS, else the one beside the program (the build tree), else
/// the installed one found from the program's own place.
std::filesystem::path find_models(const Arguments& arguments);

} // namespace chromatch::cli
