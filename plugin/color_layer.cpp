// SPDX-License-Identifier: GPL-3.0-or-later
#include "color_layer.h"

#include "failure.h"

#include <glib/gi18n.h>

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

void mask_with_selection(GimpImage* image, GimpLayer* layer, const std::string& name)
{
    if (!gimp_selection_is_empty(image)) {
        GimpLayerMask* mask = gimp_layer_create_mask(layer, GIMP_ADD_MASK_SELECTION);
        if (mask == nullptr || !gimp_layer_add_mask(layer, mask)) {
            failed(text(_("The selection cannot become the mask of the new layer \"%s\"."), name.c_str()));
        }
    }
}

GimpLayer* add_layer(GimpImage* image, GimpLayer* target, Place place, const TargetPixels& pixels,
                     const LayerColors& colors, Output output, const EngineFunctions& engine)
{
    const int width = pixels.luminance.width;
    const int height = pixels.luminance.height;
    GimpLayer* layer =
        gimp_layer_new(image, colors.name.c_str(), width, height,
                       pixels.alpha.empty() ? GIMP_RGB_IMAGE : GIMP_RGBA_IMAGE, 100.0, layer_mode(image, output));
    insert(image, layer, place, colors.name);
    try {
        int x = 0;
        int y = 0;
        gimp_drawable_get_offsets(GIMP_DRAWABLE(target), &x, &y);
        gimp_layer_set_offsets(layer, x, y);
        write_colors(GIMP_DRAWABLE(layer), pixels, colors.a, colors.b, engine);
        mask_with_selection(image, layer, colors.name);
    } catch (...) {
        gimp_image_remove_layer(image, layer); // no empty layer stays behind
        throw;
    }
    gimp_drawable_update(GIMP_DRAWABLE(layer), 0, 0, width, height);
    return layer;
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

void add_color_layers(GimpImage* image, GimpLayer* target, const TargetPixels& pixels,
                      const std::vector<LayerColors>& results, Output output, const EngineFunctions& engine)
{
    const UndoGroup one_step(image);
    // A layer takes its type from the image, so the conversion comes first.
    if (gimp_image_get_base_type(image) != GIMP_RGB && !gimp_image_convert_rgb(image)) {
        failed(_("The image cannot be converted to RGB."));
    }
    if (results.size() == 1) {
        add_layer(image, target, place_above(image, target), pixels, results.front(), output, engine);
        return;
    }
    GimpLayer* group = add_group(image, place_above(image, target), output);
    try {
        for (std::size_t i = 0; i < results.size(); ++i) {
            GimpLayer* layer =
                add_layer(image, target, {group, static_cast<int>(i)}, pixels, results[i], output, engine);
            gimp_item_set_visible(GIMP_ITEM(layer), i == 0);
        }
    } catch (...) {
        gimp_image_remove_layer(image, group);
        throw;
    }
    const GimpLayer* selected[] = {group, nullptr};
    gimp_image_set_selected_layers(image, selected);
}

} // namespace chromatch::plugin
