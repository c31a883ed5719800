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

} // namespace

void add_color_layer(GimpImage* image, GimpLayer* target, const TargetPixels& pixels, const Result& colors,
                     const std::string& name, Output output, const EngineFunctions& engine)
{
    const UndoGroup one_step(image);
    // A layer takes its type from the image, so the conversion comes first.
    if (gimp_image_get_base_type(image) != GIMP_RGB && !gimp_image_convert_rgb(image)) {
        failed(_("The image cannot be converted to RGB."));
    }
    GimpLayer* layer =
        gimp_layer_new(image, name.c_str(), pixels.luminance.width, pixels.luminance.height,
                       pixels.alpha.empty() ? GIMP_RGB_IMAGE : GIMP_RGBA_IMAGE, 100.0, layer_mode(image, output));
    if (layer == nullptr) {
        failed(_("The new layer cannot be created."));
    }
    int x = 0;
    int y = 0;
    gimp_drawable_get_offsets(GIMP_DRAWABLE(target), &x, &y);
    gimp_layer_set_offsets(layer, x, y);
    GimpItem* parent = gimp_item_get_parent(GIMP_ITEM(target));
    if (!gimp_image_insert_layer(image, layer, parent != nullptr ? GIMP_LAYER(parent) : nullptr,
                                 gimp_image_get_item_position(image, GIMP_ITEM(target)))) {
        gimp_item_delete(GIMP_ITEM(layer));
        failed(text(_("The new layer \"%s\" cannot be added to the image."), name.c_str()));
    }
    try {
        write_colors(GIMP_DRAWABLE(layer), pixels, colors.a, colors.b, engine);
    } catch (...) {
        gimp_image_remove_layer(image, layer); // no empty layer stays behind
        throw;
    }
    if (!gimp_selection_is_empty(image)) {
        GimpLayerMask* mask = gimp_layer_create_mask(layer, GIMP_ADD_MASK_SELECTION);
        if (mask == nullptr || !gimp_layer_add_mask(layer, mask)) {
            gimp_image_remove_layer(image, layer);
            failed(text(_("The selection cannot become the mask of the new layer \"%s\"."), name.c_str()));
        }
    }
    gimp_drawable_update(GIMP_DRAWABLE(layer), 0, 0, pixels.luminance.width, pixels.luminance.height);
}

} // namespace chromatch::plugin
