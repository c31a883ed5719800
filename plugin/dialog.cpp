// SPDX-License-Identifier: GPL-3.0-or-later
#include "dialog.h"

#include "layer_list.h"
#include "settings.h"

#include <glib/gi18n.h>
#include <libgimp/gimpui.h>

#include <array>

namespace chromatch::plugin {

namespace {

constexpr int preview_side = 96;

/// The frame in which the user says where the colours come from. GIMP 3.0 and 3.2 have different choosers for a
/// drawable argument, and neither leaves the target out: so this part of the dialog is our own.
class ReferenceFrame {
  public:
    ReferenceFrame(GimpProcedureConfig* config, GimpLayer* target, GtkDialog* dialog);
    ~ReferenceFrame() { g_signal_handler_disconnect(config_, config_signal_); }
    ReferenceFrame(const ReferenceFrame&) = delete;
    ReferenceFrame& operator=(const ReferenceFrame&) = delete;

    GtkWidget* widget() const { return frame_; }

  private:
    struct Row {
        ReferenceSource source;
        const char* nick;
        GtkWidget* button;
    };

    void add_row(GtkWidget* grid, Row& row, const char* label, GtkWidget* chooser);
    void choose_first_layer(GimpImage* own_image);
    GimpDrawable* chosen_layer() const;
    void choose_source(const char* nick);
    void refresh();
    void show_preview(GimpDrawable* layer, GFile* file);

    static void on_layer(GtkWidget* combo, gpointer self);
    static void on_file(GObject* chooser, GParamSpec* property, gpointer self);
    static void on_button(GtkToggleButton* button, gpointer self);
    static void on_config(GObject* config, GParamSpec* property, gpointer self);

    GimpProcedureConfig* config_;
    GtkDialog* dialog_;
    GtkWidget* frame_;
    GtkWidget* layers_;
    GtkWidget* file_;
    GtkWidget* preview_;
    std::array<Row, 3> rows_ = {{{ReferenceSource::layer, "layer", nullptr},
                                 {ReferenceSource::file, "file", nullptr},
                                 {ReferenceSource::none, "none", nullptr}}};
    gulong config_signal_ = 0;
    bool refreshing_ = false;
};

ReferenceFrame::ReferenceFrame(GimpProcedureConfig* config, GimpLayer* target, GtkDialog* dialog)
    : config_(config), dialog_(dialog), frame_(gimp_frame_new(_("Colors from")))
{
    GtkWidget* grid = gtk_grid_new();
    gtk_grid_set_row_spacing(GTK_GRID(grid), 6);
    gtk_grid_set_column_spacing(GTK_GRID(grid), 12);
    gtk_container_add(GTK_CONTAINER(frame_), grid);

    layers_ = new_layer_list(target);
    gimp_help_set_help_data(layers_, _("Layers of all open images"), nullptr);
    GFile* file = nullptr;
    g_object_get(config, "reference-file", &file, nullptr);
    file_ = gimp_file_chooser_new(GIMP_FILE_CHOOSER_ACTION_OPEN, nullptr, _("Choose a Reference Photo"), file);
    g_clear_object(&file);
    g_object_bind_property(config, "reference-file", file_, "file", G_BINDING_BIDIRECTIONAL);
    preview_ = gtk_image_new();
    gtk_widget_set_size_request(preview_, preview_side, preview_side);
    gtk_grid_attach(GTK_GRID(grid), preview_, 2, 0, 1, static_cast<int>(rows_.size()));
    gtk_widget_set_margin_bottom(frame_, 6);

    add_row(grid, rows_[0], _("Open la_yer"), layers_);
    add_row(grid, rows_[1], _("_File"), file_);
    add_row(grid, rows_[2], _("_No reference: guess the colors"), nullptr);
    gtk_widget_show_all(grid);
    const auto widen = [](GtkWidget* child, gpointer box) {
        gtk_box_set_child_packing(GTK_BOX(box), child, !GTK_IS_LABEL(child), TRUE, 0, GTK_PACK_START);
    };
    gtk_container_foreach(GTK_CONTAINER(file_), widen, file_);
    gtk_widget_hide(gimp_file_chooser_get_label_widget(GIMP_FILE_CHOOSER(file_)));
    gtk_widget_show(frame_);

    choose_first_layer(gimp_item_get_image(GIMP_ITEM(target)));
    refresh();
    g_signal_connect(layers_, "changed", G_CALLBACK(on_layer), this);
    g_signal_connect(file_, "notify::file", G_CALLBACK(on_file), this);
    for (const Row& row : rows_) {
        g_signal_connect(row.button, "toggled", G_CALLBACK(on_button), this);
    }
    config_signal_ = g_signal_connect(config, "notify", G_CALLBACK(on_config), this);
}

void ReferenceFrame::add_row(GtkWidget* grid, Row& row, const char* label, GtkWidget* chooser)
{
    GtkRadioButton* group = rows_[0].button != nullptr ? GTK_RADIO_BUTTON(rows_[0].button) : nullptr;
    row.button = gtk_radio_button_new_with_mnemonic_from_widget(group, label);
    const int line = static_cast<int>(&row - rows_.data());
    gtk_grid_attach(GTK_GRID(grid), row.button, 0, line, chooser != nullptr ? 1 : 2, 1);
    if (chooser != nullptr) {
        gtk_widget_set_hexpand(chooser, TRUE);
        gtk_grid_attach(GTK_GRID(grid), chooser, 1, line, 1, 1);
    }
}

/// The layer of the last run if it is still there, else a layer of another image (the photo opened for this), else the
/// first one of the list.
void ReferenceFrame::choose_first_layer(GimpImage* own_image)
{
    GimpIntComboBox* combo = GIMP_INT_COMBO_BOX(layers_);
    GimpDrawable* given = nullptr;
    g_object_get(config_, "reference", &given, nullptr);
    const ObjectPointer<GimpDrawable> owned(given);
    GimpDrawable* wanted = given != nullptr ? given : remembered_reference();
    if (wanted == nullptr || !gimp_int_combo_box_set_active(combo, gimp_item_get_id(GIMP_ITEM(wanted)))) {
        GtkTreeModel* model = gtk_combo_box_get_model(GTK_COMBO_BOX(layers_));
        GtkTreeIter row;
        for (gboolean more = gtk_tree_model_get_iter_first(model, &row); more;
             more = gtk_tree_model_iter_next(model, &row)) {
            int id = -1;
            gtk_tree_model_get(model, &row, GIMP_INT_STORE_VALUE, &id, -1);
            GimpItem* item = id > 0 ? gimp_item_get_by_id(id) : nullptr;
            if (item != nullptr && gimp_item_get_image(item) != own_image) {
                gtk_combo_box_set_active_iter(GTK_COMBO_BOX(layers_), &row);
                break;
            }
        }
    }
    g_object_set(config_, "reference", chosen_layer(), nullptr);
}

GimpDrawable* ReferenceFrame::chosen_layer() const
{
    int id = -1;
    const bool chosen = gimp_int_combo_box_get_active(GIMP_INT_COMBO_BOX(layers_), &id) && id > 0;
    return chosen ? gimp_drawable_get_by_id(id) : nullptr; // an empty list says -1
}

void ReferenceFrame::choose_source(const char* nick)
{
    g_object_set(config_, "reference-source", nick, nullptr);
}

/// Shows what the configuration says, also after one of the dialog's reset buttons.
void ReferenceFrame::refresh()
{
    if (refreshing_) {
        return;
    }
    refreshing_ = true;
    const bool has_layer = chosen_layer() != nullptr;
    ReferenceSource source = reference_source(config_);
    if (source == ReferenceSource::given || (source == ReferenceSource::layer && !has_layer)) {
        choose_source(has_layer ? "layer" : "file");
        source = reference_source(config_);
    }
    GimpDrawable* layer = nullptr;
    GFile* file = nullptr;
    g_object_get(config_, "reference", &layer, "reference-file", &file, nullptr);
    const ObjectPointer<GimpDrawable> owned_layer(layer);
    const ObjectPointer<GFile> owned_file(file);
    if (layer == nullptr && has_layer) {
        g_object_set(config_, "reference", chosen_layer(), nullptr);
    } else if (layer != nullptr) {
        gimp_int_combo_box_set_active(GIMP_INT_COMBO_BOX(layers_), gimp_item_get_id(GIMP_ITEM(layer)));
    }
    for (const Row& row : rows_) {
        gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(row.button), row.source == source);
    }
    gtk_widget_set_sensitive(layers_, has_layer);
    gtk_widget_set_sensitive(rows_[0].button, has_layer);
    show_preview(source == ReferenceSource::layer ? chosen_layer() : nullptr,
                 source == ReferenceSource::file ? file : nullptr);
    const bool complete = source != ReferenceSource::file || file != nullptr;
    gtk_dialog_set_response_sensitive(dialog_, GTK_RESPONSE_OK, complete);
    refreshing_ = false;
}

/// A layer's name seldom says what is in the picture.
void ReferenceFrame::show_preview(GimpDrawable* layer, GFile* file)
{
    ObjectPointer<GdkPixbuf> picture;
    if (layer != nullptr) {
        picture = new_thumbnail(layer, preview_side);
    } else if (file != nullptr && g_file_is_native(file)) {
        // GIMP opens more formats than this does; such a file is shown without a preview.
        const FreePointer<char> path(g_file_get_path(file));
        const ObjectPointer<GdkPixbuf> stored(
            gdk_pixbuf_new_from_file_at_size(path.get(), preview_side, preview_side, nullptr));
        if (stored) {
            picture.reset(gdk_pixbuf_apply_embedded_orientation(stored.get()));
        }
    }
    gtk_image_set_from_pixbuf(GTK_IMAGE(preview_), picture.get());
}

// Choosing a layer or a file also says that it is the one to use.

void ReferenceFrame::on_layer(GtkWidget* /*combo*/, gpointer self)
{
    auto* frame = static_cast<ReferenceFrame*>(self);
    if (!frame->refreshing_) {
        g_object_set(frame->config_, "reference", frame->chosen_layer(), "reference-source", "layer", nullptr);
    }
}

void ReferenceFrame::on_file(GObject* chooser, GParamSpec* /*property*/, gpointer self)
{
    auto* frame = static_cast<ReferenceFrame*>(self);
    if (!frame->refreshing_ && gimp_file_chooser_get_file(GIMP_FILE_CHOOSER(chooser)) != nullptr) {
        frame->choose_source("file");
    }
}

void ReferenceFrame::on_button(GtkToggleButton* button, gpointer self)
{
    auto* frame = static_cast<ReferenceFrame*>(self);
    for (const Row& row : frame->rows_) {
        if (!frame->refreshing_ && row.button == GTK_WIDGET(button) && gtk_toggle_button_get_active(button)) {
            frame->choose_source(row.nick);
        }
    }
}

void ReferenceFrame::on_config(GObject* /*config*/, GParamSpec* property, gpointer self)
{
    // The preview may have to read a file: only for what it shows.
    if (g_str_has_prefix(property->name, "reference")) {
        static_cast<ReferenceFrame*>(self)->refresh();
    }
}

void fill(GimpProcedureDialog* dialog)
{
    gimp_procedure_dialog_get_spin_scale(dialog, "strength", 1.0);
    gimp_procedure_dialog_get_widget(dialog, "output", GTK_TYPE_COMBO_BOX);
    gimp_procedure_dialog_get_spin_scale(dialog, "working-size", 1.0);
    gimp_procedure_dialog_get_widget(dialog, "device", GTK_TYPE_COMBO_BOX);
    gimp_procedure_dialog_get_widget(dialog, "seed", GIMP_TYPE_LABEL_SPIN);
    gimp_procedure_dialog_get_label(dialog, "advanced-title", _("_Advanced"), FALSE, TRUE);
    gimp_procedure_dialog_fill_box(dialog, "advanced-box", "working-size", "device", "seed", nullptr);
    gimp_procedure_dialog_fill_expander(dialog, "advanced", "advanced-title", FALSE, "advanced-box");
    gimp_procedure_dialog_fill(dialog, "strength", "output", "insist", "advanced", nullptr);
}

} // namespace

bool run_dialog(GimpProcedure* procedure, GimpProcedureConfig* config, GimpLayer* target)
{
    gimp_ui_init("chromatch");
    GtkWidget* dialog = gimp_procedure_dialog_new(procedure, config, _("Colorize from Reference"));
    gimp_procedure_dialog_set_ok_label(GIMP_PROCEDURE_DIALOG(dialog), _("Colori_ze"));
    bool accepted = false;
    {
        ReferenceFrame frame(config, target, GTK_DIALOG(dialog));
        gtk_box_pack_start(GTK_BOX(gtk_dialog_get_content_area(GTK_DIALOG(dialog))), frame.widget(), FALSE, FALSE, 0);
        fill(GIMP_PROCEDURE_DIALOG(dialog));
        accepted = gimp_procedure_dialog_run(GIMP_PROCEDURE_DIALOG(dialog));
        // The widgets call back into the frame until they are gone.
        gtk_widget_destroy(dialog);
    }
    return accepted;
}

} // namespace chromatch::plugin
