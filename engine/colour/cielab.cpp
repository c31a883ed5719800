// SPDX-License-Identifier: GPL-3.0-or-later
//
// sRGB: IEC 61966-2-1. CIELAB: CIE 15:2004, with the exact constants (6/29)^3 and so on.
#include "colour/cielab.h"

#include "matching/parallel.h"
#include "matching/simd.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace chromatch {
namespace {

using Matrix = std::array<std::array<double, 3>, 3>;

constexpr Matrix inverse(const Matrix& m)
{
    Matrix adjugate{};
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) {
            const int r0 = (j + 1) % 3, r1 = (j + 2) % 3, c0 = (i + 1) % 3, c1 = (i + 2) % 3;
            adjugate[i][j] = m[r0][c0] * m[r1][c1] - m[r0][c1] * m[r1][c0];
        }
    const double determinant = m[0][0] * adjugate[0][0] + m[0][1] * adjugate[1][0] + m[0][2] * adjugate[2][0];
    for (auto& row : adjugate)
        for (double& value : row)
            value /= determinant;
    return adjugate;
}

/// Linear RGB -> (X / Xn, Y / Yn, Z / Zn), from the chromaticities of the primaries and of D65. Relative to the white,
/// so that each row sums to 1 and RGB white is L = 100, a = b = 0 without a remainder.
constexpr Matrix rgb_to_relative_xyz()
{
    const double primaries[3][2] = {{0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}};
    const double white[3] = {0.3127 / 0.3290, 1.0, (1.0 - 0.3127 - 0.3290) / 0.3290};
    Matrix xyz{}; // columns: the primaries' colours, still of unknown strength
    for (int i = 0; i < 3; ++i) {
        const double x = primaries[i][0], y = primaries[i][1];
        xyz[0][i] = x / y;
        xyz[1][i] = 1.0;
        xyz[2][i] = (1.0 - x - y) / y;
    }
    const Matrix solve = inverse(xyz);
    for (int i = 0; i < 3; ++i) {
        const double strength = solve[i][0] * white[0] + solve[i][1] * white[1] + solve[i][2] * white[2];
        for (int row = 0; row < 3; ++row)
            xyz[row][i] *= strength / white[row];
    }
    return xyz;
}

struct FloatMatrix {
    float m[3][3];
    explicit constexpr FloatMatrix(const Matrix& from) : m{}
    {
        for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j)
                m[i][j] = static_cast<float>(from[i][j]);
    }
};

constexpr FloatMatrix to_xyz(rgb_to_relative_xyz());
constexpr FloatMatrix to_rgb(inverse(rgb_to_relative_xyz()));

constexpr float knee = 6.0f / 29.0f;
constexpr float slope = 3.0f * knee * knee;

template <int lanes> using Lanes = typename simd::Vector<lanes>::Float;

float lab_curve(float t)
{
    return t > knee * knee * knee ? std::cbrt(t) : t / slope + 4.0f / 29.0f;
}

/// lanes = 1: one float, else a vector; by reference, see matching/simd.h.
template <int lanes> CHROMATCH_INLINE void inverse_lab_curve(Lanes<lanes>& f)
{
    using Float = Lanes<lanes>;
    const Float cube = f * f * f, line = slope * (f - 4.0f / 29.0f);
    f = f > knee ? cube : line;
}

template <int lanes>
CHROMATCH_INLINE void to_linear_rgb(const Lanes<lanes>& l, const Lanes<lanes>& a, const Lanes<lanes>& b,
                                    Lanes<lanes>* rgb)
{
    using Float = Lanes<lanes>;
    Float y = (l + 16.0f) * (1.0f / 116.0f);
    Float x = y + a * (1.0f / 500.0f);
    Float z = y - b * (1.0f / 200.0f);
    inverse_lab_curve<lanes>(x);
    inverse_lab_curve<lanes>(y);
    inverse_lab_curve<lanes>(z);
    for (int i = 0; i < 3; ++i)
        rgb[i] = to_rgb.m[i][0] * x + to_rgb.m[i][1] * y + to_rgb.m[i][2] * z;
}

/// What rounding may add to a colour on the gamut's surface, such as pure sRGB red; it must not be pulled inwards.
constexpr float rounding = 1e-5f;

/// How far the colour with its chroma scaled by `factor` lies outside [0, 1] in linear RGB; not above 0 inside.
template <int lanes>
CHROMATCH_INLINE void measure_excess(const Lanes<lanes>& l, const Lanes<lanes>& a, const Lanes<lanes>& b,
                                     const Lanes<lanes>& factor, Lanes<lanes>& excess)
{
    using Float = Lanes<lanes>;
    Float rgb[3];
    const Float scaled_a = factor * a, scaled_b = factor * b;
    to_linear_rgb<lanes>(l, scaled_a, scaled_b, rgb);
    excess = rgb[0] - 1.0f;
    for (int i = 0; i < 3; ++i) {
        const Float below = -rgb[i], above = rgb[i] - 1.0f;
        excess = excess > below ? excess : below;
        excess = excess > above ? excess : above;
    }
}

/// The factor for a colour outside the gamut, by bisection: the colours on the way to gray are inside from some factor
/// downwards. 0 where even gray is outside.
template <int lanes>
CHROMATCH_INLINE void find_factor(const Lanes<lanes>& l, const Lanes<lanes>& a, const Lanes<lanes>& b,
                                  Lanes<lanes>& inside)
{
    using Float = Lanes<lanes>;
    Float outside = inside = l * 0.0f;
    outside += 1.0f;
    for (int step = 0; step < 20; ++step) {
        const Float middle = 0.5f * (inside + outside);
        Float excess;
        measure_excess<lanes>(l, a, b, middle, excess);
        inside = excess <= rounding ? middle : inside;
        outside = excess <= rounding ? outside : middle;
    }
}

/// One thread's working memory for a row of `width` pixels.
struct Row {
    std::vector<float> l, a, b; // padded copies; then the colours outside the gamut, close together
    std::vector<float> result;  // excess; then factor
    std::vector<int> place;     // of the colours outside the gamut

    explicit Row(int width)
        : l(width + padding), a(width + padding), b(width + padding), result(width + padding), place(width)
    {
    }
    static constexpr int padding = 16;
};

template <int lanes> CHROMATCH_INLINE Lanes<lanes>& lanes_at(std::vector<float>& values, int x)
{
    return *reinterpret_cast<Lanes<lanes>*>(values.data() + x);
}

/// Most pixels are inside: the test runs over the whole row first, the bisection over the others, moved together.
template <int lanes> CHROMATCH_INLINE void clip_row(const float* l, float* a, float* b, int width, Row& row)
{
    std::copy_n(l, width, row.l.begin());
    std::copy_n(a, width, row.a.begin());
    std::copy_n(b, width, row.b.begin());
    const Lanes<lanes> one = Lanes<lanes>{} + 1.0f;
    for (int x = 0; x < width; x += lanes)
        measure_excess<lanes>(lanes_at<lanes>(row.l, x), lanes_at<lanes>(row.a, x), lanes_at<lanes>(row.b, x), one,
                              lanes_at<lanes>(row.result, x));
    int count = 0;
    for (int x = 0; x < width; ++x) {
        row.place[count] = x;
        row.l[count] = l[x];
        row.a[count] = a[x];
        row.b[count] = b[x];
        count += !(row.result[x] <= rounding);
    }
    for (int i = 0; i < count; i += lanes)
        find_factor<lanes>(lanes_at<lanes>(row.l, i), lanes_at<lanes>(row.a, i), lanes_at<lanes>(row.b, i),
                           lanes_at<lanes>(row.result, i));
    for (int i = 0; i < count; ++i) {
        a[row.place[i]] *= row.result[i];
        b[row.place[i]] *= row.result[i];
    }
}

using ClipRow = void (*)(const float*, float*, float*, int, Row&);

void clip_row_baseline(const float* l, float* a, float* b, int width, Row& row)
{
    clip_row<4>(l, a, b, width, row);
}
#if defined(CHROMATCH_X86)
CHROMATCH_AVX2 void clip_row_avx2(const float* l, float* a, float* b, int width, Row& row)
{
    clip_row<8>(l, a, b, width, row);
}
CHROMATCH_AVX512 void clip_row_avx512(const float* l, float* a, float* b, int width, Row& row)
{
    clip_row<16>(l, a, b, width, row);
}
#endif

ClipRow choose_clip_row()
{
#if defined(CHROMATCH_X86)
    if (simd::level() == simd::Level::avx512)
        return clip_row_avx512;
    if (simd::level() == simd::Level::avx2)
        return clip_row_avx2;
#endif
    return clip_row_baseline;
}

} // namespace

float srgb_to_linear(float encoded)
{
    const float magnitude = std::fabs(encoded);
    const float linear = magnitude <= 0.04045f ? magnitude / 12.92f : std::pow((magnitude + 0.055f) / 1.055f, 2.4f);
    return std::copysign(linear, encoded);
}

float linear_to_srgb(float linear)
{
    const float magnitude = std::fabs(linear);
    // 0.04045 / 12.92, not the standard's rounded 0.0031308: the two curves must change over at the same place.
    const float encoded =
        magnitude <= 0.04045f / 12.92f ? magnitude * 12.92f : 1.055f * std::pow(magnitude, 1.0f / 2.4f) - 0.055f;
    return std::copysign(encoded, linear);
}

void linear_rgb_to_lab(const float rgb[3], float lab[3])
{
    float f[3];
    for (int i = 0; i < 3; ++i)
        f[i] = lab_curve(to_xyz.m[i][0] * rgb[0] + to_xyz.m[i][1] * rgb[1] + to_xyz.m[i][2] * rgb[2]);
    lab[0] = 116.0f * f[1] - 16.0f;
    lab[1] = 500.0f * (f[0] - f[1]);
    lab[2] = 200.0f * (f[1] - f[2]);
}

void lab_to_linear_rgb(const float lab[3], float rgb[3])
{
    to_linear_rgb<1>(lab[0], lab[1], lab[2], rgb);
}

float clip_chroma(float l, float& a, float& b)
{
    float factor, excess;
    measure_excess<1>(l, a, b, 1.0f, excess);
    if (excess <= rounding)
        return 1.0f;
    find_factor<1>(l, a, b, factor);
    a *= factor;
    b *= factor;
    return factor;
}

void clip_chroma(const Plane& l, Plane& a, Plane& b)
{
    if (!l.same_size(a) || !l.same_size(b))
        throw Error(ErrorCode::bad_image, "chroma of " + std::to_string(a.height) + " x " + std::to_string(a.width) +
                                              " and " + std::to_string(b.height) + " x " + std::to_string(b.width) +
                                              " does not fit luminance of " + std::to_string(l.height) + " x " +
                                              std::to_string(l.width));
    const ClipRow clip = choose_clip_row();
    parallel_for(l.height, 16, 0, [&](int first, int last) {
        Row row(l.width);
        for (int y = first; y < last; ++y)
            clip(l.row(y), a.row(y), b.row(y), l.width, row);
    });
}

} // namespace chromatch
