// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the colours come from.
#pragma once

#include "pixels.h"
#include "settings.h"

#include <string>
#include <vector>

namespace chromatch::plugin {

/// A reference and the name of a layer with its colours.
struct NamedReference {
    Reference picture;
    std::string layer_name;
};

/// Throws Failure where a reference cannot be the target's: the cheap checks, before anything is loaded.
void check_references(const Settings& settings, GimpLayer* target);

/// The references' pixels; none where the settings name no reference. Throws Failure.
std::vector<NamedReference> load_references(const Settings& settings, GimpLayer* target, const EngineFunctions& engine);

/// A drawable without what its layer mask hides.
Reference read_visible_part(GimpDrawable* drawable, const EngineFunctions& engine);

/// Name of a new layer with the colours of all these references.
std::string blended_layer_name(const Settings& settings, GimpImage* image,
                               const std::vector<NamedReference>& references);

std::string item_name(gpointer item);

/// An image's name for the user: its file's where it has one.
std::string image_name(GimpImage* image);

/// Path of the file that an image was opened from; empty where there is none.
std::string own_path(GimpImage* image);

} // namespace chromatch::plugin
