// SPDX-License-Identifier: GPL-3.0-or-later
#include "propagation.h"

#include "colour/cielab.h"
#include "matching/parallel.h"
#include "resampling/guided_upsampling.h"
#include "resampling/resize.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace chromatch {

namespace {

constexpr int most_iterations = 400;
constexpr double solved_residual = 1e-3;   // of the right-hand side's length
constexpr float weakest_neighbour = 1e-4f; // a weight that an edge keeps, so that no pixel stands alone

/// The symmetric positive definite system of propagation.h: a diagonal and the couplings to the right and down.
class SpreadingSystem {
  public:
    SpreadingSystem(const Plane& luminance, const Plane& trust, float gray_pull, const PropagationOptions& options)
        : diagonal_(trust), right_(trust.height, trust.width), down_(trust.height, trust.width)
    {
        const float scale = -0.5f / (options.edge_deviation * options.edge_deviation);
        const auto couple = [&](Plane& coupling, int y, int x, int other_y, int other_x) {
            const float step = luminance.at(y, x) - luminance.at(other_y, other_x);
            const float weight = options.smoothness * (weakest_neighbour + std::exp(scale * step * step));
            coupling.at(y, x) = weight;
            diagonal_.at(y, x) += weight;
            diagonal_.at(other_y, other_x) += weight;
        };
        for (float& value : diagonal_.values)
            value += gray_pull;
        for (int y = 0; y < trust.height; ++y)
            for (int x = 0; x < trust.width; ++x) {
                if (x + 1 < trust.width)
                    couple(right_, y, x, y, x + 1);
                if (y + 1 < trust.height)
                    couple(down_, y, x, y + 1, x);
            }
    }

    /// Conjugate gradients with the diagonal as preconditioner, from `x` on.
    void solve(const Plane& right_side, Plane& x) const
    {
        Plane residual = times(x);
        for (std::size_t i = 0; i < residual.values.size(); ++i)
            residual.values[i] = right_side.values[i] - residual.values[i];
        const double goal = solved_residual * solved_residual * dot(right_side, right_side);
        Plane direction(x.height, x.width);
        double before = 1;
        for (int iteration = 0; iteration < most_iterations && dot(residual, residual) > goal; ++iteration) {
            Plane scaled = residual;
            for (std::size_t i = 0; i < scaled.values.size(); ++i)
                scaled.values[i] /= diagonal_.values[i];
            const double now = dot(residual, scaled);
            const float keep = iteration == 0 ? 0.0f : static_cast<float>(now / before);
            for (std::size_t i = 0; i < scaled.values.size(); ++i)
                direction.values[i] = scaled.values[i] + keep * direction.values[i];
            const Plane image = times(direction);
            const auto step = static_cast<float>(now / dot(direction, image));
            for (std::size_t i = 0; i < scaled.values.size(); ++i) {
                x.values[i] += step * direction.values[i];
                residual.values[i] -= step * image.values[i];
            }
            before = now;
        }
    }

  private:
    static double dot(const Plane& p, const Plane& q)
    {
        double sum = 0;
        for (std::size_t i = 0; i < p.values.size(); ++i)
            sum += static_cast<double>(p.values[i]) * q.values[i];
        return sum;
    }

    Plane times(const Plane& x) const
    {
        Plane result(x.height, x.width);
        for (int row = 0; row < x.height; ++row)
            for (int column = 0; column < x.width; ++column) {
                float sum = diagonal_.at(row, column) * x.at(row, column);
                if (column + 1 < x.width)
                    sum -= right_.at(row, column) * x.at(row, column + 1);
                if (column > 0)
                    sum -= right_.at(row, column - 1) * x.at(row, column - 1);
                if (row + 1 < x.height)
                    sum -= down_.at(row, column) * x.at(row + 1, column);
                if (row > 0)
                    sum -= down_.at(row - 1, column) * x.at(row - 1, column);
                result.at(row, column) = sum;
            }
        return result;
    }

    Plane diagonal_, right_, down_;
};

Plane guide_plane(const Guide& guide, GuideChannel channel)
{
    Plane plane(guide.forward.height, guide.forward.width);
    std::copy_n(guide.planes.begin() + channel * plane.values.size(), plane.values.size(), plane.values.begin());
    return plane;
}

} // namespace

Plane working_luminance(const Plane& luminance, int working_size)
{
    constexpr int step = 16; // the engine's networks halve their input four times
    const int shorter = std::min(luminance.height, luminance.width);
    const double scale = double(std::clamp(shorter, minimum_working_size, working_size)) / shorter;
    const auto side = [&](int length) { return static_cast<int>(std::lround(length * scale / step)) * step; };
    return resize(luminance, side(luminance.height), side(luminance.width));
}

void spread_chroma(const Plane& working, const Plane& warp_a, const Plane& warp_b, const Plane& trust, float gray_pull,
                   const PropagationOptions& options, Plane& a, Plane& b)
{
    const Plane full_trust = resize(trust, working.height, working.width);
    const SpreadingSystem system(working, full_trust, gray_pull, options);
    const auto spread = [&](const Plane& warp) {
        Plane solution = resize(warp, working.height, working.width), right_side = solution;
        for (std::size_t i = 0; i < right_side.values.size(); ++i)
            right_side.values[i] *= full_trust.values[i];
        system.solve(right_side, solution);
        return solution;
    };
    run_workers(2, [&](int worker) { worker == 0 ? a = spread(warp_a) : b = spread(warp_b); });
}

LabImage propagate(const Plane& target, const Plane& working, const Guide& guide, const PropagationOptions& options)
{
    const Plane trust = guide_plane(guide, guide_cycle_confidence);
    const float mean_trust =
        std::accumulate(trust.values.begin(), trust.values.end(), 0.0f) / static_cast<float>(trust.values.size());
    const float gray_pull = options.doubt * std::pow(1.0f - mean_trust, options.doubt_power);
    Plane a, b;
    spread_chroma(working, guide_plane(guide, guide_warp_a), guide_plane(guide, guide_warp_b), trust, gray_pull,
                  options, a, b);
    LabImage result{target, {}, {}};
    guided_upsample(target, a, b, result.a, result.b);
    clip_chroma(target, result.a, result.b);
    return result;
}

} // namespace chromatch
