// SPDX-License-Identifier: GPL-3.0-or-later
#include "distortion.h"

#include "random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

namespace chromatch {

namespace {

constexpr int control_side = 4;
constexpr int control_count = control_side * control_side;
constexpr int unknowns = control_count + 3; // one weight for each control point, and an affine part
constexpr double control_shift = 0.06;      // of the short side

/// Radial basis of the thin plate: r^2 log r, from r^2.
double thin_plate(double squared_radius)
{
    return squared_radius > 0 ? 0.5 * squared_radius * std::log(squared_radius) : 0;
}

using System = std::array<std::array<double, unknowns + 2>, unknowns>; // two right-hand sides: y and x

/// Gauss-Jordan with pivoting; the solutions end up in the last two columns.
void solve(System& rows)
{
    for (int column = 0; column < unknowns; ++column) {
        int pivot = column;
        for (int r = column + 1; r < unknowns; ++r)
            if (std::abs(rows[r][column]) > std::abs(rows[pivot][column]))
                pivot = r;
        std::swap(rows[column], rows[pivot]);
        const double scale = 1 / rows[column][column];
        for (double& value : rows[column])
            value *= scale;
        for (int r = 0; r < unknowns; ++r) {
            const double factor = rows[r][column];
            if (r == column || factor == 0)
                continue;
            for (int k = 0; k < unknowns + 2; ++k)
                rows[r][k] -= factor * rows[column][k];
        }
    }
}

/// Smooth displacement of the unit square with random values at the control points.
class ThinPlateSpline {
  public:
    ThinPlateSpline(Random& random, double most_y, double most_x)
    {
        System rows{};
        for (int i = 0; i < control_count; ++i) {
            for (int k = 0; k < control_count; ++k)
                rows[i][k] = basis(k, control(i, 0), control(i, 1));
            const double affine[3] = {1, control(i, 0), control(i, 1)};
            for (int k = 0; k < 3; ++k)
                rows[i][control_count + k] = rows[control_count + k][i] = affine[k];
            rows[i][unknowns] = random.uniform(-most_y, most_y);
            rows[i][unknowns + 1] = random.uniform(-most_x, most_x);
        }
        solve(rows);
        for (int i = 0; i < unknowns; ++i)
            for (int axis = 0; axis < 2; ++axis)
                weights_[axis][i] = rows[i][unknowns + axis];
    }

    std::pair<double, double> displacement(double y, double x) const
    {
        double moved[2];
        for (int axis = 0; axis < 2; ++axis) {
            const auto& affine = &weights_[axis][control_count];
            moved[axis] = affine[0] + affine[1] * y + affine[2] * x;
        }
        for (int k = 0; k < control_count; ++k) {
            const double value = basis(k, y, x);
            moved[0] += weights_[0][k] * value;
            moved[1] += weights_[1][k] * value;
        }
        return {moved[0], moved[1]};
    }

  private:
    /// Coordinate of a control point: axis 0 is y, 1 is x.
    static double control(int point, int axis)
    {
        return (axis == 0 ? point / control_side : point % control_side) / double(control_side - 1);
    }
    static double basis(int point, double y, double x)
    {
        const double dy = y - control(point, 0), dx = x - control(point, 1);
        return thin_plate(dy * dy + dx * dx);
    }

    std::array<std::array<double, unknowns>, 2> weights_{};
};

/// Mirrors a whole coordinate into [0, length): ..., 1, 0, 0, 1, ..., length - 1, length - 1, ...
int mirrored(int at, int length)
{
    const int period = 2 * length;
    at = ((at % period) + period) % period;
    return at < length ? at : period - 1 - at;
}

float bilinear(const Plane& plane, float y, float x)
{
    const int top = static_cast<int>(std::floor(y)), left = static_cast<int>(std::floor(x));
    const float down = y - top, across = x - left;
    const int y0 = mirrored(top, plane.height), y1 = mirrored(top + 1, plane.height);
    const int x0 = mirrored(left, plane.width), x1 = mirrored(left + 1, plane.width);
    const float upper = plane.at(y0, x0) + across * (plane.at(y0, x1) - plane.at(y0, x0));
    const float lower = plane.at(y1, x0) + across * (plane.at(y1, x1) - plane.at(y1, x0));
    return upper + down * (lower - upper);
}

} // namespace

Distortion draw_distortion(int height, int width, std::uint64_t seed)
{
    Random random(seed);
    const double side = std::sqrt(random.uniform(0.6, 1));
    const bool flipped = random.uniform(0, 1) < 0.5;
    const double angle = random.uniform(-15, 15) * std::numbers::pi / 180;
    const double gamma = std::exp(random.uniform(std::log(0.7), std::log(1.4)));
    const int crop_height = std::max(1, static_cast<int>(std::lround(height * side)));
    const int crop_width = std::max(1, static_cast<int>(std::lround(width * side)));
    const double top = random.uniform(0, height - crop_height), left = random.uniform(0, width - crop_width);
    const double shift = control_shift * std::min(height, width);
    const ThinPlateSpline spline(random, shift, shift);

    Distortion distortion{crop_height, crop_width, Plane(crop_height, crop_width), Plane(crop_height, crop_width),
                          static_cast<float>(gamma)};
    const double cosine = std::cos(angle), sine = std::sin(angle);
    const double middle_y = top + (crop_height - 1) / 2.0, middle_x = left + (crop_width - 1) / 2.0;
    for (int y = 0; y < crop_height; ++y)
        for (int x = 0; x < crop_width; ++x) {
            const auto [bent_y, bent_x] = spline.displacement((y + 0.5) / crop_height, (x + 0.5) / crop_width);
            // From the crop's middle: flip, bend, turn.
            const double from_y = y - (crop_height - 1) / 2.0 + bent_y;
            const double from_x = (flipped ? -1 : 1) * (x - (crop_width - 1) / 2.0) + bent_x;
            distortion.source_y.at(y, x) = static_cast<float>(middle_y + cosine * from_y - sine * from_x);
            distortion.source_x.at(y, x) = static_cast<float>(middle_x + sine * from_y + cosine * from_x);
        }
    return distortion;
}

LabImage distort(const LabImage& photo, const Distortion& distortion)
{
    const auto sample = [&](const Plane& plane) {
        Plane result(distortion.height, distortion.width);
        for (std::size_t i = 0; i < result.values.size(); ++i)
            result.values[i] = bilinear(plane, distortion.source_y.values[i], distortion.source_x.values[i]);
        return result;
    };
    LabImage result{sample(photo.l), sample(photo.a), sample(photo.b)};
    for (float& l : result.l.values)
        l = 100.0f * std::pow(std::clamp(l / 100.0f, 0.0f, 1.0f), distortion.gamma);
    return result;
}

} // namespace chromatch
