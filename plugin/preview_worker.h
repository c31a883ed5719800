// SPDX-License-Identifier: GPL-3.0-or-later
//
// The thread behind the preview: opens the engine, loads the networks, and colours the latest request. It calls neither
// libgimp nor GTK.
#pragma once

#include "engine_functions.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace chromatch::plugin {

/// What the worker has to say. One of the two is set.
struct PreviewAnswer {
    std::optional<Result> result;
    std::string failure; ///< a sentence for the user
};

class PreviewWorker {
  public:
    /// All three are called on the main thread, from the main loop, and never after the worker is gone.
    struct Listener {
        std::function<void(const EngineFunctions&)> engine_is_open;
        std::function<void(const std::string& sentence)> engine_failed;
        /// Only the latest request is answered.
        std::function<void(PreviewAnswer answer)> answered;
    };

    explicit PreviewWorker(Listener listener);
    /// Cancels what is running and waits for it.
    ~PreviewWorker();
    PreviewWorker(const PreviewWorker&) = delete;
    PreviewWorker& operator=(const PreviewWorker&) = delete;

    /// Has the request coloured instead of all earlier ones.
    void ask(Request request);

    /// Earlier requests are no longer wanted.
    void cancel();

    /// Ends the work and hands out the networks, with what they remember of the last requests; null where they were
    /// never loaded.
    std::unique_ptr<Colorizer> take_colorizer();

  private:
    void work();
    void color(Request request, unsigned number);
    void stop();
    /// Has the main loop call it.
    void post(std::function<void()> call);

    /// Shared with calls that the main loop has not made yet.
    struct Mailbox {
        bool open = true; ///< main thread only
    };

    Listener listener_;
    std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
    std::unique_ptr<Colorizer> colorizer_; ///< the worker's, until it has ended

    std::mutex mutex_;
    std::condition_variable news_;
    std::optional<Request> waiting_; ///< guarded by mutex_, as the next one
    bool ending_ = false;
    std::atomic<unsigned> latest_ = 0; ///< number of the one request that is still wanted
    std::thread thread_;
};

} // namespace chromatch::plugin
