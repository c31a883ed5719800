// SPDX-License-Identifier: GPL-3.0-or-later
//
// The photos of a folder that suit the target as references. Nothing here calls GIMP or GTK: all of it may run on a
// worker thread.
#pragma once

#include "engine_functions.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace chromatch::plugin {

/// Photos beyond these are passed over.
constexpr std::size_t most_photos = 20000;
constexpr int deepest_folder = 8;

struct Suggestion {
    std::string path;
    float suitability; ///< see the engine's suitability()
};

/// Called on the calling thread with the count of photos done and of all. Returning false cancels. May be empty.
using SuggestionProgress = std::function<bool(std::size_t done, std::size_t total)>;

struct SuggestionSearch {
    std::filesystem::path folder; ///< with the folders inside it; hidden ones and links to folders are passed over
    std::size_t count = 8;
    std::filesystem::path own_file; ///< the target's own file, which is never suggested; may be empty
    std::filesystem::path models;   ///< folder of the weights: stored descriptors count for the same weights only
    std::filesystem::path
        cache_folder; ///< where descriptors are kept; what cannot be read or written there is no error
};

/// $XDG_CACHE_HOME/chromatch.
std::filesystem::path suggestion_cache_folder();

/// At most `count` photos, the most suitable first. Files that cannot be read and photos without colour are passed
/// over. Throws Failure where the folder does not exist or holds no photo, and with GIMP_PDB_CANCEL where it was
/// cancelled (what has been looked at until then is kept); throws the engine's Error.
std::vector<Suggestion> suggest_references(const SuggestionSearch& search, const Plane& luminance, Colorizer& colorizer,
                                           const EngineFunctions& engine, const SuggestionProgress& progress);

} // namespace chromatch::plugin
