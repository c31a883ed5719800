// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the colours come from.
#pragma once

#include "pixels.h"
#include "settings.h"

#include <optional>
#include <string>

namespace chromatch::plugin {

/// Throws Failure where the reference cannot be the target's: the cheap checks, before anything is loaded.
void check_reference(const Settings& settings, GimpDrawable* target);

/// The reference's pixels; nothing where the settings name no reference. Throws Failure.
std::optional<Reference> load_reference(const Settings& settings, const EngineFunctions& engine);

/// An image's name for the user: its file's where it has one.
std::string image_name(GimpImage* image);

/// Name of the new layer: where its colours came from.
std::string layer_name(const Settings& settings, GimpImage* image);

} // namespace chromatch::plugin
