// SPDX-License-Identifier: GPL-3.0-or-later
//
// Plain std::thread loops. A thread lives as long as one call: the work of a call takes milliseconds, a thread's start
// some tens of microseconds, and the engine keeps no state that a host could tear down in the wrong order.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace chromatch {

/// The number of threads for a request (0: all cores) that has `work` independent pieces.
inline int thread_count(int requested, int work)
{
    const int cores = requested > 0 ? requested : static_cast<int>(std::thread::hardware_concurrency());
    return std::clamp(cores, 1, std::max(1, work));
}

/// Calls body(worker) once for each worker in [0, workers), each on its own thread; worker 0 is the calling thread.
/// The first exception of any worker is thrown again here. Where the system refuses a thread, the calling thread
/// does that worker's part.
template <class Body> void run_workers(int workers, const Body& body)
{
    if (workers <= 1) {
        body(0);
        return;
    }
    std::exception_ptr failure;
    std::mutex failure_lock;
    const auto guarded = [&](int worker) {
        try {
            body(worker);
        } catch (...) {
            const std::lock_guard<std::mutex> lock(failure_lock);
            if (!failure)
                failure = std::current_exception();
        }
    };
    std::vector<std::thread> threads;
    threads.reserve(workers - 1);
    int started = 1;
    try {
        for (; started < workers; ++started)
            threads.emplace_back(guarded, started);
    } catch (...) { // no thread, or no memory for one
    }
    guarded(0);
    for (int worker = started; worker < workers; ++worker)
        guarded(worker);
    for (std::thread& thread : threads)
        thread.join();
    if (failure)
        std::rethrow_exception(failure);
}

/// Calls body(first, last) for pieces of [0, count) of at most `grain`, in any order, on up to `threads` threads
/// (0: all cores). The pieces do not depend on the number of threads.
template <class Body> void parallel_for(int count, int grain, int threads, const Body& body)
{
    const int pieces = (count + grain - 1) / grain;
    std::atomic<int> next{0};
    run_workers(thread_count(threads, pieces), [&](int) {
        for (int piece = next++; piece < pieces; piece = next++)
            body(piece * grain, std::min(count, (piece + 1) * grain));
    });
}

} // namespace chromatch
