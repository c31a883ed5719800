// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace chromatch {

/// `chromatch-bench photos` with these options. Throws UsageError (selection.h) and what bench_photos() throws.
void photos_command(const std::vector<std::string>& words);

} // namespace chromatch
