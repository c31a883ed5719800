// SPDX-License-Identifier: GPL-3.0-or-later
#include "color_layer.h"

#include "failure.h"
#include "reference.h"

#include <glib/gi18n.h>

#include <algorithm>
#include <deque>

namespace chromatch::plugin {

namespace {

class UndoGroup {
  public:
    explicit UndoGroup(GimpImage* image) : image_(image) { gimp_image_undo_group_start(image_); }
    ~UndoGroup() { gimp_image_undo_group_end(image_); }
    UndoGroup(const UndoGroup&) = delete;
    UndoGroup& operator=(const UndoGroup&) = delete;

  private:
    GimpImage* image_;
};

GimpLayerMode layer_mode(GimpImage* image, Output output)
{
    return output == Output::chroma_layer ? GIMP_LAYER_MODE_LCH_COLOR : gimp_image_get_default_new_layer_mode(image);
}

/// Where the layers go.
struct Place {
    GimpLayer* parent; ///< null: the image itself
    int position;
};

Place place_above(GimpImage* image, GimpLayer* target)
{
    GimpItem* parent = gimp_item_get_parent(GIMP_ITEM(target));
    return {parent != nullptr ? GIMP_LAYER(parent) : nullptr, gimp_image_get_item_position(image, GIMP_ITEM(target))};
}

void insert(GimpImage* image, GimpLayer* layer, Place place, const std::string& name)
{
    if (layer == nullptr) {
        failed(_("The new layer cannot be created."));
    }
    if (!gimp_image_insert_layer(image, layer, place.parent, place.position)) {
        gimp_item_delete(GIMP_ITEM(layer));
        failed(text(_("The new layer \"%s\" cannot be added to the image."), name.c_str()));
    }
}

void add_mask(GimpLayer* layer, const Plane& values, const std::string& name)
{
    GimpLayerMask* mask = gimp_layer_create_mask(layer, GIMP_ADD_MASK_WHITE);
    if (mask == nullptr || !gimp_layer_add_mask(layer, mask)) {
        failed(text(_("The new layer \"%s\" cannot be masked."), name.c_str()));
    }
    write_mask(mask, values);
}

/// The new layers while they are painted, in no image that the user sees: who stops the plug-in then, with whatever
/// signal, finds the image as it was. What was not taken out is gone at the end.
class Workshop {
  public:
    explicit Workshop(GimpImage* image) : image_(image)
    {
        // A layer has the type of its image, and an image is not converted before there is something to put into it.
        if (gimp_image_get_base_type(image) != GIMP_RGB) {
            bench_ = gimp_image_new_with_precision(1, 1, GIMP_RGB, gimp_image_get_precision(image));
        }
    }

    ~Workshop()
    {
        for (GimpLayer* layer : painted_) {
            gimp_item_delete(GIMP_ITEM(layer));
        }
        if (bench_ != nullptr) {
            gimp_image_delete(bench_);
        }
    }

    Workshop(const Workshop&) = delete;
    Workshop& operator=(const Workshop&) = delete;

    void paint(const LayerColors& colors, const TargetPixels& pixels, Output output, const EngineFunctions& engine)
    {
        GimpLayer* layer = gimp_layer_new(
            bench_ != nullptr ? bench_ : image_, colors.name.c_str(), pixels.luminance.width, pixels.luminance.height,
            pixels.alpha.empty() ? GIMP_RGB_IMAGE : GIMP_RGBA_IMAGE, 100.0, layer_mode(image_, output));
        if (layer == nullptr) {
            failed(_("The new layer cannot be created."));
        }
        painted_.push_back(layer);
        write_colors(GIMP_DRAWABLE(layer), pixels, colors.a, colors.b, engine);
    }

    /// The first layer that was painted and not yet taken, for the image, which is RGB by now. Null where GIMP cannot
    /// copy it.
    GimpLayer* take()
    {
        GimpLayer* layer = painted_.front();
        if (bench_ != nullptr) {
            layer = gimp_layer_new_from_drawable(GIMP_DRAWABLE(layer), image_);
            const FreePointer<char> name(gimp_item_get_name(GIMP_ITEM(painted_.front())));
            gimp_item_delete(GIMP_ITEM(painted_.front()));
            if (layer != nullptr) {
                gimp_item_set_name(GIMP_ITEM(layer), name.get()); // GIMP calls it a copy
            }
        }
        painted_.pop_front();
        return layer;
    }

  private:
    GimpImage* image_;
    GimpImage* bench_ = nullptr; ///< null: the image's own layers have the right type
    std::deque<GimpLayer*> painted_;
};

/// The layer becomes a part of the image when it is complete, with its mask (which may be empty) and its offsets.
void add_layer(GimpImage* image, GimpLayer* target, const Plane& mask, Place place, GimpLayer* layer,
               const std::string& name, bool visible = true)
{
    if (layer == nullptr) {
        failed(_("The new layer cannot be created."));
    }
    try {
        int x = 0;
        int y = 0;
        gimp_drawable_get_offsets(GIMP_DRAWABLE(target), &x, &y);
        gimp_layer_set_offsets(layer, x, y);
        gimp_item_set_visible(GIMP_ITEM(layer), visible);
        if (!mask.empty()) {
            add_mask(layer, mask, name);
        }
    } catch (...) {
        gimp_item_delete(GIMP_ITEM(layer));
        throw;
    }
    insert(image, layer, place, name);
}

/// An empty group for the results.
GimpLayer* add_group(GimpImage* image, Place place, Output output)
{
    const std::string name = _("Colorizations");
    GimpLayer* group = GIMP_LAYER(gimp_group_layer_new(image, name.c_str()));
    insert(image, group, place, name);
    if (output == Output::chroma_layer) {
        // What takes its lightness from below must see what is below the group.
        gimp_layer_set_mode(group, GIMP_LAYER_MODE_PASS_THROUGH);
    }
    return group;
}

} // namespace

Plane colored_part(const Request& request, GimpLayer* target)
{
    const auto shows = [](const Plane& mask) {
        return mask.empty() ||
               std::any_of(mask.values.begin(), mask.values.end(), [](float value) { return value > 0.0f; });
    };
    Plane part = request.mask;
    limit_to_colored_part(part, request.luminance, target);
    if (shows(request.mask) && !shows(part)) {
        bad_argument(
            text(_("The selection or the layer mask leaves nothing of the layer \"%s\"."), item_name(target).c_str()));
    }
    return part;
}

void add_color_layers(GimpImage* image, GimpLayer* target, const TargetPixels& pixels,
                      const std::vector<LayerColors>& results, Output output, const EngineFunctions& engine)
{
    Workshop workshop(image);
    for (const LayerColors& colors : results) {
        workshop.paint(colors, pixels, output, engine);
    }
    Plane mask;
    limit_to_colored_part(mask, pixels.luminance, target);

    const UndoGroup one_step(image);
    if (gimp_image_get_base_type(image) != GIMP_RGB && !gimp_image_convert_rgb(image)) {
        failed(_("The image cannot be converted to RGB."));
    }
    if (results.size() == 1) {
        add_layer(image, target, mask, place_above(image, target), workshop.take(), results.front().name);
        return;
    }
    GimpLayer* group = add_group(image, place_above(image, target), output);
    try {
        for (std::size_t i = 0; i < results.size(); ++i) {
            const Place place = {group, static_cast<int>(i)};
            add_layer(image, target, mask, place, workshop.take(), results[i].name, i == 0);
        }
    } catch (...) {
        gimp_image_remove_layer(image, group);
        throw;
    }
    const GimpLayer* selected[] = {group, nullptr};
    gimp_image_set_selected_layers(image, selected);
}

} // namespace chromatch::plugin
