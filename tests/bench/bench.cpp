// SPDX-License-Identifier: GPL-3.0-or-later
//
// chromatch-bench: measures the engine on this machine.
#include "matching_command.h"
#include "photos_command.h"
#include "selection.h"

#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace chromatch;

constexpr int exit_usage = 64; // sysexits.h
constexpr int exit_failure = 70;

constexpr const char* usage = "Usage: chromatch-bench COMMAND [OPTION]...\n\n"
                              "  matching    the matchers on feature maps\n"
                              "  photos      whole photos: times and memory at full size\n\n"
                              "chromatch-bench COMMAND --help lists a command's options.\n";

void run(const std::vector<std::string>& words)
{
    if (words.empty())
        throw UsageError("A command is wanted; --help lists them.");
    if (words[0] == "--help" || words[0] == "-h")
        std::cout << usage;
    else if (words[0] == "matching")
        matching_command({words.begin() + 1, words.end()});
    else if (words[0] == "photos")
        photos_command({words.begin() + 1, words.end()});
    else
        throw UsageError("There is no command \"" + words[0] + "\"; --help lists them.");
}

} // namespace

int main(int count, char** words)
{
    try {
        run({words + 1, words + count});
        return 0;
    } catch (const UsageError& error) {
        std::cerr << "chromatch-bench: " << error.what() << '\n';
        return exit_usage;
    } catch (const std::exception& error) {
        std::cerr << "chromatch-bench: " << error.what() << '\n';
        return exit_failure;
    }
}
