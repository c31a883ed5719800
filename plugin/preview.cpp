// SPDX-License-Identifier: GPL-3.0-or-later
#include "preview.h"

#include "color_layer.h"
#include "failure.h"
#include "hints.h"
#include "reference.h"

#include <glib/gi18n.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <new>
#include <utility>

namespace chromatch::plugin {

namespace {

constexpr int least_width = 360;
constexpr int least_height = 300;
constexpr int thumbnail_side = 72;
constexpr int thumbnail_key = 6; ///< height of the stripe below a reference that says which colour stands for it
constexpr std::size_t most_thumbnails = 4;
/// Enough for a chooser to close before layers are read, and to skip what is typed on the way to a number.
constexpr int reading_delay = 150;

guchar encoded(float linear)
{
    const float value = std::clamp(linear, 0.0f, 1.0f);
    const float srgb = value <= 0.0031308f ? 12.92f * value : 1.055f * std::pow(value, 1.0f / 2.4f) - 0.055f;
    return static_cast<guchar>(std::lround(255.0f * srgb));
}

/// alpha: of the planes' size, or empty.
ObjectPointer<GdkPixbuf> new_picture_of(const LabImage& image, const Plane& alpha, const EngineFunctions& engine)
{
    const int width = image.l.width;
    const int height = image.l.height;
    ObjectPointer<GdkPixbuf> picture(gdk_pixbuf_new(GDK_COLORSPACE_RGB, TRUE, 8, width, height));
    if (!picture) {
        throw std::bad_alloc();
    }
    for (int y = 0; y < height; ++y) {
        guchar* pixel = gdk_pixbuf_get_pixels(picture.get()) +
                        static_cast<std::ptrdiff_t>(y) * gdk_pixbuf_get_rowstride(picture.get());
        for (int x = 0; x < width; ++x, pixel += 4) {
            const float lab[3] = {image.l.at(y, x), image.a.at(y, x), image.b.at(y, x)};
            float rgb[3];
            engine.lab_to_linear_rgb(lab, rgb);
            std::transform(rgb, rgb + 3, pixel, encoded);
            pixel[3] = alpha.empty() ? 255 : static_cast<guchar>(std::lround(255.0f * alpha.at(y, x)));
        }
    }
    return picture;
}

LabImage gray_picture(const Plane& luminance)
{
    return {luminance, Plane(luminance.height, luminance.width), Plane(luminance.height, luminance.width)};
}

struct SourceColor {
    float l, a, b;
};

/// Blue stands for a guess, since people with any kind of colour vision tell it from the others. Of several references
/// each has a colour of its own, as far as there are some: yellow, green, red, white.
constexpr SourceColor guess_color = {25.0f, 0.0f, -55.0f};
constexpr SourceColor reference_colors[] = {
    {40.0f, 0.0f, 60.0f}, {30.0f, -50.0f, 35.0f}, {22.0f, 60.0f, 40.0f}, {48.0f, 0.0f, 0.0f}};

const SourceColor& color_of_reference(std::size_t index)
{
    return reference_colors[index % std::size(reference_colors)];
}

/// Where the colours come from, over the photo. What is not coloured stays gray: there is nothing that came from
/// anywhere. mask: of the planes' size, or empty.
LabImage source_picture(const Plane& luminance, const Plane& mask, const Result& result)
{
    LabImage image = gray_picture(luminance);
    for (std::size_t i = 0; i < luminance.values.size(); ++i) {
        if (!mask.empty() && mask.values[i] < 0.5f) {
            continue;
        }
        const float taken = result.confidence.values[i];
        const SourceColor& color = color_of_reference(result.reference_index.empty() ? 0 : result.reference_index[i]);
        image.l.values[i] = 0.5f * luminance.values[i] + std::lerp(guess_color.l, color.l, taken);
        image.a.values[i] = std::lerp(guess_color.a, color.a, taken);
        image.b.values[i] = std::lerp(guess_color.b, color.b, taken);
    }
    return image;
}

/// A stripe in the reference's colour of source_picture().
LabImage key_picture(std::size_t index)
{
    const SourceColor& color = color_of_reference(index);
    return {Plane(thumbnail_key, thumbnail_side, 25.0f + color.l), Plane(thumbnail_key, thumbnail_side, color.a),
            Plane(thumbnail_key, thumbnail_side, color.b)};
}

GtkWidget* new_thumbnail_of(GdkPixbuf* picture, const char* name)
{
    const double scale =
        static_cast<double>(thumbnail_side) / std::max(gdk_pixbuf_get_width(picture), gdk_pixbuf_get_height(picture));
    const auto side = [scale](int length) { return std::max(1, static_cast<int>(std::lround(length * scale))); };
    const ObjectPointer<GdkPixbuf> small(gdk_pixbuf_scale_simple(
        picture, side(gdk_pixbuf_get_width(picture)), side(gdk_pixbuf_get_height(picture)), GDK_INTERP_BILINEAR));
    GtkWidget* image = gtk_image_new_from_pixbuf(small.get());
    gtk_widget_set_tooltip_text(image, name);
    atk_object_set_name(gtk_widget_get_accessible(image), name);
    return image;
}

} // namespace

Preview::Preview(GimpProcedureConfig* config, Task task, GimpLayer* target)
    : config_(config), task_(task), target_(target),
      aspect_(static_cast<double>(gimp_drawable_get_width(GIMP_DRAWABLE(target))) /
              gimp_drawable_get_height(GIMP_DRAWABLE(target))),
      box_(gtk_box_new(GTK_ORIENTATION_VERTICAL, 6)), changed_at_(g_get_monotonic_time())
{
    gtk_box_pack_start(GTK_BOX(box_), new_picture(), TRUE, TRUE, 0);
    gtk_box_pack_start(GTK_BOX(box_), new_controls(), FALSE, FALSE, 0);
    thumbnails_ = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
    gtk_widget_set_size_request(thumbnails_, -1, thumbnail_side);
    gtk_box_pack_start(GTK_BOX(box_), thumbnails_, FALSE, FALSE, 0);
    gtk_widget_show_all(box_);
    gtk_widget_hide(result_box_);

    show_status(_("Loading the networks…"), true);
    worker_ = std::make_unique<PreviewWorker>(PreviewWorker::Listener{
        [this](const EngineFunctions& engine) { engine_is_open(engine); },
        [this](const std::string& sentence) { engine_has_failed(sentence); },
        [this](const PreviewAnswer& answer) { answered(answer); },
    });
    config_signal_ = g_signal_connect(config, "notify", G_CALLBACK(on_config), this);
}

Preview::~Preview()
{
    g_signal_handler_disconnect(config_, config_signal_);
    if (due_ != 0) {
        g_source_remove(due_);
    }
}

GtkWidget* Preview::new_picture()
{
    picture_ = gtk_drawing_area_new();
    gtk_widget_set_size_request(picture_, least_width, least_height);
    gtk_widget_add_events(picture_, GDK_BUTTON_PRESS_MASK | GDK_BUTTON_RELEASE_MASK);
    gtk_widget_set_tooltip_text(picture_, _("The colored layer, small. Press the picture to see the layer as it is."));
    atk_object_set_name(gtk_widget_get_accessible(picture_), _("Preview of the colored layer"));
    g_signal_connect(picture_, "draw", G_CALLBACK(on_draw), this);
    g_signal_connect(picture_, "button-press-event", G_CALLBACK(on_press), this);
    g_signal_connect(picture_, "button-release-event", G_CALLBACK(on_press), this);
    GtkWidget* frame = gtk_frame_new(nullptr);
    gtk_container_add(GTK_CONTAINER(frame), picture_);
    return frame;
}

GtkWidget* Preview::new_controls()
{
    original_button_ = gtk_toggle_button_new_with_mnemonic(_("_Before"));
    gimp_help_set_help_data(original_button_, _("Shows the layer as it is, to compare."), nullptr);
    confidence_button_ = gtk_toggle_button_new_with_mnemonic(_("Where colors co_me from"));
    gimp_help_set_help_data(confidence_button_,
                            _("Blue: guessed by the networks. Yellow: taken from the reference or the color hints; of "
                              "several references each has the color below its small picture."),
                            nullptr);
    for (GtkWidget* button : {original_button_, confidence_button_}) {
        g_signal_connect(button, "toggled", G_CALLBACK(on_toggled), this);
    }

    result_box_ = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
    result_spin_ = gtk_spin_button_new_with_range(1.0, 2.0, 1.0);
    gimp_help_set_help_data(result_spin_, _("Which of the results the preview shows."), nullptr);
    g_signal_connect(result_spin_, "value-changed", G_CALLBACK(on_result), this);
    GtkWidget* label = gtk_label_new_with_mnemonic(_("Loo_k at result"));
    gtk_label_set_mnemonic_widget(GTK_LABEL(label), result_spin_);
    gtk_box_pack_start(GTK_BOX(result_box_), label, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(result_box_), result_spin_, FALSE, FALSE, 0);

    GtkWidget* buttons = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
    for (GtkWidget* widget : {original_button_, confidence_button_, result_box_}) {
        gtk_box_pack_start(GTK_BOX(buttons), widget, FALSE, FALSE, 0);
    }

    spinner_ = gtk_spinner_new();
    status_ = gtk_label_new(nullptr);
    gtk_label_set_line_wrap(GTK_LABEL(status_), TRUE);
    gtk_label_set_max_width_chars(GTK_LABEL(status_), 40);
    gtk_label_set_xalign(GTK_LABEL(status_), 0.0f);
    GtkWidget* line = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
    gtk_box_pack_start(GTK_BOX(line), spinner_, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(line), status_, TRUE, TRUE, 0);

    GtkWidget* controls = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
    gtk_box_pack_start(GTK_BOX(controls), buttons, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(controls), line, FALSE, FALSE, 0);
    return controls;
}

// ------------------------------------------------------------------------------ from the configuration to a request

void Preview::on_config(GObject* /*config*/, GParamSpec* property, gpointer self)
{
    auto* preview = static_cast<Preview*>(self);
    const char* name = property->name;
    const auto is = [name](const char* other) { return std::strcmp(name, other) == 0; };
    if (is("run-mode") || is("output")) {
        return; // the picture is the same
    }
    // At another size everything is read again: what was kept has the old one.
    const bool size = is("working-size");
    const bool reading = size || is("hints") || is("each-layer") || g_str_has_prefix(name, "reference");
    preview->stale_.target |= size || is("hints");
    preview->stale_.references |= reading && !is("hints");
    preview->change_ = name;
    preview->changed_at_ = g_get_monotonic_time();
    preview->schedule(reading ? reading_delay : 0);
}

void Preview::schedule(int milliseconds)
{
    worker_->cancel();
    if (due_ != 0) {
        g_source_remove(due_);
    }
    due_ = g_timeout_add(static_cast<guint>(milliseconds), on_due, this);
}

gboolean Preview::on_due(gpointer self)
{
    auto* preview = static_cast<Preview*>(self);
    preview->due_ = 0;
    preview->update();
    return G_SOURCE_REMOVE;
}

void Preview::engine_is_open(const EngineFunctions& engine)
{
    engine_ = &engine;
    schedule(0);
}

void Preview::engine_has_failed(const std::string& sentence)
{
    engine_failure_ = sentence;
    show_status(sentence, false);
}

void Preview::update()
{
    if (!engine_failure_.empty()) {
        show_status(engine_failure_, false); // the worker has ended and would answer nothing
        return;
    }
    if (engine_ == nullptr) {
        return; // engine_is_open() comes back to it
    }
    try {
        if (!gimp_item_is_valid(GIMP_ITEM(target_))) {
            failed(_("The layer to be colored was deleted in the meantime."));
        }
        GimpImage* image = gimp_item_get_image(GIMP_ITEM(target_));
        const Settings settings = read_settings(config_, task_, GIMP_RUN_INTERACTIVE, image);
        combination_ = settings.combination;
        if (stale_.target || stale_.references) {
            small_ = read(settings);
            stale_ = {false, false};
            show_thumbnails();
        }
        small_.options = settings.options;
        ask();
    } catch (...) { // this is called from GTK
        colored_.reset();
        confidence_.reset();
        show_status(caught_failure().sentence, false);
    }
    gtk_widget_queue_draw(picture_);
}

/// What is stale is read at full size; what is not has its working size already, and stays as it is.
Request Preview::read(const Settings& settings)
{
    Request request;
    check_references(settings, target_);
    check_hints(settings, target_);
    if (stale_.target) {
        fill_request(read_target(GIMP_DRAWABLE(target_), *engine_), request);
        request.hints = load_hints(settings, target_, *engine_);
        request.mask = colored_part(request, target_);
        request.references = small_.references;
    } else {
        request = small_;
    }
    if (stale_.references) {
        request.references.clear();
        for (NamedReference& reference : load_references(settings, target_, *engine_)) {
            request.references.push_back(std::move(reference.picture));
        }
    }
    request.options = settings.options;
    try {
        request = engine_->at_working_size(request);
    } catch (const Error& error) {
        throw failure_of(error, {});
    }
    original_ = new_picture_of(gray_picture(request.luminance), {}, *engine_);
    return request;
}

void Preview::ask()
{
    const std::size_t count = small_.references.size();
    const bool separate = combination_ == Combination::separate && count > 1;
    gtk_widget_set_visible(result_box_, separate);
    Request request = small_;
    if (separate) {
        gtk_spin_button_set_range(GTK_SPIN_BUTTON(result_spin_), 1.0, static_cast<double>(count));
        const int number = gtk_spin_button_get_value_as_int(GTK_SPIN_BUTTON(result_spin_));
        request.references = {small_.references[static_cast<std::size_t>(number - 1)]};
    }
    worker_->ask(std::move(request));
    show_status(_("Coloring…"), true);
}

// ------------------------------------------------------------------------------------- from an answer to the screen

void Preview::answered(const PreviewAnswer& answer)
{
    std::string sentence = answer.failure;
    colored_.reset();
    confidence_.reset();
    try {
        if (answer.result) {
            const Result& result = *answer.result;
            confidence_ = new_picture_of(source_picture(small_.luminance, small_.mask, result), {}, *engine_);
            colored_ = new_picture_of({small_.luminance, result.a, result.b}, {}, *engine_);
        }
    } catch (...) { // this is called from GTK
        sentence = caught_failure().sentence;
    }
    show_status(sentence, false);
    gtk_widget_queue_draw(picture_);
    g_log("Chromatch", G_LOG_LEVEL_DEBUG, "preview after %s: %d ms", change_.c_str(),
          static_cast<int>((g_get_monotonic_time() - changed_at_) / 1000));
}

void Preview::show_status(const std::string& sentence, bool busy)
{
    gtk_label_set_text(GTK_LABEL(status_), sentence.c_str());
    if (busy) {
        gtk_spinner_start(GTK_SPINNER(spinner_));
    } else {
        gtk_spinner_stop(GTK_SPINNER(spinner_));
    }
}

/// The photo and its references, as they were read.
void Preview::show_thumbnails()
{
    gtk_container_foreach(
        GTK_CONTAINER(thumbnails_), [](GtkWidget* child, gpointer) { gtk_widget_destroy(child); }, nullptr);
    const auto add = [this](GdkPixbuf* picture, const std::string& name) {
        GtkWidget* column = gtk_box_new(GTK_ORIENTATION_VERTICAL, 3);
        gtk_box_pack_start(GTK_BOX(column), new_thumbnail_of(picture, name.c_str()), FALSE, FALSE, 0);
        gtk_box_pack_start(GTK_BOX(thumbnails_), column, FALSE, FALSE, 0);
        return column;
    };
    add(original_.get(), _("The layer to be colored"));
    const std::size_t count = small_.references.size();
    for (std::size_t i = 0; i < std::min(count, most_thumbnails); ++i) {
        const Reference& reference = small_.references[i];
        GtkWidget* column = add(new_picture_of(reference.image, reference.mask, *engine_).get(),
                                text(_("Reference %d"), static_cast<int>(i) + 1));
        if (count > 1) {
            GtkWidget* key = gtk_image_new_from_pixbuf(new_picture_of(key_picture(i), {}, *engine_).get());
            gtk_box_pack_start(GTK_BOX(column), key, FALSE, FALSE, 0);
        }
    }
    gtk_widget_show_all(thumbnails_);
}

const GdkPixbuf* Preview::shown() const
{
    const bool before =
        pressed_ || !colored_ || gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(original_button_)) != FALSE;
    if (before) {
        return original_.get();
    }
    const bool confidence = gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(confidence_button_)) != FALSE;
    return confidence ? confidence_.get() : colored_.get();
}

void Preview::draw(cairo_t* cairo)
{
    const GdkPixbuf* picture = shown();
    if (picture == nullptr) {
        return;
    }
    const double area_width = gtk_widget_get_allocated_width(picture_);
    const double area_height = gtk_widget_get_allocated_height(picture_);
    // The working size rounds the sides; on the screen the layer keeps its shape.
    const double width = std::min(area_width, area_height * aspect_);
    const double height = width / aspect_;
    cairo_translate(cairo, std::round((area_width - width) / 2.0), std::round((area_height - height) / 2.0));
    cairo_scale(cairo, width / gdk_pixbuf_get_width(picture), height / gdk_pixbuf_get_height(picture));
    gdk_cairo_set_source_pixbuf(cairo, picture, 0.0, 0.0);
    cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_GOOD);
    cairo_pattern_set_extend(cairo_get_source(cairo), CAIRO_EXTEND_PAD);
    cairo_rectangle(cairo, 0.0, 0.0, gdk_pixbuf_get_width(picture), gdk_pixbuf_get_height(picture));
    cairo_fill(cairo);
}

gboolean Preview::on_draw(GtkWidget* /*area*/, cairo_t* cairo, gpointer self)
{
    static_cast<Preview*>(self)->draw(cairo);
    return TRUE;
}

gboolean Preview::on_press(GtkWidget* area, GdkEventButton* event, gpointer self)
{
    static_cast<Preview*>(self)->pressed_ = event->type == GDK_BUTTON_PRESS;
    gtk_widget_queue_draw(area);
    return TRUE;
}

void Preview::on_toggled(GtkWidget* /*button*/, gpointer self)
{
    gtk_widget_queue_draw(static_cast<Preview*>(self)->picture_);
}

void Preview::on_result(GtkWidget* /*spin*/, gpointer self)
{
    static_cast<Preview*>(self)->schedule(0);
}

} // namespace chromatch::plugin
