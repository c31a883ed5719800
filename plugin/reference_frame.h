// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "settings.h"

#include <libgimp/gimpui.h>

#include <array>

namespace chromatch::plugin {

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

    void add_row(GtkWidget* grid, Row& row, int line, const char* label, GtkWidget* chooser, const char* help);
    GtkWidget* new_group_box();
    GtkWidget* new_combination_row();
    GtkWidget* new_file_row();
    GtkWidget* new_files_box();
    void show_more_files(bool from_files);
    void forget_more_files();
    void choose_first_layer(GimpImage* own_image);
    GimpDrawable* chosen_layer() const;
    void choose_source(const char* nick);
    void refresh();

    static void on_layer(GtkWidget* combo, gpointer self);
    static void on_file(GObject* chooser, GParamSpec* property, gpointer self);
    static void on_suggest(GtkButton* button, gpointer self);
    static void on_only_one(GtkButton* button, gpointer self);
    static void on_button(GtkToggleButton* button, gpointer self);
    static void on_config(GObject* config, GParamSpec* property, gpointer self);

    GimpProcedureConfig* config_;
    GimpLayer* target_;
    GtkDialog* dialog_;
    GtkWidget* frame_;
    GtkWidget* layers_;
    GtkWidget* group_box_; ///< what there is to say about a group; shown where the chosen layer is one
    GtkWidget* file_;
    GtkWidget* files_box_; ///< what there is to say about several files; shown where several are chosen
    GtkWidget* more_files_;
    std::array<Row, 3> rows_ = {{{ReferenceSource::layer, "layer", nullptr},
                                 {ReferenceSource::file, "file", nullptr},
                                 {ReferenceSource::none, "none", nullptr}}};
    gulong config_signal_ = 0;
    bool refreshing_ = false;
};

} // namespace chromatch::plugin
