// SPDX-License-Identifier: GPL-3.0-or-later
//
// The protocols that judge methods on colour photos whose true colours are known:
//
//     P1  self-reference: the reference is the photo itself, distorted (distortion.h)
//     P2  the same with the reference's colours turned by 45, 90, 135 and 180 degrees of hue: does the result follow?
//     P3  real pairs: the reference is another photo that suits (photo_lists.h)
//     P4  no reference
//     P4h the same with 24 dabs of the true colour as hints
//     P5  a wrong reference: any other photo of the set
#pragma once

#include "chromatch.h"
#include "hue_families.h"
#include "methods.h"
#include "metrics.h"

#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace chromatch {

struct NamedPhoto {
    std::string name;
    LabImage image;
};

enum class Figure {
    psnr_ab,
    ciede2000,
    psnr_rgb,
    colourfulness_ratio, ///< CF of the result over CF of the truth
    chroma_noise,
    unsupported_edges,
    histogram_intersection, ///< with the reference
    delta_l,                ///< between the target and the result as an 8-bit sRGB picture
    confidence_auc,         ///< the confidence map telling pixels with deltaE76 < 8 from the others
    gate_auc,               ///< the same for the chroma that matching brought, at its size
    seconds,                ///< wall time of methods that run alone
};
constexpr int figure_count = 11;

/// One method in one protocol ("any": methods that ignore the reference, and the truth itself). One value for each
/// photo, in the photos' order; NaN where a figure does not apply.
struct Row {
    std::string protocol;
    std::string method;
    std::array<std::vector<double>, figure_count> figures;
    std::vector<HueFaults> hue_faults;

    std::vector<double>& of(Figure figure) { return figures[static_cast<std::size_t>(figure)]; }
    const std::vector<double>& of(Figure figure) const { return figures[static_cast<std::size_t>(figure)]; }
};

constexpr std::array<double, 4> applied_rotations{45, 90, 135, 180}; // degrees

/// P2 of one method. One value for each photo.
struct HueObedience {
    std::string method;
    std::vector<double> slopes; ///< rotation_slope()
    /// hue_rotation() against the result at 0 degrees, in (-180, 180]: one list for each applied rotation.
    std::array<std::vector<double>, applied_rotations.size()> measured;
};

struct Evaluation {
    std::vector<Row> rows;
    std::vector<HueObedience> obedience;

    /// A method's row in a protocol, or in "any"; null where there is none.
    const Row* find(const std::string& protocol, const std::string& method) const;
};

/// One photo coloured from one reference.
struct Trial {
    std::string protocol;               ///< "P1" to "P5", or "any"
    double turned = 0;                  ///< P2: degrees
    std::optional<LabImage> reference;  ///< none in P4, P4h and "any"
    Hints hints = {};                   ///< P4h
    std::vector<Coloured> results = {}; ///< in the methods' order; an empty image where a method does not take part
};

const std::vector<std::string> all_protocols{"P1", "P2", "P3", "P4", "P4h", "P5"};

struct EvaluationOptions {
    std::set<std::string> protocols{all_protocols.begin(), all_protocols.end()};
    std::size_t targets = SIZE_MAX; ///< only the first so many are coloured; P5's references are of all
    std::uint64_t seed = 0;         ///< of the distortions and the wrong references
};

/// For each photo, another photo's index: a random cyclic permutation (Sattolo's algorithm), so no photo meets itself.
/// One photo alone gets index 0.
std::vector<std::size_t> wrong_references(std::size_t count, std::uint64_t seed);

/// `image` with its hues turned by `degrees`; L and chroma stay. May leave the sRGB gamut.
LabImage turn_hue(const LabImage& image, double degrees);

/// `count` squares, a 64th of the short side wide, at random places, each in the true colour of its middle: a user's
/// dabs.
Hints draw_hints(const LabImage& truth, int count, std::uint64_t seed);

/// Runs the protocols. `references`: for P3, one for each target, null for none; else empty. `after_photo` is called
/// with each photo's index and trials once the photo is done. Throws what the methods throw.
Evaluation evaluate(const std::vector<Method>& methods, const std::vector<NamedPhoto>& photos,
                    const std::vector<const LabImage*>& references, const EvaluationOptions& options,
                    const std::function<void(std::size_t photo, const std::vector<Trial>&)>& after_photo);

} // namespace chromatch
