// SPDX-License-Identifier: GPL-3.0-or-later
//
// libFuzzer: any words on the command line become arguments and jobs, or a UsageError of one line. A zero byte parts
// the words.
#include "cli/arguments.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

using namespace chromatch;
using namespace chromatch::cli;

namespace {

void expect(bool truth)
{
    if (!truth)
        std::abort();
}

/// GOption prints its help and ends the program.
bool asks_for_help(const std::string& word)
{
    return word.starts_with("--help") ||
           (word.starts_with('-') && !word.starts_with("--") && word.find_first_of("h?") != std::string::npos);
}

void check(const Arguments& arguments)
{
    const Options& options = arguments.options;
    expect(options.working_size >= minimum_working_size && options.working_size <= maximum_working_size);
    expect(std::isfinite(options.strength) && options.strength >= 0 && options.strength <= 2);
    expect(arguments.references.size() <= 255);
    if (arguments.version)
        return;
    expect(!arguments.targets.empty());
    const std::vector<Job> jobs = plan_jobs(arguments);
    expect(jobs.size() == arguments.targets.size());
    for (const Job& job : jobs)
        for (const auto& target : arguments.targets)
            expect(job.output != target && job.confidence != target); // no photo is written over
    find_models(arguments);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::vector<std::string> words{"chromatch"};
    words.emplace_back();
    for (std::size_t i = 0; i < size; ++i) {
        if (data[i] == 0)
            words.emplace_back();
        else
            words.back().push_back(static_cast<char>(data[i]));
    }
    std::vector<char*> pointers;
    for (std::string& word : words) {
        if (asks_for_help(word))
            return 0;
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    try {
        check(parse_arguments(static_cast<int>(words.size()), pointers.data()));
    } catch (const UsageError& error) {
        expect(std::strlen(error.what()) > 0);
    }
    return 0;
}
