// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "matching_bench.h"

#include <ostream>

namespace chromatch {

/// A readable table.
void print_table(std::ostream& out, const MatchingReport& report);

/// One JSON object: machine, ceilings, notes, skipped, runs.
void print_json(std::ostream& out, const MatchingReport& report);

} // namespace chromatch
