// SPDX-License-Identifier: GPL-3.0-or-later
//
// The protocols that judge a Colorizer on colour photos whose true colours are known:
//
//     P1  self-reference: the reference is the photo itself, distorted (distortion.h)
//     P2  the same with the reference's colours turned by 45, 90, 135 and 180 degrees of hue: does the result follow?
//     P4  no reference
//     P5  a wrong reference: another photo of the set
#pragma once

#include "chromatch.h"
#include "metrics.h"

#include <array>
#include <functional>
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
    seconds,                ///< wall time of colorize()
};
constexpr int figure_count = 10;

/// One value for each photo, in the photos' order; NaN where a figure does not apply.
struct Row {
    std::string protocol;
    std::string method;
    std::array<std::vector<double>, figure_count> figures;

    std::vector<double>& of(Figure figure) { return figures[static_cast<std::size_t>(figure)]; }
    const std::vector<double>& of(Figure figure) const { return figures[static_cast<std::size_t>(figure)]; }
};

constexpr std::array<double, 4> applied_rotations{45, 90, 135, 180}; // degrees

/// P2 of one method.
struct HueObedience {
    std::string method;
    std::vector<double> slopes; ///< rotation_slope() of each photo
    /// hue_rotation() against the result at 0 degrees, in (-180, 180]: one list over the photos for each applied
    /// rotation.
    std::array<std::vector<double>, applied_rotations.size()> measured;
};

/// What a contact sheet shows of one photo.
struct Pictures {
    LabImage self_reference, self_result;   ///< P1
    LabImage turned_result;                 ///< P2 at 90 degrees
    LabImage automatic_result;              ///< P4
    LabImage wrong_reference, wrong_result; ///< P5; empty where there is only one photo
};

struct Evaluation {
    std::vector<Row> rows;
    std::vector<HueObedience> obedience;
};

struct EvaluationOptions {
    int working_size = default_working_size;
    std::uint64_t seed = 0; ///< of the distortions, the wrong references and the engine
};

/// For each photo, another photo's index: a random cyclic permutation (Sattolo's algorithm), so no photo meets itself.
/// One photo alone gets index 0.
std::vector<std::size_t> wrong_references(std::size_t count, std::uint64_t seed);

/// `image` with its hues turned by `degrees`; L and chroma stay. May leave the sRGB gamut.
LabImage turn_hue(const LabImage& image, double degrees);

/// Runs all protocols. `after_photo` is called with each photo's index and pictures once the photo is done. Throws
/// Error.
Evaluation evaluate(Colorizer& colorizer, const std::vector<NamedPhoto>& photos, const EvaluationOptions& options,
                    const std::function<void(std::size_t photo, const Pictures&)>& after_photo);

} // namespace chromatch
