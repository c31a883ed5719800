// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "protocols.h"

#include <iosfwd>
#include <string>

namespace chromatch {

/// Readable tables: means with 95 % bootstrap intervals over the photos, the network's paired differences from the
/// other methods, and the wrong hues of the photos that are `plants` (find_plants()).
void print_report(std::ostream& out, const Evaluation& evaluation, const std::vector<bool>& plants, std::uint64_t seed);

/// Every figure with its interval, and the values of each photo, as JSON. Figures that do not apply are null. `photos`:
/// the targets' names.
std::string json_report(const Evaluation& evaluation, const std::vector<std::string>& photos,
                        const std::vector<bool>& plants, int working_size, std::uint64_t seed);

} // namespace chromatch
