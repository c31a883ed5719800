// SPDX-License-Identifier: GPL-3.0-or-later
#include "networks/colorization_network.h"

#include <numeric>

#include <torch/nn/functional.h>

#include "networks/feature_maps.h"

namespace chromatch {

namespace F = torch::nn::functional;

namespace {

constexpr int channels16 = 256, channels8 = 192, channels4 = 128, channels2 = 64;
/// Blocks that FiLM modulates, in the order of its output.
constexpr int film_channels[] = {channels16, channels16, channels8, channels4, channels2};
constexpr int film_hidden_channels = 128;
constexpr double warp_refinement = 0.25;
constexpr int guided_channels = 48; ///< of the guide's first layer

torch::nn::Conv2d convolution(int inputs, int outputs, int kernel, int stride = 1)
{
    return torch::nn::Conv2d(torch::nn::Conv2dOptions(inputs, outputs, kernel).stride(stride).padding(kernel / 2));
}

torch::nn::GroupNorm group_norm(int channels)
{
    return torch::nn::GroupNorm(torch::nn::GroupNormOptions(channels / 16, channels));
}

torch::Tensor twice_as_large(const torch::Tensor& x)
{
    return F::interpolate(
        x, F::InterpolateFuncOptions().scale_factor(std::vector<double>{2.0, 2.0}).mode(torch::kNearest));
}

} // namespace

ColorBlockImpl::ColorBlockImpl(int channels)
    : norm1(group_norm(channels)), norm2(group_norm(channels)), conv1(convolution(channels, channels, 3)),
      conv2(convolution(channels, channels, 3))
{
    register_module("norm1", norm1);
    register_module("conv1", conv1);
    register_module("norm2", norm2);
    register_module("conv2", conv2);
    // The block starts as the identity.
    torch::nn::init::zeros_(conv2->weight);
    torch::nn::init::zeros_(conv2->bias);
}

torch::Tensor ColorBlockImpl::forward(const torch::Tensor& x, const torch::Tensor& scale, const torch::Tensor& shift,
                                      const torch::Tensor& amount)
{
    torch::Tensor y = conv1(torch::silu(norm1(x)));
    y = norm2(y);
    y = y + amount * (y * scale + shift);
    return x + conv2(torch::silu(y));
}

ColorizationNetworkImpl::ColorizationNetworkImpl()
    : guide4a(convolution(guide_channels, guided_channels, 3)), guide4b(convolution(guided_channels, 64, 3)),
      guide8(convolution(64, 96, 3, 2)), guide16(convolution(96, 128, 3, 2)),
      fuse16(convolution(256 + 128, channels16, 1)), up8(convolution(channels16, channels8, 1)),
      fuse8(convolution(channels8 + 128 + 96, channels8, 1)), up4(convolution(channels8, channels4, 1)),
      fuse4(convolution(channels4 + 64 + 64, channels4, 1)), up2(convolution(channels4, channels2, 1)),
      fuse2(convolution(channels2 + 64 + 1 + guide_channels, channels2, 1)), block16a(channels16), block16b(channels16),
      block8(channels8), block4(channels4), block2(channels2), context_key(convolution(channels16, 1, 1)),
      context_value(convolution(channels16, channels16, 1)), film_hidden(histogram_size, film_hidden_channels),
      film(film_hidden_channels, 2 * std::accumulate(std::begin(film_channels), std::end(film_channels), 0)),
      head(convolution(channels2, 5, 3)), bins(convolution(channels4, histogram_size, 1)),
      guess16(convolution(guess_channels, channels16, 1)), guess4(convolution(2 + 2 + 1, guided_channels, 3)),
      guess2(convolution(2, 2, 1))
{
    register_module("guide4a", guide4a);
    register_module("guide4b", guide4b);
    register_module("guide8", guide8);
    register_module("guide16", guide16);
    register_module("fuse16", fuse16);
    register_module("block16a", block16a);
    register_module("context_key", context_key);
    register_module("context_value", context_value);
    register_module("block16b", block16b);
    register_module("up8", up8);
    register_module("fuse8", fuse8);
    register_module("block8", block8);
    register_module("up4", up4);
    register_module("fuse4", fuse4);
    register_module("block4", block4);
    register_module("up2", up2);
    register_module("fuse2", fuse2);
    register_module("block2", block2);
    register_module("film_hidden", film_hidden);
    register_module("film", film);
    register_module("head", head);
    register_module("bins", bins);
    register_module("guess", guess);
    register_module("places", places);
    register_module("guess16", guess16);
    register_module("guess4", guess4);
    register_module("guess2", guess2);
    for (auto layer : {film->weight, film->bias, head->weight, head->bias, context_value->weight, context_value->bias,
                       guess16->weight, guess16->bias, guess4->weight, guess4->bias, guess2->weight, guess2->bias})
        torch::nn::init::zeros_(layer);
}

ColorizationOutput ColorizationNetworkImpl::forward(const ColorizationInput& input, bool with_bins)
{
    const torch::Tensor& guide = input.guide;
    const torch::Tensor valid = guide.narrow(1, guide_valid, 1);
    const torch::Tensor guessed4 = resized_map(input.guess.chroma, guide.size(2), guide.size(3));
    const torch::Tensor difference = (guide.narrow(1, guide_warp_a, 2) - guessed4) * valid;
    const torch::Tensor compared = guess4(torch::cat({guessed4, difference, difference.norm(2, 1, true)}, 1));
    const torch::Tensor guided4 = torch::silu(guide4b(torch::silu(guide4a(guide) + compared)));
    const torch::Tensor guided8 = torch::silu(guide8(guided4));
    const torch::Tensor guided16 = torch::silu(guide16(guided8));

    // FiLM speaks where there is a reference but no sure match.
    const torch::Tensor unsure4 = valid * (1.0 - guide.narrow(1, guide_cycle_confidence, 1));
    const torch::Tensor unsure8 = torch::avg_pool2d(unsure4, 2);
    const torch::Tensor unsure16 = torch::avg_pool2d(unsure8, 2);
    const torch::Tensor modulation =
        film(torch::silu(film_hidden(input.histogram.to(torch::kFloat32) * std::sqrt(double(histogram_size)))))
            .unsqueeze(2)
            .unsqueeze(3);
    int used = 0;
    const auto next_film = [&](int channels) {
        const torch::Tensor part = modulation.narrow(1, used, channels);
        used += channels;
        return part;
    };
    const auto run = [&](ColorBlock& block, const torch::Tensor& x, int channels, const torch::Tensor& amount) {
        const torch::Tensor scale = next_film(channels);
        const torch::Tensor shift = next_film(channels);
        return block(x, scale, shift, amount);
    };

    torch::Tensor x = fuse16(torch::cat({input.features.sixteenth, guided16}, 1)) + guess16(input.guess.features);
    x = run(block16a, x, channels16, unsure16);
    x = with_context(x, context_key, context_value);
    x = run(block16b, x, channels16, unsure16);

    x = fuse8(torch::cat({twice_as_large(up8(x)), input.features.eighth, guided8}, 1));
    x = run(block8, x, channels8, unsure8);
    x = fuse4(torch::cat({twice_as_large(up4(x)), input.features.quarter, guided4}, 1));
    x = run(block4, x, channels4, unsure4);

    ColorizationOutput output;
    if (with_bins)
        output.bins = bins(torch::silu(x)).to(torch::kFloat32);
    const int64_t height2 = input.features.half.size(2), width2 = input.features.half.size(3);
    const torch::Tensor guide2 = resized_map(guide, height2, width2);
    const torch::Tensor unsure2 = resized_map(unsure4, height2, width2);
    x = fuse2(
        torch::cat({twice_as_large(up2(x)), input.features.half, torch::avg_pool2d(input.luminance, 2), guide2}, 1));
    x = run(block2, x, channels2, unsure2);
    const torch::Tensor heads = head(torch::silu(x)).to(torch::kFloat32);

    const torch::Tensor guessed2 = guess2(resized_map(input.guess.chroma, height2, width2)).to(torch::kFloat32);
    output.prior = torch::tanh(heads.narrow(1, 0, 2) + guessed2);
    output.gate = heads.narrow(1, 2, 1);
    output.warp = guide2.narrow(1, guide_warp_a, 2) + warp_refinement * torch::tanh(heads.narrow(1, 3, 2));
    output.trust = guide2.narrow(1, guide_valid, 1) * torch::sigmoid(output.gate);
    output.chroma = output.trust * output.warp + (1.0 - output.trust) * output.prior;
    return output;
}

void ColorizationNetworkImpl::amplify_prior(double gain)
{
    torch::NoGradGuard no_gradients;
    for (const torch::Tensor& part :
         {head->weight.narrow(0, 0, 2), head->bias.narrow(0, 0, 2), guess2->weight, guess2->bias})
        part.mul_(gain);
}

torch::Tensor chroma_histogram(const torch::Tensor& ab, const torch::Tensor& weight)
{
    const int64_t batch = ab.size(0);
    const torch::Tensor position = ((ab + 1.0) * (0.5 * (histogram_bins - 1))).clamp(0.0, histogram_bins - 1.0);
    const torch::Tensor low = position.floor().clamp(0.0, histogram_bins - 2.0);
    const torch::Tensor fraction = position - low;
    torch::Tensor histogram = torch::zeros({batch, histogram_size}, ab.options());
    for (int da = 0; da < 2; da++) {
        for (int db = 0; db < 2; db++) {
            const torch::Tensor share_a = da ? fraction.select(1, 0) : 1.0 - fraction.select(1, 0);
            const torch::Tensor share_b = db ? fraction.select(1, 1) : 1.0 - fraction.select(1, 1);
            const torch::Tensor bin = (low.select(1, 0) + da) * histogram_bins + low.select(1, 1) + db;
            torch::Tensor share = share_a * share_b;
            if (weight.defined())
                share = share * weight.squeeze(1);
            histogram = histogram.scatter_add(1, bin.to(torch::kInt64).flatten(1), share.flatten(1));
        }
    }
    return histogram / histogram.sum(1, true).clamp_min(1e-6);
}

} // namespace chromatch
