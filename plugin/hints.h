// SPDX-License-Identifier: GPL-3.0-or-later
//
// Colours that the user has painted on a layer of its own.
#pragma once

#include "pixels.h"
#include "settings.h"

namespace chromatch::plugin {

/// Throws Failure where the drawable cannot hold hints for the target: the cheap checks, before anything is loaded.
void check_hints(const Settings& settings, GimpLayer* target);

/// The hints as they lie over the target; empty where the settings name none. Throws Failure where no stroke lies
/// there.
Hints load_hints(const Settings& settings, GimpLayer* target, const EngineFunctions& engine);

} // namespace chromatch::plugin
