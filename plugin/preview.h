// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "preview_worker.h"
#include "settings.h"

#include <libgimp/gimpui.h>

namespace chromatch::plugin {

/// The part of a dialog that shows what the layer will look like: the same colours as the result, at the working size.
/// It follows the configuration. The layers are read on the main thread, as libgimp asks for; all computing is the
/// PreviewWorker's.
class Preview {
  public:
    Preview(GimpProcedureConfig* config, Task task, GimpLayer* target);
    ~Preview();
    Preview(const Preview&) = delete;
    Preview& operator=(const Preview&) = delete;

    GtkWidget* widget() const { return box_; }

    /// Ends the preview and hands out the loaded networks, which remember what they have seen; may be null.
    std::unique_ptr<Colorizer> take_colorizer() { return worker_->take_colorizer(); }

  private:
    /// What has to be read again before the preview is that of the configuration.
    struct Stale {
        bool target = true; ///< and the hints, which have its size
        bool references = true;
    };

    GtkWidget* new_picture();
    GtkWidget* new_controls();

    void schedule(int milliseconds);
    void update();
    Request read(const Settings& settings);
    void ask();
    void show_thumbnails();
    void show_status(const std::string& sentence, bool busy);
    const GdkPixbuf* shown() const;
    void draw(cairo_t* cairo);

    void engine_is_open(const EngineFunctions& engine);
    void engine_has_failed(const std::string& sentence);
    void answered(const PreviewAnswer& answer);

    static gboolean on_due(gpointer self);
    static gboolean on_draw(GtkWidget* area, cairo_t* cairo, gpointer self);
    static gboolean on_press(GtkWidget* area, GdkEventButton* event, gpointer self);
    static void on_toggled(GtkWidget* button, gpointer self);
    static void on_result(GtkWidget* spin, gpointer self);
    static void on_config(GObject* config, GParamSpec* property, gpointer self);

    GimpProcedureConfig* config_;
    Task task_;
    GimpLayer* target_;
    double aspect_; ///< width / height of the target

    GtkWidget* box_;
    GtkWidget* picture_ = nullptr;
    GtkWidget* original_button_ = nullptr;
    GtkWidget* confidence_button_ = nullptr;
    GtkWidget* result_box_ = nullptr; ///< which of several results is shown
    GtkWidget* result_spin_ = nullptr;
    GtkWidget* thumbnails_ = nullptr;
    GtkWidget* spinner_ = nullptr;
    GtkWidget* status_ = nullptr;
    gulong config_signal_ = 0;
    guint due_ = 0; ///< the timer of the next update(); 0: none
    bool pressed_ = false;

    const EngineFunctions* engine_ = nullptr; ///< null until the worker has opened it
    std::string engine_failure_;              ///< why nothing will be colored; empty: none of that
    Stale stale_;
    Request small_; ///< what the configuration asks for, at the working size
    Combination combination_ = Combination::blend;
    std::string change_ = "dialog"; ///< the property that changed last, and when, for the debug log
    gint64 changed_at_;

    ObjectPointer<GdkPixbuf> original_, colored_, confidence_; ///< null: not there yet
    std::unique_ptr<PreviewWorker> worker_;
};

} // namespace chromatch::plugin
