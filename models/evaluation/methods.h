// SPDX-License-Identifier: GPL-3.0-or-later
//
// Ways of colouring a gray photo: the engine, and what it is compared with.
#pragma once

#include "chromatch.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

namespace chromatch {

struct Coloured {
    LabImage image;
    Plane confidence;                                          ///< [0, 1]; empty for methods that have none
    double seconds = std::numeric_limits<double>::quiet_NaN(); ///< wall time; NaN where it is not measured
    Plane matched_a = {}, matched_b = {};                      ///< see Result
};

struct Method {
    enum class Reference {
        needed,   ///< cannot colour without one
        optional, ///< can do with or without
        ignored,  ///< gives the same with any
    };
    std::string name;
    Reference reference = Reference::needed;
    bool alone = false; ///< uses all cores itself, or must not be called by two threads at a time
    /// `reference`: null for none. `hints`: empty planes for none; given only to a method that takes them.
    std::function<Coloured(const Plane& target, const LabImage* reference, const Hints& hints)> colour;
    bool takes_hints = false;
};

/// "network", or "insist" where that is set (Options::insist): the engine. `colorizer` must outlive the method.
Method network_method(Colorizer& colorizer, int working_size, std::uint64_t seed, bool insist = false);

/// "look-up": luminance_lookup().
Method lookup_method();

/// "welsh": welsh_transfer().
Method welsh_method(std::uint64_t seed);

/// "gray": no chroma.
Method gray_method();

/// The baseline without any matching: each target pixel takes the mean ab of the reference's pixels at the luminance of
/// equal rank (CDF matching over 256 levels of L). The result has the target's L.
LabImage luminance_lookup(const Plane& target, const LabImage& reference);

/// Welsh, Ashikhmin and Mueller, "Transferring color to greyscale images", SIGGRAPH 2002, without swatches: each target
/// pixel takes the ab of that among 200 jittered samples of the reference whose L and deviation of L within 5 x 5
/// pixels are nearest (both weighted by one half). The target's L is first shifted and scaled to the reference's mean
/// and deviation. The result has the target's L.
LabImage welsh_transfer(const Plane& target, const LabImage& reference, std::uint64_t seed);

} // namespace chromatch
