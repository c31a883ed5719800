// SPDX-License-Identifier: GPL-3.0-or-later
//
// sRGB: IEC 61966-2-1. CIELAB: CIE 15:2004, with the exact constants (6/29)^3 and so on.
#include "colour/cielab.h"

#include "matching/parallel.h"

#include <array>
#include <cmath>
#include <string>

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

float lab_curve(float t)
{
    return t > knee * knee * knee ? std::cbrt(t) : t / slope + 4.0f / 29.0f;
}
inline float inverse_lab_curve(float f)
{
    return f > knee ? f * f * f : slope * (f - 4.0f / 29.0f);
}

inline void to_linear_rgb(float l, float a, float b, float& red, float& green, float& blue)
{
    const float fy = (l + 16.0f) / 116.0f;
    const float x = inverse_lab_curve(fy + a / 500.0f);
    const float y = inverse_lab_curve(fy);
    const float z = inverse_lab_curve(fy - b / 200.0f);
    red = to_rgb.m[0][0] * x + to_rgb.m[0][1] * y + to_rgb.m[0][2] * z;
    green = to_rgb.m[1][0] * x + to_rgb.m[1][1] * y + to_rgb.m[1][2] * z;
    blue = to_rgb.m[2][0] * x + to_rgb.m[2][1] * y + to_rgb.m[2][2] * z;
}

/// What rounding may add to a colour on the gamut's surface, such as pure sRGB red; it must not be pulled inwards.
constexpr float rounding = 1e-5f;

inline bool in_gamut(float l, float a, float b)
{
    float red, green, blue;
    to_linear_rgb(l, a, b, red, green, blue);
    // No short cuts: without branches whole rows of pixels go through the vector unit.
    return (red >= -rounding) & (green >= -rounding) & (blue >= -rounding) & (red <= 1.0f + rounding) &
           (green <= 1.0f + rounding) & (blue <= 1.0f + rounding);
}

/// The factor for a colour outside the gamut, by bisection: the colours on the way to gray are inside from some factor
/// downwards. 0 where even gray is outside.
float largest_factor(float l, float a, float b)
{
    float inside = 0.0f, outside = 1.0f;
    for (int step = 0; step < 20; ++step) {
        const float middle = 0.5f * (inside + outside);
        (in_gamut(l, middle * a, middle * b) ? inside : outside) = middle;
    }
    return inside;
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
    to_linear_rgb(lab[0], lab[1], lab[2], rgb[0], rgb[1], rgb[2]);
}

float clip_chroma(float l, float& a, float& b)
{
    if (in_gamut(l, a, b))
        return 1.0f;
    const float factor = largest_factor(l, a, b);
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
    parallel_for(l.height, 16, 0, [&](int first, int last) {
        std::vector<std::uint8_t> inside(l.width);
        for (int y = first; y < last; ++y) {
            const float* row_l = l.row(y);
            float* row_a = a.row(y);
            float* row_b = b.row(y);
            // Most pixels are inside: the test runs over the row first, the bisection over the few others.
            for (int x = 0; x < l.width; ++x)
                inside[x] = in_gamut(row_l[x], row_a[x], row_b[x]);
            for (int x = 0; x < l.width; ++x)
                if (!inside[x])
                    clip_chroma(row_l[x], row_a[x], row_b[x]);
        }
    });
}

} // namespace chromatch
