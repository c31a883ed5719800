// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference.h"

#include "failure.h"

#include <glib/gi18n.h>

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

std::string item_name(gpointer item)
{
    FreePointer<char> name(gimp_item_get_name(GIMP_ITEM(item)));
    return name ? name.get() : "";
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
    return read_reference(GIMP_DRAWABLE(layer), engine);
}

} // namespace

void check_reference(const Settings& settings, GimpDrawable* target)
{
    if (settings.reference && !gimp_item_is_valid(GIMP_ITEM(settings.reference.get()))) {
        bad_argument(_("The reference layer was closed in the meantime."));
    }
    if (settings.reference.get() == target) {
        bad_argument(text(_("The layer \"%s\" cannot be its own reference."), item_name(target).c_str()));
    }
    if (settings.reference_file && !g_file_query_exists(settings.reference_file.get(), nullptr)) {
        bad_argument(
            text(_("The reference file \"%s\" does not exist."), file_name(settings.reference_file.get()).c_str()));
    }
}

std::optional<Reference> load_reference(const Settings& settings, const EngineFunctions& engine)
{
    std::optional<Reference> reference;
    std::string name;
    if (settings.reference) {
        reference = read_reference(settings.reference.get(), engine);
        name = item_name(settings.reference.get());
    } else if (settings.reference_file) {
        reference = load_reference_file(settings.reference_file.get(), engine);
        name = file_name(settings.reference_file.get());
    }
    if (reference && is_transparent(*reference)) {
        bad_argument(text(_("The reference \"%s\" is transparent everywhere."), name.c_str()));
    }
    return reference;
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

std::string layer_name(const Settings& settings, GimpImage* image)
{
    if (settings.reference_file) {
        return text(_("Colors from %s"), base_name(settings.reference_file.get()).c_str());
    }
    if (!settings.reference) {
        return _("Automatic colors");
    }
    std::string source = item_name(settings.reference.get());
    GimpImage* owner = gimp_item_get_image(GIMP_ITEM(settings.reference.get()));
    if (owner != image && gimp_image_get_file(owner) != nullptr) {
        const FreePointer<GimpLayer*> layers(gimp_image_get_layers(owner));
        const bool only_layer = layers.get()[0] != nullptr && layers.get()[1] == nullptr;
        // The only layer of a photo may be called "Background", which says nothing.
        source = only_layer ? image_name(owner)
                            : text(C_("layer (image)", "%s (%s)"), source.c_str(), image_name(owner).c_str());
    }
    return text(_("Colors from %s"), source.c_str());
}

} // namespace chromatch::plugin
