// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace chromatch {

/// As the system names it.
std::string processor_name();

/// Of the last minute; -1 where the system does not tell.
double load_average();

} // namespace chromatch
