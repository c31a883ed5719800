// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace chromatch {

/// `chromatch-bench matching` with these options. Throws UsageError (selection.h) and what bench_matching() throws.
void matching_command(const std::vector<std::string>& words);

} // namespace chromatch
