// SPDX-License-Identifier: GPL-3.0-or-later
#include "pixels.h"

#include "glib_pointer.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace chromatch::plugin {

namespace {

/// Rows moved at a time: whole rows of GIMP's tiles, so that each tile crosses to the plug-in once.
constexpr int strip_rows = 128;
constexpr int channels = 4;

/// Linear light, sRGB primaries, alpha not premultiplied; values outside [0, 1] are kept.
const Babl* exchange_format()
{
    return babl_format("RGBA float");
}

/// A float image may hold NaN or infinity, which the engine does not take. A pixel that is no number is black; an
/// endless light is white, an endless darkness black.
void make_finite(float* rgba)
{
    const bool none = std::isnan(rgba[0]) || std::isnan(rgba[1]) || std::isnan(rgba[2]);
    for (int i = 0; i < 3; ++i) {
        if (none || std::isinf(rgba[i])) {
            rgba[i] = !none && rgba[i] > 0.0f ? 1.0f : 0.0f;
        }
    }
    if (!std::isfinite(rgba[3])) {
        rgba[3] = 0.0f;
    }
}

bool has_filters(GimpDrawable* drawable)
{
    const FreePointer<GimpDrawableFilter*> filters(gimp_drawable_get_filters(drawable));
    return filters != nullptr && *filters != nullptr;
}

/// A drawable as it is seen. GIMP gives a layer's pixels without the layer's filters, which are therefore merged into a
/// copy that is in no image. What a filter adds beyond the layer's edges is left out. GIMP merges none on a group.
class SeenDrawable {
  public:
    explicit SeenDrawable(GimpDrawable* drawable) : seen_(drawable)
    {
        if (!GIMP_IS_LAYER(drawable) || gimp_item_is_group(GIMP_ITEM(drawable)) || !has_filters(drawable)) {
            return;
        }
        copy_ = gimp_layer_new_from_drawable(drawable, gimp_item_get_image(GIMP_ITEM(drawable)));
        if (copy_ == nullptr) {
            return;
        }
        gimp_item_set_lock_content(GIMP_ITEM(copy_), FALSE);
        if (gimp_drawable_merge_filters(GIMP_DRAWABLE(copy_))) {
            seen_ = GIMP_DRAWABLE(copy_);
            find_corner(drawable);
        }
    }
    ~SeenDrawable()
    {
        if (copy_ != nullptr) {
            gimp_item_delete(GIMP_ITEM(copy_));
        }
    }
    SeenDrawable(const SeenDrawable&) = delete;
    SeenDrawable& operator=(const SeenDrawable&) = delete;

    ObjectPointer<GeglBuffer> buffer() const { return ObjectPointer<GeglBuffer>(gimp_drawable_get_buffer(seen_)); }
    /// Where the drawable's top left corner lies in the buffer: a filter may have made the copy larger.
    int x() const { return x_; }
    int y() const { return y_; }

  private:
    void find_corner(GimpDrawable* drawable)
    {
        int copy_x = 0;
        int copy_y = 0;
        gimp_drawable_get_offsets(drawable, &x_, &y_);
        gimp_drawable_get_offsets(seen_, &copy_x, &copy_y);
        x_ -= copy_x;
        y_ -= copy_y;
    }

    GimpDrawable* seen_;
    GimpLayer* copy_ = nullptr; ///< null: the drawable has no filters
    int x_ = 0;
    int y_ = 0;
};

/// Calls use_pixel(x, y, rgba) for every pixel of the drawable, row by row, finite numbers all.
template <typename UsePixel> void for_each_pixel(GimpDrawable* drawable, UsePixel use_pixel)
{
    const SeenDrawable seen(drawable);
    const ObjectPointer<GeglBuffer> buffer = seen.buffer();
    const int width = gimp_drawable_get_width(drawable);
    const int height = gimp_drawable_get_height(drawable);
    std::vector<float> strip(static_cast<std::size_t>(width) * strip_rows * channels);
    for (int top = 0; top < height; top += strip_rows) {
        const int rows = std::min(strip_rows, height - top);
        const GeglRectangle area = {seen.x(), seen.y() + top, width, rows};
        gegl_buffer_get(buffer.get(), &area, 1.0, exchange_format(), strip.data(), GEGL_AUTO_ROWSTRIDE,
                        GEGL_ABYSS_NONE);
        float* pixel = strip.data();
        for (int y = top; y < top + rows; ++y) {
            for (int x = 0; x < width; ++x, pixel += channels) {
                make_finite(pixel);
                use_pixel(x, y, pixel);
            }
        }
    }
}

} // namespace

TargetPixels read_target(GimpDrawable* drawable, const EngineFunctions& engine)
{
    const int width = gimp_drawable_get_width(drawable);
    const int height = gimp_drawable_get_height(drawable);
    TargetPixels target;
    target.luminance = Plane(height, width);
    if (gimp_drawable_has_alpha(drawable)) {
        target.alpha = Plane(height, width);
    }
    for_each_pixel(drawable, [&](int x, int y, const float* rgba) {
        float lab[3];
        engine.linear_rgb_to_lab(rgba, lab);
        target.luminance.at(y, x) = lab[0];
        if (!target.alpha.empty()) {
            target.alpha.at(y, x) = rgba[3];
        }
    });
    return target;
}

void fill_request(const TargetPixels& target, Request& request)
{
    request.luminance = target.luminance;
    for (float& l : request.luminance.values) {
        l = std::clamp(l, 0.0f, 100.0f);
    }
    request.mask = {};
    const auto unseen = [](float alpha) { return !(alpha > 0.0f); };
    if (std::any_of(target.alpha.values.begin(), target.alpha.values.end(), unseen)) {
        request.mask = target.alpha;
        for (float& value : request.mask.values) {
            value = unseen(value) ? 0.0f : 1.0f;
        }
    }
}

Reference read_reference(GimpDrawable* drawable, const EngineFunctions& engine)
{
    const int width = gimp_drawable_get_width(drawable);
    const int height = gimp_drawable_get_height(drawable);
    Reference reference;
    reference.image = {Plane(height, width), Plane(height, width), Plane(height, width)};
    bool opaque = true;
    if (gimp_drawable_has_alpha(drawable)) {
        reference.mask = Plane(height, width);
    }
    for_each_pixel(drawable, [&](int x, int y, const float* rgba) {
        // A reference shows colours, not light: what is brighter or more vivid than the screen is taken as the most
        // that the screen can do.
        const float rgb[3] = {std::clamp(rgba[0], 0.0f, 1.0f), std::clamp(rgba[1], 0.0f, 1.0f),
                              std::clamp(rgba[2], 0.0f, 1.0f)};
        float lab[3];
        engine.linear_rgb_to_lab(rgb, lab);
        reference.image.l.at(y, x) = std::clamp(lab[0], 0.0f, 100.0f);
        reference.image.a.at(y, x) = lab[1];
        reference.image.b.at(y, x) = lab[2];
        if (!reference.mask.empty()) {
            reference.mask.at(y, x) = rgba[3];
            opaque = opaque && rgba[3] >= 0.5f;
        }
    });
    if (opaque) {
        reference.mask = {};
    }
    return reference;
}

void limit_mask(Plane& mask, const Plane& picture, GimpChannel* channel, int x, int y)
{
    const int width = picture.width;
    const int height = picture.height;
    if (mask.empty()) {
        mask = Plane(height, width, 1.0f);
    }
    // The part of the channel that covers the picture; GEGL gives 0 for what lies beyond the channel.
    ObjectPointer<GeglBuffer> buffer(gimp_drawable_get_buffer(GIMP_DRAWABLE(channel)));
    std::vector<float> strip(static_cast<std::size_t>(width) * strip_rows);
    for (int top = 0; top < height; top += strip_rows) {
        const int rows = std::min(strip_rows, height - top);
        const GeglRectangle area = {-x, top - y, width, rows};
        gegl_buffer_get(buffer.get(), &area, 1.0, babl_format("Y float"), strip.data(), GEGL_AUTO_ROWSTRIDE,
                        GEGL_ABYSS_NONE);
        float* row = mask.row(top);
        for (std::size_t i = 0; i < static_cast<std::size_t>(width) * rows; ++i) {
            row[i] *= std::isfinite(strip[i]) ? strip[i] : 0.0f;
        }
    }
}

GimpLayerMask* applied_mask(GimpLayer* layer)
{
    GimpLayerMask* mask = gimp_layer_get_mask(layer);
    return mask != nullptr && gimp_layer_get_apply_mask(layer) ? mask : nullptr;
}

void limit_to_colored_part(Plane& mask, const Plane& picture, GimpLayer* target)
{
    if (GimpLayerMask* own = applied_mask(target); own != nullptr) {
        limit_mask(mask, picture, GIMP_CHANNEL(own), 0, 0);
    }
    GimpImage* image = gimp_item_get_image(GIMP_ITEM(target));
    if (!gimp_selection_is_empty(image)) {
        int x = 0;
        int y = 0;
        gimp_drawable_get_offsets(GIMP_DRAWABLE(target), &x, &y);
        limit_mask(mask, picture, GIMP_CHANNEL(gimp_image_get_selection(image)), -x, -y);
    }
}

void write_mask(GimpLayerMask* mask, const Plane& plane)
{
    ObjectPointer<GeglBuffer> buffer(gimp_drawable_get_buffer(GIMP_DRAWABLE(mask)));
    gegl_buffer_set(buffer.get(), nullptr, 0, babl_format("Y float"), plane.values.data(), GEGL_AUTO_ROWSTRIDE);
    gegl_buffer_flush(buffer.get());
}

bool is_transparent(const Reference& picture)
{
    const std::vector<float>& alpha = picture.mask.values;
    return !alpha.empty() && std::none_of(alpha.begin(), alpha.end(), [](float value) { return value >= 0.5f; });
}

void write_colors(GimpDrawable* drawable, const TargetPixels& target, const Plane& a, const Plane& b,
                  const EngineFunctions& engine)
{
    ObjectPointer<GeglBuffer> buffer(gimp_drawable_get_buffer(drawable));
    const int width = target.luminance.width;
    const int height = target.luminance.height;
    std::vector<float> strip(static_cast<std::size_t>(width) * strip_rows * channels);
    for (int top = 0; top < height; top += strip_rows) {
        const int rows = std::min(strip_rows, height - top);
        float* pixel = strip.data();
        for (int y = top; y < top + rows; ++y) {
            for (int x = 0; x < width; ++x, pixel += channels) {
                const float lab[3] = {target.luminance.at(y, x), a.at(y, x), b.at(y, x)};
                engine.lab_to_linear_rgb(lab, pixel);
                pixel[3] = target.alpha.empty() ? 1.0f : target.alpha.at(y, x);
            }
        }
        const GeglRectangle area = {0, top, width, rows};
        gegl_buffer_set(buffer.get(), &area, 0, exchange_format(), strip.data(), GEGL_AUTO_ROWSTRIDE);
    }
    gegl_buffer_flush(buffer.get());
}

} // namespace chromatch::plugin
