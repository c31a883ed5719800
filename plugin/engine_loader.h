// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine_functions.h"

#include <filesystem>

namespace chromatch::plugin {

/// Opens the engine's module beside the executable, once. Throws Failure.
const EngineFunctions& open_engine();

/// Folder of the weights: $CHROMATCH_MODELS, else models/ beside the executable, else the installed data folder.
std::filesystem::path find_models_folder();

} // namespace chromatch::plugin
