// SPDX-License-Identifier: GPL-3.0-or-later
//
// Photos from tar shards: plain USTAR archives (POSIX.1-1988) of JPEG files, as the training photos are kept.
//
//     auto photos = chromatch::read_photo_shards({"train-000.tar", "train-001.tar"}, 2);
//     // photos[0].rgb: photos[0].height x photos[0].width x 3 bytes of sRGB
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace chromatch {

struct Photo {
    std::string name; ///< the member's name in the tar; `<label>/<name>.jpg` in labelled shards
    int height = 0;
    int width = 0;
    std::vector<std::uint8_t> rgb; ///< interleaved sRGB, 8 bit: height x width x 3
};

/// Decodes every JPEG of the shards, in the order of the list and then of each tar; the order does not depend on
/// `threads` (at least 1). Stops after `limit` photos; 0 means all. Folders and other special members are passed over.
/// Throws std::runtime_error naming the shard, and the member where one is damaged.
std::vector<Photo> read_photo_shards(const std::vector<std::filesystem::path>& shards, int threads,
                                     std::size_t limit = 0);

} // namespace chromatch
