// SPDX-License-Identifier: GPL-3.0-or-later
#include "suggestion_dialog.h"

#include "engine_loader.h"
#include "failure.h"
#include "pixels.h"
#include "reference.h"
#include "suggestion.h"

#include <glib/gi18n.h>

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <thread>

namespace chromatch::plugin {

namespace {

constexpr int thumbnail_side = 160;
constexpr guint poll_milliseconds = 100;

enum Column { thumbnail_column, name_column, tooltip_column, path_column, column_count };

/// What is shown of a photo.
struct ShownPhoto {
    std::string path;
    ObjectPointer<GdkPixbuf> thumbnail;
};

ObjectPointer<GdkPixbuf> read_thumbnail(const std::string& path)
{
    const ObjectPointer<GdkPixbuf> stored(
        gdk_pixbuf_new_from_file_at_size(path.c_str(), thumbnail_side, thumbnail_side, nullptr));
    return ObjectPointer<GdkPixbuf>(stored ? gdk_pixbuf_apply_embedded_orientation(stored.get()) : nullptr);
}

/// A search on a thread of its own. The dialog asks now and then how far it is: no call of GTK or GIMP is made there.
class Search {
  public:
    Search(SuggestionSearch search, const Plane& luminance, const EngineFunctions& engine)
        : thread_([this, search = std::move(search), &luminance, &engine] { run(search, luminance, engine); })
    {
    }

    /// Waits for the photo that is being looked at.
    ~Search()
    {
        cancelled_ = true;
        thread_.join();
    }

    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;

    std::size_t done() const { return done_; }
    std::size_t total() const { return total_; }
    bool finished() const { return finished_; }

    // Once it is finished:
    const std::vector<ShownPhoto>& photos() const { return photos_; }
    const std::string& complaint() const { return complaint_; }

  private:
    void run(const SuggestionSearch& search, const Plane& luminance, const EngineFunctions& engine)
    {
        try {
            const std::unique_ptr<Colorizer> colorizer = engine.load_colorizer({.models_folder = search.models});
            const auto progress = [this](std::size_t done, std::size_t total) {
                total_ = total;
                done_ = done;
                return !cancelled_;
            };
            for (const Suggestion& suggestion : suggest_references(search, luminance, *colorizer, engine, progress)) {
                photos_.push_back({suggestion.path, read_thumbnail(suggestion.path)});
            }
        } catch (const Error& error) {
            complaint_ = failure_of(error, search.models).sentence;
        } catch (...) {
            complaint_ = caught_failure().sentence;
        }
        finished_ = true;
    }

    std::atomic<std::size_t> done_{0};
    std::atomic<std::size_t> total_{0};
    std::atomic<bool> cancelled_{false};
    std::atomic<bool> finished_{false};
    std::vector<ShownPhoto> photos_;
    std::string complaint_;
    std::thread thread_; ///< the last member: it uses the others
};

class SuggestionDialog {
  public:
    SuggestionDialog(GtkWindow* parent, GimpProcedureConfig* config, GimpLayer* target);
    ~SuggestionDialog();
    SuggestionDialog(const SuggestionDialog&) = delete;
    SuggestionDialog& operator=(const SuggestionDialog&) = delete;

    std::vector<std::string> run();

  private:
    GtkWidget* new_folder_row();
    GtkWidget* new_photo_list();
    void start(const char* folder);
    void say(const char* sentence);
    void show_progress();
    void show_photos();
    std::vector<std::string> chosen() const;

    static void on_folder(GtkFileChooserButton* button, gpointer self);
    static void on_selection(GtkIconView* view, gpointer self);
    static void on_activated(GtkIconView* view, GtkTreePath* path, gpointer self);
    static gboolean on_poll(gpointer self);

    GimpProcedureConfig* config_;
    SuggestionSearch search_;
    const EngineFunctions& engine_;
    Request target_;
    GtkWidget* dialog_;
    GtkWidget* folder_;
    GtkWidget* progress_;
    GtkListStore* store_;
    GtkWidget* view_;
    std::optional<Search> running_;
    guint poll_ = 0;
};

void set_accessible_name(GtkWidget* widget, const char* name)
{
    atk_object_set_name(gtk_widget_get_accessible(widget), name);
}

SuggestionDialog::SuggestionDialog(GtkWindow* parent, GimpProcedureConfig* config, GimpLayer* target)
    : config_(config), engine_(open_engine())
{
    fill_request(read_target(GIMP_DRAWABLE(target), engine_), target_);
    search_.own_file = own_path(gimp_item_get_image(GIMP_ITEM(target)));
    search_.models = find_models_folder();
    search_.cache_folder = suggestion_cache_folder();

    dialog_ = gtk_dialog_new_with_buttons(
        _("Suggested References"), parent,
        static_cast<GtkDialogFlags>(GTK_DIALOG_MODAL | GTK_DIALOG_DESTROY_WITH_PARENT), _("_Cancel"),
        GTK_RESPONSE_CANCEL, _("_Use as Reference"), GTK_RESPONSE_OK, nullptr);
    gtk_dialog_set_default_response(GTK_DIALOG(dialog_), GTK_RESPONSE_OK);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(dialog_), GTK_RESPONSE_OK, FALSE);
    GtkWidget* box = gtk_dialog_get_content_area(GTK_DIALOG(dialog_));
    gtk_container_set_border_width(GTK_CONTAINER(box), 12);
    gtk_box_set_spacing(GTK_BOX(box), 6);
    gtk_box_pack_start(GTK_BOX(box), new_folder_row(), FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), new_photo_list(), TRUE, TRUE, 0);
    progress_ = gtk_progress_bar_new();
    gtk_progress_bar_set_show_text(GTK_PROGRESS_BAR(progress_), TRUE);
    gtk_progress_bar_set_ellipsize(GTK_PROGRESS_BAR(progress_), PANGO_ELLIPSIZE_MIDDLE);
    set_accessible_name(progress_, _("Photos looked at"));
    gtk_box_pack_start(GTK_BOX(box), progress_, FALSE, FALSE, 0);
    gtk_widget_show_all(box);
    say(_("Choose a folder with color photos."));
}

SuggestionDialog::~SuggestionDialog()
{
    g_clear_handle_id(&poll_, g_source_remove);
    running_.reset();
    g_signal_handlers_disconnect_by_data(view_, this); // it says that the selection is gone
    gtk_widget_destroy(dialog_);
    g_object_unref(store_);
}

GtkWidget* SuggestionDialog::new_folder_row()
{
    GtkWidget* row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12);
    GtkWidget* label = gtk_label_new_with_mnemonic(_("Photo fo_lder"));
    folder_ = gtk_file_chooser_button_new(_("Choose a Folder with Photos"), GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER);
    gtk_label_set_mnemonic_widget(GTK_LABEL(label), folder_);
    gimp_help_set_help_data(folder_,
                            _("The photos of this folder, and of the folders inside it, are looked through. What is "
                              "found out about them is kept: the next search is quick."),
                            nullptr);
    gtk_box_pack_start(GTK_BOX(row), label, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(row), folder_, TRUE, TRUE, 0);
    g_signal_connect(folder_, "file-set", G_CALLBACK(on_folder), this);
    return row;
}

GtkWidget* SuggestionDialog::new_photo_list()
{
    store_ = gtk_list_store_new(column_count, GDK_TYPE_PIXBUF, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING);
    view_ = gtk_icon_view_new_with_model(GTK_TREE_MODEL(store_));
    // Cells of one width each: a long name must not widen its column.
    GtkCellLayout* cells = GTK_CELL_LAYOUT(view_);
    GtkCellRenderer* thumbnail = gtk_cell_renderer_pixbuf_new();
    gtk_cell_renderer_set_fixed_size(thumbnail, thumbnail_side, thumbnail_side);
    gtk_cell_layout_pack_start(cells, thumbnail, FALSE);
    gtk_cell_layout_add_attribute(cells, thumbnail, "pixbuf", thumbnail_column);
    GtkCellRenderer* name = gtk_cell_renderer_text_new();
    g_object_set(name, "ellipsize", PANGO_ELLIPSIZE_MIDDLE, "xalign", 0.5, "width", thumbnail_side, nullptr);
    gtk_cell_layout_pack_start(cells, name, FALSE);
    gtk_cell_layout_add_attribute(cells, name, "text", name_column);
    gtk_icon_view_set_tooltip_column(GTK_ICON_VIEW(view_), tooltip_column);
    gtk_icon_view_set_selection_mode(GTK_ICON_VIEW(view_), GTK_SELECTION_MULTIPLE);
    set_accessible_name(view_, _("Suggested photos, the one that suits best first"));
    g_signal_connect(view_, "selection-changed", G_CALLBACK(on_selection), this);
    g_signal_connect(view_, "item-activated", G_CALLBACK(on_activated), this);
    GtkWidget* scrolled = gtk_scrolled_window_new(nullptr, nullptr);
    gtk_scrolled_window_set_shadow_type(GTK_SCROLLED_WINDOW(scrolled), GTK_SHADOW_IN);
    gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
    gtk_widget_set_size_request(scrolled, 4 * (thumbnail_side + 24) + 24, 2 * (thumbnail_side + 54));
    gtk_container_add(GTK_CONTAINER(scrolled), view_);
    return scrolled;
}

/// Returns the chosen photos.
std::vector<std::string> SuggestionDialog::run()
{
    GFile* folder = nullptr;
    g_object_get(config_, "photo-folder", &folder, nullptr);
    const ObjectPointer<GFile> last(folder);
    const FreePointer<char> path(folder != nullptr ? g_file_get_path(folder) : nullptr);
    if (path && g_file_test(path.get(), G_FILE_TEST_IS_DIR)) {
        gtk_file_chooser_set_filename(GTK_FILE_CHOOSER(folder_), path.get());
        start(path.get());
    }
    return gtk_dialog_run(GTK_DIALOG(dialog_)) == GTK_RESPONSE_OK ? chosen() : std::vector<std::string>();
}

void SuggestionDialog::start(const char* folder)
{
    running_.reset();
    gtk_list_store_clear(store_);
    search_.folder = folder;
    try {
        running_.emplace(search_, target_.luminance, engine_);
    } catch (...) { // no thread to be had; this is called from GTK
        say(caught_failure().sentence.c_str());
        return;
    }
    show_progress();
    if (poll_ == 0) {
        poll_ = g_timeout_add(poll_milliseconds, on_poll, this);
    }
}

void SuggestionDialog::say(const char* sentence)
{
    gtk_progress_bar_set_text(GTK_PROGRESS_BAR(progress_), sentence);
    gtk_progress_bar_set_fraction(GTK_PROGRESS_BAR(progress_), 0.0);
}

void SuggestionDialog::show_progress()
{
    const std::size_t total = running_->total();
    if (total == 0) {
        say(_("Looking for photos"));
        return;
    }
    const int done = static_cast<int>(running_->done());
    const int all = static_cast<int>(total);
    gtk_progress_bar_set_text(
        GTK_PROGRESS_BAR(progress_),
        text(ngettext("%d of %d photo looked at", "%d of %d photos looked at", all), done, all).c_str());
    gtk_progress_bar_set_fraction(GTK_PROGRESS_BAR(progress_), static_cast<double>(done) / all);
}

void SuggestionDialog::show_photos()
{
    for (const ShownPhoto& photo : running_->photos()) {
        const FreePointer<char> name(g_filename_display_basename(photo.path.c_str()));
        const FreePointer<char> full_name(g_filename_display_name(photo.path.c_str()));
        const FreePointer<char> tooltip(g_markup_escape_text(full_name.get(), -1));
        GtkTreeIter row;
        gtk_list_store_append(store_, &row);
        gtk_list_store_set(store_, &row, thumbnail_column, photo.thumbnail.get(), name_column, name.get(),
                           tooltip_column, tooltip.get(), path_column, photo.path.c_str(), -1);
    }
    if (!running_->complaint().empty()) {
        say(running_->complaint().c_str());
        return;
    }
    say(_("The photo that suits best comes first. Hold Ctrl to choose several."));
    GtkTreePath* first = gtk_tree_path_new_first();
    gtk_icon_view_select_path(GTK_ICON_VIEW(view_), first);
    gtk_icon_view_set_cursor(GTK_ICON_VIEW(view_), first, nullptr, FALSE);
    gtk_tree_path_free(first);
    gtk_widget_grab_focus(view_);
}

std::vector<std::string> SuggestionDialog::chosen() const
{
    std::vector<std::string> paths;
    GtkTreeModel* model = GTK_TREE_MODEL(store_);
    GtkTreeIter row;
    for (gboolean more = gtk_tree_model_get_iter_first(model, &row); more;
         more = gtk_tree_model_iter_next(model, &row)) {
        GtkTreePath* place = gtk_tree_model_get_path(model, &row);
        if (gtk_icon_view_path_is_selected(GTK_ICON_VIEW(view_), place)) {
            gchar* path = nullptr;
            gtk_tree_model_get(model, &row, path_column, &path, -1);
            paths.emplace_back(path);
            g_free(path);
        }
        gtk_tree_path_free(place);
    }
    return paths;
}

void SuggestionDialog::on_folder(GtkFileChooserButton* button, gpointer self)
{
    auto* dialog = static_cast<SuggestionDialog*>(self);
    const FreePointer<char> path(gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(button)));
    if (path) {
        const ObjectPointer<GFile> folder(g_file_new_for_path(path.get()));
        g_object_set(dialog->config_, "photo-folder", folder.get(), nullptr);
        dialog->start(path.get());
    }
}

void SuggestionDialog::on_selection(GtkIconView* /*view*/, gpointer self)
{
    auto* dialog = static_cast<SuggestionDialog*>(self);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(dialog->dialog_), GTK_RESPONSE_OK, !dialog->chosen().empty());
}

void SuggestionDialog::on_activated(GtkIconView* /*view*/, GtkTreePath* /*path*/, gpointer self)
{
    gtk_dialog_response(GTK_DIALOG(static_cast<SuggestionDialog*>(self)->dialog_), GTK_RESPONSE_OK);
}

gboolean SuggestionDialog::on_poll(gpointer self)
{
    auto* dialog = static_cast<SuggestionDialog*>(self);
    if (dialog->running_ && !dialog->running_->finished()) {
        dialog->show_progress();
        return G_SOURCE_CONTINUE;
    }
    dialog->poll_ = 0;
    if (dialog->running_) {
        dialog->show_photos();
    }
    return G_SOURCE_REMOVE;
}

} // namespace

std::vector<std::string> run_suggestion_dialog(GtkWindow* parent, GimpProcedureConfig* config,
                                               GimpLayer* target) noexcept
{
    std::string complaint;
    try {
        return SuggestionDialog(parent, config, target).run();
    } catch (...) {
        complaint = caught_failure().sentence;
    }
    GtkWidget* message =
        gtk_message_dialog_new(parent, GTK_DIALOG_MODAL, GTK_MESSAGE_ERROR, GTK_BUTTONS_CLOSE, "%s", complaint.c_str());
    gtk_dialog_run(GTK_DIALOG(message));
    gtk_widget_destroy(message);
    return {};
}

} // namespace chromatch::plugin
