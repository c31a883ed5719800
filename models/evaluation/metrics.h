// SPDX-License-Identifier: GPL-3.0-or-later
//
// Measures of a colouring. Colour images are CIELAB (D65), L in [0, 100]; both images of a pair have one size.
// Every function is deterministic and safe to call from several threads.
#pragma once

#include "chromatch.h"

#include <cstdint>
#include <vector>

namespace chromatch {

/// 10 log10(220^2 / mean over pixels and {a, b} of the squared error), in dB. Infinite where the chroma is equal.
double psnr_ab(const LabImage& result, const LabImage& truth);

/// 10 log10(255^2 / mean over pixels and {R, G, B} of the squared error) of the sRGB values in [0, 255], clamped but
/// not rounded, in dB.
double psnr_rgb(const LabImage& result, const LabImage& truth);

/// CIEDE2000 of two colours {L, a, b} (Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation
/// notes, supplementary test data, and mathematical observations", 2005), with kL = kC = kH = 1.
double ciede2000(const double first[3], const double second[3]);

/// Mean of ciede2000() over the pixels.
double mean_ciede2000(const LabImage& result, const LabImage& truth);

/// Mean over pixels of |L - L|.
double mean_delta_l(const LabImage& result, const LabImage& truth);

/// HIS: sum of min(h_result, h_reference) of the ab histograms, in [0, 1]. 21 x 21 bins with centres from -1 to 1 over
/// ab / 110; every pixel is shared bilinearly among the four nearest bins. The images may differ in size.
double histogram_intersection(const LabImage& result, const LabImage& reference);

/// CNI (chroma noise): RMS over pixels of the length of (ab - guided filter of ab by L), over the mean chroma; the
/// filter has r = 4, eps = 4 (He, Sun and Tang, "Guided image filtering", 2010). 0 for a gray image.
double chroma_noise(const LabImage& image);

/// UCE (unsupported chroma edges): the part of sum |grad ab| that lies where the 5 x 5 maximum of |grad L| is at
/// most 1. Gradients are Sobel / 8 after a blur of sigma 1. 0 for an image without chroma edges.
double unsupported_chroma_edges(const LabImage& image);

/// CF: colourfulness of the sRGB values in [0, 255] (Hasler and Suesstrunk, "Measuring colourfulness in natural
/// images", 2003), with signed rg and yb.
double colourfulness(const LabImage& image);

/// Area under the ROC curve of `scores` telling `labels` (1) from not (0), in [0, 1]; ties count half. NaN where the
/// labels are all equal.
double auc(const std::vector<float>& scores, const std::vector<std::uint8_t>& labels);

struct Interval {
    double mean = 0;
    double low = 0;
    double high = 0;
};

/// The mean of `values` with its 95 % percentile bootstrap interval. The same seed gives the same interval. NaN where
/// `values` is empty.
Interval bootstrap_mean(const std::vector<double>& values, std::uint64_t seed, int resamples = 2000);

/// The same for sum of `parts` over sum of `wholes`, which are resampled together. NaN where the wholes' sum is 0.
Interval bootstrap_ratio(const std::vector<double>& parts, const std::vector<double>& wholes, std::uint64_t seed,
                         int resamples = 2000);

/// The angle, in degrees in (-180, 180], by which the hues of `turned` lie beyond those of `original`: the argument of
/// the sum over pixels of (a + ib of turned) * conj(a + ib of original), so that pixels count by their chroma. 0 where
/// the sum vanishes.
double hue_rotation(const LabImage& turned, const LabImage& original);

/// Least-squares slope through the origin of measured over applied rotations, both in degrees, ordered from the
/// smallest applied rotation on. Each measured angle is first unwrapped to the turn nearest to the one before it (0
/// before the first), so that neither a result that obeys (180 measured as -179) nor one that ignores (0 measured as
/// -1) is misread at half a turn. Applied steps must be below 180.
double rotation_slope(const std::vector<double>& applied, std::vector<double> measured);

} // namespace chromatch
