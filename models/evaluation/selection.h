// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace chromatch {

/// A fault in the command line.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The names in `text`, which commas part, in the order of `known` and each once. Throws UsageError naming the option
/// and what is known where a name is not, or where there is none.
std::vector<std::string> parse_selection(const std::string& option, const std::string& text,
                                         const std::vector<std::string>& known);

} // namespace chromatch
