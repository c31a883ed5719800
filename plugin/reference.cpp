// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference.h"

#include "failure.h"

#include <glib/gi18n.h>

#include <algorithm>

namespace chromatch::plugin {

namespace {

std::string file_name(GFile* file)
{
    FreePointer<char> name(g_file_get_parse_name(file));
    return name.get();
}

std::string base_name(GFile* file)
{
    const FreePointer<char> base(g_file_get_basename(file));
    const FreePointer<char> name(g_filename_display_name(base.get()));
    return name.get();
}

/// An image of our own that goes away with the scope.
class TemporaryImage {
  public:
    explicit TemporaryImage(GimpImage* image) : image_(image) {}
    ~TemporaryImage() { gimp_image_delete(image_); }
    TemporaryImage(const TemporaryImage&) = delete;
    TemporaryImage& operator=(const TemporaryImage&) = delete;

  private:
    GimpImage* image_;
};

void limit_to_layer_mask(Reference& picture, GimpDrawable* drawable)
{
    GimpLayerMask* mask = GIMP_IS_LAYER(drawable) ? applied_mask(GIMP_LAYER(drawable)) : nullptr;
    if (mask != nullptr) {
        limit_mask(picture.mask, picture.image.l, GIMP_CHANNEL(mask), 0, 0);
    }
}

Reference load_reference_file(GFile* file, const EngineFunctions& engine)
{
    GimpImage* image = gimp_file_load(GIMP_RUN_NONINTERACTIVE, file);
    if (image == nullptr) {
        const char* reason = gimp_pdb_get_last_error(gimp_get_pdb());
        bad_argument(text(_("The reference file \"%s\" cannot be opened as an image: %s"), file_name(file).c_str(),
                          reason != nullptr ? reason : ""));
    }
    const TemporaryImage temporary(image);
    // Photos are often stored lying on their side; the user's preference decides, as for every image that GIMP opens.
    gimp_image_policy_rotate(image, FALSE);
    FreePointer<GimpLayer*> layers(gimp_image_get_layers(image));
    if (layers == nullptr || layers.get()[0] == nullptr) {
        bad_argument(text(_("The reference file \"%s\" holds no layer."), file_name(file).c_str()));
    }
    GimpLayer* layer = layers.get()[0];
    if (layers.get()[1] != nullptr) {
        layer = gimp_image_merge_visible_layers(image, GIMP_CLIP_TO_IMAGE);
    }
    if (layer == nullptr) {
        bad_argument(text(_("The reference file \"%s\" shows nothing."), file_name(file).c_str()));
    }
    return read_visible_part(GIMP_DRAWABLE(layer), engine);
}

/// Name of a new layer with the colours of a layer.
std::string layer_name(GimpDrawable* reference, GimpImage* image)
{
    std::string source = item_name(reference);
    GimpImage* owner = gimp_item_get_image(GIMP_ITEM(reference));
    if (owner != image && gimp_image_get_file(owner) != nullptr) {
        const FreePointer<GimpLayer*> layers(gimp_image_get_layers(owner));
        const bool only_layer = GIMP_DRAWABLE(layers.get()[0]) == reference && layers.get()[1] == nullptr;
        // The only layer of a photo may be called "Background", which says nothing.
        source = only_layer ? image_name(owner)
                            : text(C_("layer (image)", "%s (%s)"), source.c_str(), image_name(owner).c_str());
    }
    return text(_("Colors from %s"), source.c_str());
}

/// A layer of another image, within that image's selection. In the target's own image the selection says what is
/// coloured, not what is borrowed.
Reference load_reference_layer(GimpDrawable* layer, GimpImage* targets_image, const EngineFunctions& engine)
{
    Reference reference = read_reference(layer, engine);
    if (is_transparent(reference)) {
        bad_argument(text(_("The reference \"%s\" is transparent everywhere."), item_name(layer).c_str()));
    }
    limit_to_layer_mask(reference, layer);
    GimpImage* image = gimp_item_get_image(GIMP_ITEM(layer));
    if (image != targets_image && !gimp_selection_is_empty(image)) {
        int x = 0;
        int y = 0;
        gimp_drawable_get_offsets(layer, &x, &y);
        limit_mask(reference.mask, reference.image.l, GIMP_CHANNEL(gimp_image_get_selection(image)), -x, -y);
    }
    if (is_transparent(reference)) {
        bad_argument(text(_("The selection or the layer mask leaves nothing of the reference \"%s\"."),
                          item_name(layer).c_str()));
    }
    return reference;
}

/// The visible layers of a group, from the top, without those that have another part in this.
std::vector<GimpDrawable*> layers_of_group(GimpDrawable* group, const Settings& settings, GimpLayer* target)
{
    std::vector<GimpDrawable*> layers;
    const FreePointer<GimpItem*> children(gimp_item_get_children(GIMP_ITEM(group)));
    for (int i = 0; children && children.get()[i] != nullptr; ++i) {
        GimpDrawable* child = GIMP_DRAWABLE(children.get()[i]);
        if (child != GIMP_DRAWABLE(target) && child != settings.hints.get() &&
            gimp_item_get_visible(children.get()[i])) {
            layers.push_back(child);
        }
    }
    if (layers.empty()) {
        bad_argument(text(_("The reference group \"%s\" holds no visible layer to take colors from."),
                          item_name(group).c_str()));
    }
    return layers;
}

/// Each drawable that is a reference of its own, once.
std::vector<GimpDrawable*> reference_layers(const Settings& settings, GimpLayer* target)
{
    std::vector<GimpDrawable*> layers;
    const auto add = [&layers](GimpDrawable* layer) {
        if (std::find(layers.begin(), layers.end(), layer) == layers.end()) {
            layers.push_back(layer);
        }
    };
    for (const ObjectPointer<GimpDrawable>& reference : settings.references) {
        if (settings.each_layer && gimp_item_is_group(GIMP_ITEM(reference.get()))) {
            for (GimpDrawable* layer : layers_of_group(reference.get(), settings, target)) {
                add(layer);
            }
        } else {
            add(reference.get());
        }
    }
    return layers;
}

} // namespace

void check_references(const Settings& settings, GimpLayer* target)
{
    for (const ObjectPointer<GimpDrawable>& reference : settings.references) {
        if (!gimp_item_is_valid(GIMP_ITEM(reference.get()))) {
            bad_argument(_("The reference layer was closed in the meantime."));
        }
        if (reference.get() == GIMP_DRAWABLE(target)) {
            bad_argument(text(_("The layer \"%s\" cannot be its own reference."), item_name(target).c_str()));
        }
    }
    for (const ObjectPointer<GFile>& file : settings.reference_files) {
        if (!g_file_query_exists(file.get(), nullptr)) {
            bad_argument(text(_("The reference file \"%s\" does not exist."), file_name(file.get()).c_str()));
        }
    }
}

std::vector<NamedReference> load_references(const Settings& settings, GimpLayer* target, const EngineFunctions& engine)
{
    std::vector<NamedReference> references;
    GimpImage* image = gimp_item_get_image(GIMP_ITEM(target));
    for (GimpDrawable* layer : reference_layers(settings, target)) {
        references.push_back({load_reference_layer(layer, image, engine), layer_name(layer, image)});
    }
    for (const ObjectPointer<GFile>& file : settings.reference_files) {
        references.push_back(
            {load_reference_file(file.get(), engine), text(_("Colors from %s"), base_name(file.get()).c_str())});
        if (is_transparent(references.back().picture)) {
            bad_argument(text(_("The reference \"%s\" is transparent everywhere."), file_name(file.get()).c_str()));
        }
    }
    return references;
}

Reference read_visible_part(GimpDrawable* drawable, const EngineFunctions& engine)
{
    Reference part = read_reference(drawable, engine);
    limit_to_layer_mask(part, drawable);
    return part;
}

std::string item_name(gpointer item)
{
    const FreePointer<char> name(gimp_item_get_name(GIMP_ITEM(item)));
    return name ? name.get() : "";
}

std::string image_name(GimpImage* image)
{
    // GIMP's own name for it, "[photo] (imported)", is made for window titles.
    if (GFile* file = gimp_image_get_file(image); file != nullptr) {
        return base_name(file);
    }
    const FreePointer<char> name(gimp_image_get_name(image));
    return name.get();
}

std::string own_path(GimpImage* image)
{
    GFile* file = gimp_image_get_imported_file(image);
    if (file == nullptr) {
        file = gimp_image_get_file(image);
    }
    const FreePointer<char> path(file != nullptr ? g_file_get_path(file) : nullptr);
    return path ? path.get() : "";
}

std::string blended_layer_name(const Settings& settings, GimpImage* image,
                               const std::vector<NamedReference>& references)
{
    if (references.empty()) {
        return _("Automatic colors");
    }
    if (references.size() == 1) {
        return references.front().layer_name;
    }
    if (settings.references.size() == 1) { // a group, layer by layer
        return layer_name(settings.references.front().get(), image);
    }
    const int count = static_cast<int>(references.size());
    return text(ngettext("Colors from %d reference", "Colors from %d references", count), count);
}

} // namespace chromatch::plugin
