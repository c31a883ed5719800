// SPDX-License-Identifier: GPL-3.0-or-later
#include "hints.h"

#include "failure.h"
#include "reference.h"

#include <glib/gi18n.h>

#include <algorithm>

namespace chromatch::plugin {

namespace {

struct Offset {
    int x = 0;
    int y = 0;
};

Offset offset_of(gpointer drawable)
{
    Offset offset;
    gimp_drawable_get_offsets(GIMP_DRAWABLE(drawable), &offset.x, &offset.y);
    return offset;
}

/// Copies what of the strokes lies over the target. True where there is any.
bool place(const Reference& painted, Offset offset, Hints& hints)
{
    const Plane& source = painted.image.a;
    const int top = std::max(0, offset.y);
    const int left = std::max(0, offset.x);
    const int bottom = std::min(hints.mask.height, offset.y + source.height);
    const int right = std::min(hints.mask.width, offset.x + source.width);
    bool any = false;
    for (int y = top; y < bottom; ++y) {
        for (int x = left; x < right; ++x) {
            const int from_y = y - offset.y;
            const int from_x = x - offset.x;
            if (painted.mask.empty() || painted.mask.at(from_y, from_x) >= 0.5f) {
                hints.a.at(y, x) = painted.image.a.at(from_y, from_x);
                hints.b.at(y, x) = painted.image.b.at(from_y, from_x);
                hints.mask.at(y, x) = 1.0f;
                any = true;
            }
        }
    }
    return any;
}

} // namespace

void check_hints(const Settings& settings, GimpLayer* target)
{
    GimpDrawable* hints = settings.hints.get();
    if (hints == nullptr) {
        return;
    }
    if (!gimp_item_is_valid(GIMP_ITEM(hints))) {
        bad_argument(_("The layer with the color hints was deleted in the meantime."));
    }
    const std::string name = item_name(hints);
    if (hints == GIMP_DRAWABLE(target)) {
        bad_argument(text(_("The layer \"%s\" cannot hold the color hints for itself; paint them on a transparent "
                            "layer of their own."),
                          name.c_str()));
    }
    if (gimp_item_get_image(GIMP_ITEM(hints)) != gimp_item_get_image(GIMP_ITEM(target))) {
        bad_argument(text(_("The color hints \"%s\" belong to another image than the layer \"%s\"."), name.c_str(),
                          item_name(target).c_str()));
    }
    if (!gimp_drawable_has_alpha(hints)) {
        bad_argument(text(_("The layer \"%s\" with the color hints has no alpha channel; paint the hints on a "
                            "transparent layer."),
                          name.c_str()));
    }
}

Hints load_hints(const Settings& settings, GimpLayer* target, const EngineFunctions& engine)
{
    GimpDrawable* layer = settings.hints.get();
    if (layer == nullptr) {
        return {};
    }
    const Reference painted = read_visible_part(layer, engine);
    const int height = gimp_drawable_get_height(GIMP_DRAWABLE(target));
    const int width = gimp_drawable_get_width(GIMP_DRAWABLE(target));
    Hints hints = {Plane(height, width), Plane(height, width), Plane(height, width)};
    const Offset of_hints = offset_of(layer);
    const Offset of_target = offset_of(target);
    if (!place(painted, {of_hints.x - of_target.x, of_hints.y - of_target.y}, hints)) {
        bad_argument(text(_("The layer \"%s\" shows no color hints over the layer \"%s\"."), item_name(layer).c_str(),
                          item_name(target).c_str()));
    }
    return hints;
}

} // namespace chromatch::plugin
