// SPDX-License-Identifier: GPL-3.0-or-later
//
// Seeded random numbers that are the same with every standard library (std::uniform_*_distribution is not).
// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace chromatch {

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next()
    {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }

    /// In [low, high).
    double uniform(double low, double high) { return low + (high - low) * static_cast<double>(next() >> 11) * 0x1p-53; }

    /// In [0, count); count at least 1. The modulo's bias is below count / 2^64.
    std::size_t index(std::size_t count) { return static_cast<std::size_t>(next() % count); }

  private:
    std::uint64_t state_;
};

/// One seed out of a run's seed and a name (FNV-1a), so that a photo draws the same numbers whichever photos precede
/// it.
inline std::uint64_t named_seed(std::uint64_t seed, std::string_view name)
{
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : name)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return Random(seed ^ hash).next();
}

} // namespace chromatch
