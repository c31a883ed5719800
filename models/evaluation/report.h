// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "protocols.h"

#include <iosfwd>
#include <string>

namespace chromatch {

/// A readable table: means with 95 % bootstrap intervals over the photos.
void print_report(std::ostream& out, const Evaluation& evaluation, std::uint64_t seed);

/// Every figure with its interval, and the values of each photo, as JSON. Figures that do not apply are null.
std::string json_report(const Evaluation& evaluation, const std::vector<NamedPhoto>& photos,
                        const EvaluationOptions& options);

} // namespace chromatch
