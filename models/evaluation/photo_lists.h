// SPDX-License-Identifier: GPL-3.0-or-later
//
// Text files that say something about the photos by their names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace chromatch {

/// Reads which photo each target takes as its reference: lines `target-name<TAB>reference-name`; a line that begins
/// with # is a comment. Returns the reference's name for each of `targets`. Lines for other targets are passed over.
/// Throws std::runtime_error naming the file, and the line where one is at fault: not two names, a photo that is its
/// own reference, a target named twice; or the photo that has no line.
std::vector<std::string> read_pairs(const std::filesystem::path& file, const std::vector<std::string>& targets);

/// For each photo whether it shows flowers or leaves (the thesis' failure case): its name begins with flowers102_ or
/// butterflies_ (butterflies on flowers), or its label in `sources` has one of the words flower(s), rose(s), leaf,
/// leaves, garden, greenhouse, rainforest, bamboo, forest, bonsai, tree. `sources`: the photos' sources.tsv with a line
/// of headings, where column 1 is the name, 3 the original path and 4 the label; where the label is "-" the path's
/// words count. Without that file the names alone decide.
std::vector<bool> find_plants(const std::filesystem::path& sources, const std::vector<std::string>& names);

} // namespace chromatch
