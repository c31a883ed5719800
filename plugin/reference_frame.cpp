// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_frame.h"

#include "failure.h"
#include "labelled_row.h"
#include "layer_list.h"
#include "suggestion_dialog.h"

#include <glib/gi18n.h>

#include <string>
#include <vector>

namespace chromatch::plugin {

namespace {

constexpr int file_width = 160;

bool is_same(GFile* one, GFile* other)
{
    return one == other || (one != nullptr && other != nullptr && g_file_equal(one, other) != FALSE);
}

} // namespace

ReferenceFrame::ReferenceFrame(GimpProcedureConfig* config, GimpLayer* target, GtkDialog* dialog)
    : config_(config), target_(target), dialog_(dialog), frame_(gimp_frame_new(_("Colors from")))
{
    GtkWidget* grid = gtk_grid_new();
    gtk_grid_set_row_spacing(GTK_GRID(grid), 6);
    gtk_grid_set_column_spacing(GTK_GRID(grid), 12);
    gtk_container_add(GTK_CONTAINER(frame_), grid);

    layers_ = new_layer_list(target);
    group_box_ = new_group_box();
    gtk_grid_attach(GTK_GRID(grid), group_box_, 0, 1, 2, 1);
    GtkWidget* file_row = new_file_row();
    files_box_ = new_files_box();
    gtk_grid_attach(GTK_GRID(grid), files_box_, 0, 3, 2, 1);
    gtk_widget_set_margin_bottom(frame_, 6);

    add_row(grid, rows_[0], 0, _("Open la_yer"), layers_,
            _("Layers of all open images. A selection in another image, and a layer mask, limit what is used. A layer "
              "group may serve as several references."));
    add_row(grid, rows_[1], 2, _("_File"), file_row, _("A photo that is not open, in any format that GIMP reads."));
    add_row(grid, rows_[2], 4, _("_No reference: guess the colors"), nullptr,
            _("Plausible but pale colors, guessed from the photo alone; a reference photo gives better ones."));
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

/// Whether a group is one picture or several references, and what those give.
GtkWidget* ReferenceFrame::new_group_box()
{
    GtkWidget* box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
    gtk_widget_set_margin_start(box, 24);
    gtk_box_pack_start(GTK_BOX(box), gimp_prop_check_button_new(G_OBJECT(config_), "each-layer", nullptr), FALSE, FALSE,
                       0);
    GtkWidget* combination = new_combination_row();
    gtk_box_pack_start(GTK_BOX(box), combination, FALSE, FALSE, 0);
    g_object_bind_property(config_, "each-layer", combination, "sensitive", G_BINDING_SYNC_CREATE);
    gtk_widget_show_all(box);
    gtk_widget_set_no_show_all(box, TRUE);
    return box;
}

/// What several references give.
GtkWidget* ReferenceFrame::new_combination_row()
{
    return new_labelled_row(config_, "combination", gimp_prop_choice_combo_box_new(G_OBJECT(config_), "combination"));
}

GtkWidget* ReferenceFrame::new_file_row()
{
    GtkWidget* row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
    GFile* file = nullptr;
    g_object_get(config_, "reference-file", &file, nullptr);
    file_ = gimp_file_chooser_new(GIMP_FILE_CHOOSER_ACTION_OPEN, nullptr, _("Choose a Reference Photo"), file);
    g_clear_object(&file);
    gtk_widget_set_size_request(file_, file_width, -1);
    GtkWidget* suggest = gtk_button_new_with_mnemonic(_("Su_ggest..."));
    gimp_help_set_help_data(suggest, _("Finds the photos of a folder that suit this photo as references."), nullptr);
    g_signal_connect(suggest, "clicked", G_CALLBACK(on_suggest), this);
    gtk_box_pack_start(GTK_BOX(row), file_, TRUE, TRUE, 0);
    gtk_box_pack_start(GTK_BOX(row), suggest, FALSE, FALSE, 0);
    return row;
}

/// Which other files there are, and what they all give.
GtkWidget* ReferenceFrame::new_files_box()
{
    GtkWidget* box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
    gtk_widget_set_margin_start(box, 24);
    GtkWidget* row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
    more_files_ = gtk_label_new(nullptr);
    gtk_label_set_xalign(GTK_LABEL(more_files_), 0.0f);
    GtkWidget* only_one = gtk_button_new_with_mnemonic(_("_Just the first"));
    gimp_help_set_help_data(only_one, _("Takes the colors from the first file alone."), nullptr);
    g_signal_connect(only_one, "clicked", G_CALLBACK(on_only_one), this);
    gtk_box_pack_start(GTK_BOX(row), more_files_, TRUE, TRUE, 0);
    gtk_box_pack_start(GTK_BOX(row), only_one, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), row, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), new_combination_row(), FALSE, FALSE, 0);
    gtk_widget_show_all(box);
    gtk_widget_set_no_show_all(box, TRUE);
    return box;
}

void ReferenceFrame::add_row(GtkWidget* grid, Row& row, int line, const char* label, GtkWidget* chooser,
                             const char* help)
{
    GtkRadioButton* group = rows_[0].button != nullptr ? GTK_RADIO_BUTTON(rows_[0].button) : nullptr;
    row.button = gtk_radio_button_new_with_mnemonic_from_widget(group, label);
    gtk_grid_attach(GTK_GRID(grid), row.button, 0, line, chooser != nullptr ? 1 : 2, 1);
    gimp_help_set_help_data(row.button, help, nullptr);
    if (chooser != nullptr) {
        gimp_help_set_help_data(chooser, help, nullptr);
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
    GimpDrawable* chosen = source == ReferenceSource::layer ? chosen_layer() : nullptr;
    gtk_widget_set_visible(group_box_, chosen != nullptr && gimp_item_is_group(GIMP_ITEM(chosen)));
    gtk_widget_set_sensitive(layers_, has_layer);
    gtk_widget_set_sensitive(rows_[0].button, has_layer);
    if (file != nullptr && !is_same(file, gimp_file_chooser_get_file(GIMP_FILE_CHOOSER(file_)))) {
        gimp_file_chooser_set_file(GIMP_FILE_CHOOSER(file_), file);
    }
    show_more_files(source == ReferenceSource::file);
    const bool complete = source != ReferenceSource::file || file != nullptr;
    gtk_dialog_set_response_sensitive(dialog_, GTK_RESPONSE_OK, complete);
    refreshing_ = false;
}

void ReferenceFrame::show_more_files(bool from_files)
{
    const std::vector<ObjectPointer<GFile>> files = given_files(config_);
    const int more = static_cast<int>(files.size()) - 1;
    gtk_widget_set_visible(files_box_, from_files && more > 0);
    if (more > 0) {
        std::string names;
        for (const ObjectPointer<GFile>& file : files) {
            const FreePointer<char> name(g_file_get_parse_name(file.get()));
            names += (names.empty() ? "" : "\n") + std::string(name.get());
        }
        gtk_label_set_text(GTK_LABEL(more_files_),
                           text(ngettext("and %d more file", "and %d more files", more), more).c_str());
        gtk_widget_set_tooltip_text(more_files_, names.c_str());
    }
}

void ReferenceFrame::forget_more_files()
{
    g_object_set(config_, "reference-files", nullptr, nullptr);
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
    GFile* chosen = gimp_file_chooser_get_file(GIMP_FILE_CHOOSER(chooser));
    GFile* file = nullptr;
    g_object_get(frame->config_, "reference-file", &file, nullptr);
    const ObjectPointer<GFile> owned_file(file);
    // The chooser also speaks up, later, when it was told what is chosen. Only the user's choice is one file alone.
    if (!frame->refreshing_ && chosen != nullptr && !is_same(file, chosen)) {
        const ObjectPointer<GFile> kept(G_FILE(g_object_ref(chosen)));
        g_object_set(frame->config_, "reference-files", nullptr, "reference-file", kept.get(), "reference-source",
                     "file", nullptr);
    }
}

/// The best photo is the reference, the others that were chosen come along.
void ReferenceFrame::on_suggest(GtkButton* /*button*/, gpointer self)
{
    auto* frame = static_cast<ReferenceFrame*>(self);
    const std::vector<std::string> paths =
        run_suggestion_dialog(GTK_WINDOW(frame->dialog_), frame->config_, frame->target_);
    if (paths.empty()) {
        return;
    }
    std::vector<const char*> more;
    for (std::size_t i = 1; i < paths.size(); ++i) {
        more.push_back(paths[i].c_str());
    }
    more.push_back(nullptr);
    const ObjectPointer<GFile> first(g_file_new_for_path(paths.front().c_str()));
    g_object_set(frame->config_, "reference-file", first.get(), nullptr);
    g_object_set(frame->config_, "reference-files", more.data(), "reference-source", "file", nullptr);
}

void ReferenceFrame::on_only_one(GtkButton* /*button*/, gpointer self)
{
    static_cast<ReferenceFrame*>(self)->forget_more_files();
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

} // namespace chromatch::plugin
