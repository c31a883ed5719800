// SPDX-License-Identifier: GPL-3.0-or-later
#include "preview_worker.h"

#include "coloring.h"
#include "engine_loader.h"
#include "failure.h"

#include <utility>

namespace chromatch::plugin {

PreviewWorker::PreviewWorker(Listener listener) : listener_(std::move(listener)), thread_([this] { work(); }) {}

PreviewWorker::~PreviewWorker()
{
    stop();
}

void PreviewWorker::ask(Request request)
{
    const std::lock_guard lock(mutex_);
    waiting_ = std::move(request);
    news_.notify_one();
    ++latest_;
}

void PreviewWorker::cancel()
{
    const std::lock_guard lock(mutex_);
    waiting_.reset();
    ++latest_;
}

std::unique_ptr<Colorizer> PreviewWorker::take_colorizer()
{
    stop();
    return std::move(colorizer_);
}

void PreviewWorker::stop()
{
    mailbox_->open = false;
    if (!thread_.joinable()) {
        return;
    }
    cancel();
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
        news_.notify_one();
    }
    thread_.join();
}

void PreviewWorker::post(std::function<void()> call)
{
    struct Letter {
        std::shared_ptr<Mailbox> mailbox;
        std::function<void()> call;
    };
    const auto deliver = [](gpointer data) -> gboolean {
        const auto* letter = static_cast<Letter*>(data);
        if (letter->mailbox->open) {
            letter->call();
        }
        return G_SOURCE_REMOVE;
    };
    const auto destroy = [](gpointer data) { delete static_cast<Letter*>(data); };
    // Before redrawing, so that the picture is on the screen in the same turn of the loop.
    g_idle_add_full(G_PRIORITY_DEFAULT, deliver, new Letter{mailbox_, std::move(call)}, destroy);
}

void PreviewWorker::work()
{
    try {
        const EngineFunctions& engine = open_engine();
        // The pixels can be read while the networks are loaded.
        post([this, &engine] { listener_.engine_is_open(engine); });
        colorizer_ = load_networks(engine);
    } catch (...) {
        post([this, sentence = caught_failure().sentence] { listener_.engine_failed(sentence); });
        return;
    }
    while (true) {
        std::unique_lock lock(mutex_);
        news_.wait(lock, [this] { return ending_ || waiting_; });
        if (ending_) {
            return;
        }
        Request request = *std::move(waiting_);
        waiting_.reset();
        const unsigned number = latest_;
        lock.unlock();
        color(std::move(request), number);
    }
}

void PreviewWorker::color(Request request, unsigned number)
{
    PreviewAnswer answer;
    try {
        answer.result = colorizer_->colorize(request, [&](double, Stage) { return latest_ == number; });
    } catch (const Error& error) {
        if (error.code() == ErrorCode::cancelled) {
            return;
        }
        answer.failure = failure_of(error, {}).sentence;
    } catch (...) {
        answer.failure = caught_failure().sentence;
    }
    post([this, number, answer = std::move(answer)]() mutable {
        if (latest_ == number) {
            listener_.answered(std::move(answer));
        }
    });
}

} // namespace chromatch::plugin
